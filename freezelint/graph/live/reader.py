"""Puts together what the objects of a loaded model say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from graphlib import CycleError
from typing import Any

from freezelint.graph import layer_kinds
from freezelint.graph.call_order import in_running_order
from freezelint.graph.live import objects
from freezelint.graph.live.network import Network, Node
from freezelint.graph.model_graph import Call, Layer, LayerKind, ModelGraph, TensorRef, Unreadable, Weight

MAX_DEPTH = 100
MAX_LAYERS = 100_000
_WITH_CALLS = (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL)


def read(model: Any) -> ModelGraph:
    """The graph of a loaded model, as it stands now; the model is not called and not changed.

    Raises `Unreadable` for an object that is no model of Keras 2 or Keras 3.
    """
    if not objects.is_model(model):
        raise Unreadable(f"an object of class {type(model).__name__}, not a Keras model")
    return _Reader(model).read()


class _Reader:
    def __init__(self, model: Any) -> None:
        version = objects.keras_version(model)
        name = str(getattr(model, "name", "") or type(model).__name__)
        self.graph = ModelGraph(name, "live", keras_version=version)
        self.graph.writer = f"Keras {version}" if version else None
        self.graph.tensorflow_version = _text(getattr(sys.modules.get("tensorflow"), "__version__", None))
        self._model = model
        self._is_keras_3 = (version or "").startswith("3")
        self._trained = objects.trainable_ids(model)
        self._shared: dict[int, str] = {}
        self._known: dict[int, int] = {}
        self._count = 0

    def read(self) -> ModelGraph:
        graph = self.graph
        graph.steps = objects.steps(getattr(self._model, "optimizer", None))
        root = graph.root = self._layer(self._model, None, set(), frozenset())
        _set_effective_flags(root)
        graph.variables = [weight for layer in root.walk() for weight in layer.weights]
        if self._trained is not None:
            graph.trainable_variables = tuple(dict.fromkeys(w.name for w in graph.variables if w.trainable))
        if not graph.variables and not getattr(self._model, "built", True):
            graph.gaps.append("the model is not built yet: its weights do not exist")
        graph.compiled = _compiled(self._model)
        graph.optimizer_slots = _slots(getattr(self._model, "optimizer", None))
        graph.gaps.append("a loaded model has no signatures: what would be served was not looked at")
        return graph

    def _layer(self, found: Any, parent: Layer | None, taken: set[str], above: frozenset[int]) -> Layer:
        kind = objects.kind(found)
        name = str(getattr(found, "name", "") or type(found).__name__.lower())
        layer = Layer(
            path="" if parent is None else _unique(parent.path, name, taken),
            name=name,
            class_name=type(found).__name__,
            kind=kind,
            module=objects.module(found),
            own_trainable=None if kind in (LayerKind.OPERATION, LayerKind.INPUT) else objects.flag(found),
            config=objects.configuration(found, kind),
            shared_id=self._shared.setdefault(id(found), str(len(self._shared))),
        )
        self._count += 1
        layer.weights = self._weights(layer, found)
        if id(found) in above or len(above) >= MAX_DEPTH or self._count >= MAX_LAYERS:
            self.graph.gaps.append(f"{layer.path!r} holds itself, or is nested too deeply: what is inside was not read")
            return layer
        if kind in _WITH_CALLS:
            self._calls(layer, found, above | {id(found)})
        elif kind is not LayerKind.OPERATION:
            names = set[str]()
            layer.children = [self._layer(part, layer, names, above | {id(found)}) for _, part in objects.parts(found)]
        if kind is LayerKind.SUBCLASSED:
            self.graph.gaps.append(
                f"{name!r} is a subclassed model ({layer.class_name}): which layers its `call` runs, and with which"
                " arguments, cannot be seen"
            )
        return layer

    def _weights(self, layer: Layer, found: Any) -> list[Weight]:
        """The layer's own variables. Whether one trains is what the model as a whole says of it."""
        weights = []
        for variable in objects.variables(found):
            statistic = layer_kinds.is_statistic(variable.role)
            trains = None if self._trained is None else id(variable.value) in self._trained
            name = f"{layer.path}/{variable.role}" if layer.path else variable.role
            numbers = (
                objects.number_range(variable.value) if self.graph.steps and layer_kinds.is_batchnorm(layer) else None
            )
            weights.append(
                Weight(name, variable.shape, variable.dtype, variable.role, False if statistic else trains, numbers)
            )
        return weights

    def _calls(self, model: Layer, found: Any, above: frozenset[int]) -> None:
        """The layers of a Functional or Sequential model, and the calls between them."""
        network = Network(found)
        is_sequence = model.kind is LayerKind.SEQUENTIAL
        members = _sequence(found) if is_sequence else network.layers()
        taken = set[str]()
        layers = [self._layer(member, model, taken, above) for member in members]
        model.children = layers
        paths = {id(member): layer.path for member, layer in zip(members, layers, strict=True)}
        nodes = [(layer, list(network.calls(member))) for member, layer in zip(members, layers, strict=True)]
        if is_sequence:
            self._chain(model, nodes)
            return
        calls = [
            self._call(layer, model, node, _resolved(network, node.sources, paths))
            for layer, found_nodes in nodes
            for node in found_nodes
        ]
        try:
            self.graph.calls.extend(in_running_order(calls))
        except CycleError:
            self.graph.calls.extend(calls)
        self.graph.inputs[model.path] = _resolved(network, network.ends("inputs"), paths)
        self.graph.outputs[model.path] = _resolved(network, network.ends("outputs"), paths)

    def _chain(self, model: Layer, nodes: Sequence[tuple[Layer, list[Node]]]) -> None:
        """The calls of a Sequential: every layer takes what the one before it made."""
        previous: TensorRef | None = None
        for layer, calls in nodes:
            if layer.kind is not LayerKind.INPUT:
                node = calls[0] if calls else Node(None, 0, (), (), None)
                given = (previous,) if previous else ()
                self.graph.calls.append(self._call(layer, model, node, given))
            elif previous is None:
                self.graph.inputs[model.path] = (TensorRef(layer.path, 0),)
            previous = TensorRef(layer.path, 0)
        self.graph.outputs[model.path] = (previous,) if previous else ()

    def _call(self, layer: Layer, model: Layer, node: Node, given: tuple[TensorRef, ...]) -> Call:
        in_sequence = model.kind is LayerKind.SEQUENTIAL
        training = None if in_sequence else node.training
        return Call(
            layer=layer.path,
            parent=model.path,
            number=0 if in_sequence else node.index,
            inputs=given,
            training=training,
            training_is_artifact=self._is_keras_3 and layer_kinds.records_by_itself(layer, training),
            training_is_cleared=self._is_keras_3 and not in_sequence and node.training_is_cleared,
            input_shapes=node.shapes,
        )


