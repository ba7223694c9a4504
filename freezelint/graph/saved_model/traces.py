"""The two traces Keras 2 saves of a model's own call: what `fit` runs and what `predict` runs."""

from __future__ import annotations

from typing import Any

from freezelint.graph.saved_model.messages import structured
from freezelint.graph.saved_model.objects import ObjectGraph
from freezelint.graph.saved_model.wire import Malformed, Message

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
