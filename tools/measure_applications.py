"""Build every model of `keras.applications` and write what it is made of to `freezelint/keras/applications.json`.

    python tools/measure_applications.py keras       # the installed Keras 3
    python tools/measure_applications.py tf_keras    # the installed Keras 2

Each run replaces the facts of its own generation and leaves the other one alone. Nothing is downloaded: models are
built as with their default weights, but the files are never fetched or loaded. The format of the file is described
in `freezelint/keras/applications.py`, which reads it; `tests/keras/test_applications.py` compares the two again.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import gc
import hashlib
import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

TARGET = Path(__file__).resolve().parent.parent / "freezelint" / "keras" / "applications.json"

_PREFIXED_BLOCK = re.compile(
    r"^(.*?(?:conv\d+_block\d+|Stage_\d+_[A-Z]Block_\d+|stage_\d+_block_\d+|BlockGroup\d+__?block_\d+|block\d+_\d+(?=_)"
    r"|block_?\d+[a-z]?|expanded_conv(?:_\d+(?=[_/]))?|mixed_\d[a-z]))(.*)$"
)
_SUFFIXED_BLOCK = re.compile(r"^((?:.*_)?(?:normal|reduction|adjust).*)_(stem_\d+|reduce_\d+|\d+)$")
_LONGEST_BLOCK = 1 / 3
"""A stretch with no place to cut that is longer than this share of a network is its structure, not a block of it."""


def main() -> None:
    """Measure the library named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=("keras", "tf_keras"))
    parser.add_argument("--only", nargs="*", metavar="NAME", help="measure these models only")
    options = parser.parse_args()
    keras = importlib.import_module(options.library)
    generation = "keras2" if keras.__version__.startswith("2") else "keras3"
    data = load()
    data["measured"][generation] = f"{options.library} {keras.__version__}"
    if not options.only:
        for facts in data["backbones"].values():
            facts.pop(generation, None)
    for name, build in sorted(builders(keras).items()):
        if not options.only or name in options.only:
            facts = measure(keras, build, data["blocks"])
            data["backbones"].setdefault(name, {})[generation] = facts
            print(name, facts["parameters"], flush=True)
    TARGET.write_text(dumps(data), "utf-8")


def load() -> dict[str, Any]:
    """What the file says so far, with both generations of every backbone written out."""
    if not TARGET.exists():
        return {"measured": {}, "blocks": {}, "backbones": {}}
    data: dict[str, Any] = json.loads(TARGET.read_text("utf-8"))
    for facts in data["backbones"].values():
        if facts.get("keras2") == "keras3":
            facts["keras2"] = facts["keras3"]
    return data