def _sequence(model: Any) -> list[Any]:
    """The layers of a Sequential, its InputLayer included."""
    found = objects.tracked(model)
    return found or list(model.layers)


def _resolved(
    network: Network, sources: Sequence[tuple[Any, int, int]], paths: Mapping[int, str]
) -> tuple[TensorRef, ...]:
    found = []
    for layer, place, tensor in sources:
        number = network.number(layer, place)
        if number is not None and id(layer) in paths:
            found.append(TensorRef(paths[id(layer)], number, tensor))
    return tuple(found)


def _set_effective_flags(root: Layer) -> None:
    """A layer's effective flag is its own and those of everything above it."""
    stack = [(root, True)]
    while stack:
        layer, above = stack.pop()
        own = layer.own_trainable
        layer.effective_trainable = (None if above else False) if own is None else own and above
        stack.extend((child, above and own is not False) for child in layer.children)


def _compiled(model: Any) -> bool | None:
    """Whether `compile` was called."""
    for name in ("compiled", "_is_compiled"):
        value = getattr(model, name, None)
        if isinstance(value, bool):
            return value
    return None


def _slots(optimizer: Any) -> int | None:
    """How many variables of the optimizer belong to a single weight; counters and rates have no shape."""
    if optimizer is None:
        return None
    found = getattr(optimizer, "variables", None)
    try:
        variables = list(found() if callable(found) else found or ())
    except Exception:  # an optimizer of somebody's own
        return None
    return sum(1 for variable in variables if objects.shape(variable))


def _unique(parent: str, name: str, taken: set[str]) -> str:
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}#{number}"
    taken.add(unique)
    return f"{parent}/{unique}" if parent else unique


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
