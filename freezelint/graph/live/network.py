"""The calls between the layers of a Functional or Sequential model, from the nodes that Keras keeps of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from freezelint.graph.live.objects import shape


@dataclass(frozen=True, slots=True)
class Node:
    """One call: the layer object, its number among the calls of that layer in this model, and what it was given.

    `sources` are (layer object, its node's place in Keras's own list, output).
    """

    layer: Any
    index: int
    sources: tuple[tuple[Any, int, int], ...]
    shapes: tuple[tuple[int | None, ...] | None, ...]
    training: bool | None
    training_is_cleared: bool = False


class Network:
    """The nodes that belong to one model, and the numbers of its calls."""

    def __init__(self, model: Any) -> None:
        graph = getattr(model, "_functional", None)
        self._graph = graph if graph is not None else model
        by_depth = getattr(self._graph, "_nodes_by_depth", None) or {}
        self._members = {id(node) for nodes in by_depth.values() for node in nodes}
        self._numbers: dict[tuple[int, int], int] = {}

    @property
    def is_known(self) -> bool:
        """Whether the model has been built into a graph."""
        return bool(self._members)

    def layers(self) -> list[Any]:
        """The layers and operations of the model, in Keras's order."""
        found = getattr(self._graph, "operations", None)
        return list(found if found is not None else self._graph.layers)

    def calls(self, layer: Any) -> Iterator[Node]:
        """The calls of one layer in this model."""
        index = 0
        for place, node in enumerate(getattr(layer, "_inbound_nodes", ())):
            if id(node) not in self._members:
                continue
            self._numbers[id(layer), place] = index
            if not node.is_input:
                yield _node(layer, index, node)
            index += 1

    def number(self, layer: Any, place: int) -> int | None:
        """The number of a call by its place in Keras's own list; `calls` of that layer must have been read."""
        return self._numbers.get((id(layer), place))

    def ends(self, name: str) -> list[tuple[Any, int, int]]:
        """The tensors at the ends of the model: `inputs` or `outputs`."""
        found = getattr(self._graph, f"_{name}", None)
        tensors = found if found is not None else getattr(self._graph, name, None)
        return [history for tensor in _flat(tensors) if (history := _history(tensor)) is not None]


def _node(layer: Any, index: int, node: Any) -> Node:
    arguments = getattr(node, "arguments", None)
    if arguments is not None:
        tensors, kwargs = list(arguments.keras_tensors), arguments.kwargs
    else:
        tensors, kwargs = list(node.keras_inputs), node.call_kwargs
    sources = [(tensor, _history(tensor)) for tensor in tensors]
    value = kwargs.get("training") if isinstance(kwargs, Mapping) else None
    return Node(
        layer,
        index,
        tuple(history for _, history in sources if history is not None),
        tuple(shape(tensor) for tensor, history in sources if history is not None),
        bool(value) if isinstance(value, bool) or (type(value) is int and value in (0, 1)) else None,
        isinstance(kwargs, Mapping) and "training" in kwargs and value is None,
    )


def _history(tensor: Any) -> tuple[Any, int, int] | None:
    found = getattr(tensor, "_keras_history", None)
    return (found[0], int(found[1]), int(found[2])) if isinstance(found, tuple) and len(found) == 3 else None


def _flat(value: Any) -> Iterator[Any]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(item))
        elif item is not None:
            yield item