def builders(keras: ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions of `keras.applications` that build a model, by name."""
    everything = {name: getattr(keras.applications, name) for name in dir(keras.applications)}
    return {name: value for name, value in everything.items() if name[0].isupper() and callable(value)}


def measure(keras: ModuleType, build: Callable[..., Any], blocks: dict[str, str]) -> dict[str, Any]:
    """The facts about one model; the blocks of layers it is made of are added to `blocks`."""
    parameters = inspect.signature(build).parameters
    models = {
        f"{variant}{suffix}": layout(keras, build, include_top, weights, blocks)
        for suffix, weights in (("", parameters["weights"].default), ("_random", None))
        for variant, include_top in (("no_top", False), ("top", True))
    }
    shape, count, momentum = models["no_top"][1:]
    facts: dict[str, Any] = {
        "module": build.__module__.rpartition(".")[2],
        "channels": shape[-1],
        "parameters": count,
        "momentum": momentum,
        "optional_preprocessing": "include_preprocessing" in parameters,
        "no_top": " ".join(models["no_top"][0]),
        "top": " ".join(relative(models["top"][0], models["no_top"][0])),
    }
    for variant in ("no_top", "top"):
        if models[f"{variant}_random"][0] != models[variant][0]:
            facts[f"{variant}_random"] = " ".join(relative(models[f"{variant}_random"][0], models["no_top"][0]))
    return facts


def relative(references: list[str], known: list[str]) -> Iterator[str]:
    """The references, with `@start-stop` for a stretch that is the same as `known[start:stop]`."""
    matcher = difflib.SequenceMatcher(None, known, references, autojunk=False)
    for operation, start, stop, first, last in matcher.get_opcodes():
        if operation == "equal":
            yield f"@{start}-{stop}"
        else:
            yield from references[first:last]


def layout(
    keras: ModuleType, build: Callable[..., Any], include_top: bool, weights: str | None, blocks: dict[str, str]
) -> tuple[list[str], tuple[int | None, ...], int, float | None]:
    """A model as references to `blocks`, with its output shape, parameter count and BatchNorm momentum."""
    keras.backend.clear_session()
    with offline(keras):
        model = build(weights=weights, include_top=include_top)
    tokens = list(layer_tokens(model))
    references = list(as_references(tokens, blocks))
    momenta = {layer.momentum for layer in model.layers if type(layer).__name__ == "BatchNormalization"}
    result = references, tuple(model.output_shape), model.count_params(), max(momenta, default=None)
    del model
    gc.collect()
    return result


@contextlib.contextmanager
def offline(keras: ModuleType) -> Iterator[None]:
    """Builds models as with pretrained weights, without files and without spending time on random numbers."""
    utilities = [module for name, module in list(sys.modules.items()) if name.startswith(f"{keras.__name__}.src.utils")]
    zeros = keras.initializers.Zeros()

    def initialize(self: Any, shape: Any, dtype: Any = None, **_: Any) -> Any:
        return zeros(shape, dtype=dtype)

    with contextlib.ExitStack() as stack:
        for module in utilities:
            if hasattr(module, "get_file"):
                stack.enter_context(mock.patch.object(module, "get_file", lambda *_, **__: "weights.h5"))
        stack.enter_context(mock.patch.object(keras.Model, "load_weights", lambda *_, **__: None))
        for initializer in ("VarianceScaling", "TruncatedNormal", "RandomNormal", "RandomUniform"):
            stack.enter_context(mock.patch.object(getattr(keras.initializers, initializer), "__call__", initialize))
        yield


def layer_tokens(model: Any) -> Iterator[tuple[str, str, str]]:
    """For each layer of `model.layers`: its block's name, and its token with and without parentheses."""
    opening, closing = parentheses(model)
    for index, layer in enumerate(model.layers):
        block, name = split_name(layer.name)
        if is_numbered(layer):
            block, name = "", "~input" if letter(layer) == "i" else "~" + re.sub(r"_\d+$", "", layer.name)
        inner = "".join(letter(child) for child in getattr(layer, "layers", ()))
        yield (
            block,
            ("(" if index in opening else "")
            + letter(layer)
            + (f"[{inner}]" if inner else "")
            + name
            + (")" if index in closing else ""),
            name,
        )


def letter(layer: Any) -> str:
    """What a layer is, in one letter; `applications.py` says what each stands for."""
    name = type(layer).__name__
    if hasattr(layer, "layers"):
        return "m"
    if name in ("BatchNormalization", "SyncBatchNormalization"):
        return "B"
    if name in ("Rescaling", "Normalization", "Resizing"):
        return "p"
    if name in ("Add", "Average", "Concatenate", "Multiply"):
        return "+"
    if "Dropout" in name:
        return "d"
    if name.endswith("Normalization"):
        return "n"
    if name == "InputLayer":
        return "i"
    return "w" if layer.trainable_weights else "."


def split_name(name: str) -> tuple[str, str]:
    """The block that a layer's name names, and the name with `$` in its place; "" if it names none."""
    found = _SUFFIXED_BLOCK.match(name)
    if found:
        return found[2], f"{found[1]}_$"
    found = _PREFIXED_BLOCK.match(name)
    return (found[1], f"${found[2]}") if found else ("", name)


def is_numbered(layer: Any) -> bool:
    """Whether Keras made up the layer's name, so that it depends on what else was built before."""
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__))
    stem = re.sub(r"_\d+$", "", layer.name)
    return stem in (snake.lower(), "input_layer", "input") or stem.startswith("tf.")


