"""The two traces Keras 2 saves of a model's own call: what `fit` runs and what `predict` runs."""

from __future__ import annotations

from typing import Any

from freezelint.graph.saved_model.messages import map_entry
from freezelint.graph.saved_model.objects import ObjectGraph
from freezelint.graph.saved_model.wire import Malformed, Message, float64, zigzag

MAX_NESTING = 100
_CALLS = ("call_and_return_all_conditional_losses", "call_and_return_conditional_losses", "__call__")


def root_traces(graph: ObjectGraph) -> dict[bool, str]:
    """The concrete function of the root's call by the value of `training` it was traced with."""
    for name in _CALLS:
        number = graph.child(0, name)
        node = graph.node(number) if number is not None else None
        if node is None or not node.functions:
            continue
        traces: dict[bool, str] = {}
        position = _position_of_training(node.function_spec)
        for function in node.functions:
            training = _training(graph, function, position)
            if training is not None:
                traces.setdefault(training, function)
        if traces:
            return traces
    return {}


def _position_of_training(spec: Message | None) -> int | None:
    """Where `training` stands among the positional arguments, `self` not counted."""
    if spec is None:
        return None
    described = next((_decoded(part) for number, _, part in spec if number == 1), None)
    names = described.get("args") if isinstance(described, dict) else None
    if not isinstance(names, list) or "training" not in names:
        return None
    return names.index("training") - int(names[0] == "self")


def _training(graph: ObjectGraph, function: str, position: int | None) -> bool | None:
    concrete = graph.concrete_functions.get(function)
    if concrete is None or concrete.traced_with is None:
        return None
    call = _decoded(concrete.traced_with)
    if not isinstance(call, list) or len(call) != 2:
        return None
    positional, named = call
    value = None
    if isinstance(named, dict) and "training" in named:
        value = named["training"]
    elif isinstance(positional, list) and position is not None and position < len(positional):
        value = positional[position]
    return value if isinstance(value, bool) else None


def _decoded(message: Message) -> Any:
    try:
        return structured(message)
    except Malformed:
        return None


def structured(message: Message, depth: int = 0) -> Any:
    """A StructuredValue as Python data; a tensor spec and what else has no value here is the string "tensor".

    Raises `Malformed` where it is nested deeper than any real one.
    """
    if depth > MAX_NESTING:
        raise Malformed(f"a structured value nested deeper than {MAX_NESTING}")
    for number, integer, part in message:
        if number == 1:
            return None
        if number == 11:
            return float64(integer)
        if number == 12:
            return zigzag(integer)
        if number == 13:
            return part.text()
        if number == 14:
            return bool(integer)
        if number in (51, 52):
            return [structured(value, depth + 1) for inner, _, value in part if inner == 1]
        if number == 53:
            entries = (map_entry(entry) for inner, _, entry in part if inner == 1)
            return {key: structured(value, depth + 1) for key, value in entries}
        if number == 54:
            pairs = (map_entry(pair) for inner, _, pair in part if inner == 2)
            return {key: structured(value, depth + 1) for key, value in pairs}
        return "tensor"
    return None
