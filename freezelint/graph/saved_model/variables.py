"""The variables of a SavedModel under one key each, however the graph refers to them.

A variable with a node in the object graph has that number as its key; one that only the graph knows (TensorFlow 1)
its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from freezelint.graph.saved_model.messages import Node, own_shape, type_name
from freezelint.graph.saved_model.objects import ObjectGraph, Variable
from freezelint.graph.saved_model.wire import Message

_COPY = re.compile(r"_\d+$")


@dataclass(slots=True)
class Variables:
    """Keys and names of one model's variables."""

    graph: ObjectGraph
    _by_name: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, node in enumerate(self.graph.nodes):
            if node.variable is not None:
                self._by_name.setdefault(node.variable.name, number)

    def key_of_shared_name(self, name: str) -> int | str:
        """The key of the variable that a handle in the main graph names; a copy's number (`_1`) does not count."""
        if name in self._by_name:
            return self._by_name[name]
        return self._by_name.get(_COPY.sub("", name), name)

    def name(self, key: int | str | None) -> str:
        """What the variable is called, empty if it is unknown."""
        if isinstance(key, int):
            node = self.graph.node(key)
            return node.variable.name if node is not None and node.variable is not None else f"object {key}"
        return key or ""

    def bound(self, function: str) -> tuple[int | None, ...]:
        """What the last arguments of a concrete function always are: keys of variables, None for constants."""
        concrete = self.graph.concrete_functions.get(function)
        found = ((number, self.graph.node(number)) for number in (concrete.bound_inputs if concrete else ()))
        return tuple(number if node is not None and node.variable is not None else None for number, node in found)


def of_tensorflow_1(nodes: Iterable[Node], collections: Mapping[str, Message]) -> list[Variable]:
    """The variables of a model without an object graph, from its main graph and its collections."""
    trainable = _collected(collections.get("trainable_variables"))
    found = []
    for node in nodes:
        if node.operation in _VARIABLE_OPERATIONS:
            shape, dtype = node.attributes.get("shape"), node.attributes.get("dtype")
            found.append(
                Variable(
                    node=-1,
                    name=node.name,
                    shape=own_shape(shape) if shape is not None else None,
                    dtype=type_name(dtype) if dtype is not None else None,
                    created_trainable=node.name in trainable,
                )
            )
    return found


def _collected(collection: Message | None) -> set[str]:
    """The names in a collection of VariableDef messages."""
    names: set[str] = set()
    for number, _, values in collection or ():
        if number == 2:
            for inner, _, definition in values:
                if inner == 1:
                    names.update(part.text().split(":")[0] for key, _, part in definition if key == 1)
    return names


_VARIABLE_OPERATIONS = frozenset({"VarHandleOp", "VariableV2", "Variable"})