def as_references(tokens: Iterable[tuple[str, str, str]], blocks: dict[str, str]) -> Iterator[str]:
    """The tokens as `key` or `key:name` of blocks; layers with a made-up name belong to the block before them."""
    name, members = "", []
    for block, token, bare in tokens:
        begins = block != name and not bare.startswith("~")
        if members and (begins or (not name and members[-1].endswith(")"))):
            yield reference(name, members, blocks)
            name, members = block, []
        if not members:
            name = block
        members.append(token)
    yield reference(name, members, blocks)


def reference(name: str, members: list[str], blocks: dict[str, str]) -> str:
    """The key under which a block of tokens is stored, with the block's name."""
    text = " ".join(members)
    key = hashlib.sha256(text.encode()).hexdigest()[:4]
    if blocks.setdefault(key, text) != text:
        raise SystemExit(f"two blocks share the key {key}: make the keys longer")
    return f"{key}:{name}" if name else key


def parentheses(model: Any) -> tuple[set[int], set[int]]:
    """Where blocks open and close: stretches of `model.layers` that no single tensor passes between two layers of."""
    count = len(model.layers)
    reach = last_uses(model)
    clean = [sum(made < cut <= used for made, used in reach) == 1 for cut in range(1, count)]
    opening, closing, start = set(), set(), None
    for index in range(count):
        cut_after = index == count - 1 or clean[index]
        if start is None and not cut_after:
            start = index
        elif start is not None and cut_after:
            if index - start < count * _LONGEST_BLOCK:
                opening.add(start)
                closing.add(index)
            start = None
    return opening, closing


def last_uses(model: Any) -> list[tuple[float, float]]:
    """For every tensor: the index of the layer that makes it and of the last layer that reads it.

    A raw operation (Keras 3 has them between layers, outside `model.layers`) stands right behind what it reads.
    """
    position: dict[int, float] = {id(layer): index for index, layer in enumerate(model.layers)}
    reach: dict[float, float] = {}

    def place(operation: Any) -> float:
        if id(operation) not in position:
            made = max((place(maker(tensor)) for tensor in inputs(operation)), default=0.0)
            position[id(operation)] = made + 1e-3
            use(operation)
        return position[id(operation)]

    def use(operation: Any) -> None:
        for tensor in inputs(operation):
            made = place(maker(tensor))
            reach[made] = max(reach.get(made, 0), position[id(operation)])

    for layer in model.layers:
        use(layer)
    for tensor in model.outputs:
        reach[place(maker(tensor))] = len(model.layers)
    return list(reach.items())


def inputs(operation: Any) -> list[Any]:
    """The symbolic tensors that an operation or layer reads, over all its calls."""
    return [
        tensor
        for node in operation._inbound_nodes
        for tensor in flat(node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors)
    ]


def flat(value: Any) -> Iterator[Any]:
    """The symbolic tensors inside nested lists and dictionaries."""
    if hasattr(value, "_keras_history"):
        yield value
    elif isinstance(value, dict):
        yield from flat(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flat(item)


def maker(tensor: Any) -> Any:
    """The operation or layer that made a symbolic tensor."""
    history = tensor._keras_history
    return getattr(history, "operation", None) or history.layer


def dumps(data: dict[str, Any]) -> str:
    """The file's text: sorted, one fact a line, equal generations written once, no block that nothing refers to."""
    backbones = {}
    for name, facts in sorted(data["backbones"].items()):
        if not facts:
            continue
        facts = dict(facts)
        if facts.get("keras2") == facts.get("keras3"):
            facts["keras2"] = "keras3"
        backbones[name] = facts
    used = set(re.findall(r"\b[0-9a-f]{4}\b(?=:| |\")", json.dumps(backbones)))
    blocks = {key: text for key, text in sorted(data["blocks"].items()) if key in used}
    return (
        json.dumps({"measured": data["measured"], "blocks": blocks, "backbones": backbones}, indent=1, sort_keys=True)
        + "\n"
    )


if __name__ == "__main__":
    main()
