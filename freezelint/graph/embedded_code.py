"""Does a layer's configuration carry Python byte code, or ask its loader to import something it should not?

Nothing is decoded, unmarshalled or imported; what counts is the form. Public accounts of the danger:
CVE-2024-3660 (byte code in Lambda layers) and CVE-2025-1550 (any function of any module, named in config.json).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_MARSHALLED = ("\xe3", "c\x00\x00", "4wA", "4wE", "4wI", "4wM", "4wQ", "4QA", "4QE", "4QI", "YwA", "YwE")
"""How a marshalled code object begins: as raw text (Keras before 2.1) and in base64."""

_DANGEROUS_BUILTINS = frozenset({
    "eval",
    "exec",
    "compile",
    "open",
    "getattr",
    "setattr",
    "__import__",
    "input",
    "breakpoint",
})
_HARMLESS_MODULES = frozenset({"builtins", "__main__"})


def is_embedded(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether loading a layer of this class with this configuration would unmarshal code or import at will.

    Layers serialized inside `config` are judged with their own configuration, not with this one's.
    """
    if class_name.rpartition(">")[2] == "Lambda" and _is_code(config):
        return True
    stack: list[object] = [value for key, value in config.items() if key != "layers"]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("class_name") == "__lambda__" or _imports_at_will(item):
                return True
            inner = item.get("config")
            if not (isinstance(inner, dict) and "trainable" in inner):
                stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def _is_code(config: Mapping[str, Any]) -> bool:
    """Whether the function of a Lambda layer is byte code rather than a name."""
    for key in ("function", "output_shape", "mask"):
        value = config.get(key)
        if isinstance(value, dict) and value.get("class_name") == "__tuple__":
            value = value.get("items")
        kind = config.get(f"{key}_type")
        text = value[0] if isinstance(value, list) and value else value
        if isinstance(text, str) and (kind == "lambda" or text.startswith(_MARSHALLED)):
            return True
        if key == "function" and isinstance(value, list) and isinstance(text, str):
            return True
    return False


def _imports_at_will(item: Mapping[str, Any]) -> bool:
    """Whether a serialized object names something of the standard library, which no layer ever needs."""
    module, name = item.get("module"), item.get("config")
    if not isinstance(module, str) or not isinstance(item.get("class_name"), str):
        return False
    top = module.partition(".")[0]
    if top == "builtins":
        return bool({name, item.get("class_name")} & _DANGEROUS_BUILTINS) if isinstance(name, str) else False
    if module.startswith(("keras.utils", "keras.src.utils")) and item["class_name"] == "function":
        return True
    return top in sys.stdlib_module_names and top not in _HARMLESS_MODULES
