"""Which frozen layers lie on the gradient path, and which trainable layer puts them there.

A frozen layer costs nothing in the backward pass unless something before it trains: then the gradient has to go
through it. Worked out over the calls of the graph, through nested models and shared layers.
"""

from __future__ import annotations

from typing import NamedTuple

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer, LayerKind, ModelGraph, TensorRef
from freezelint.graph.reachable import needed_calls
from freezelint.graph.training import trains
from freezelint.keras.behaviour import Behaviour

MAX_STEPS = 500_000
"""Calls that are looked at; a nested model counts once for every different set of trainable layers before it."""

_Upstream = frozenset[str]
_NOTHING: _Upstream = frozenset()


class FrozenGroup(NamedTuple):
    """Frozen layers with weights that a gradient has to go through, in the order of the graph.

    `upstream` are the trainable layers that force it: those with no other trainable layer before them.
    """

    layers: tuple[Layer, ...]
    upstream: tuple[str, ...]


def frozen_on_gradient_path(model: ModelGraph, keras: Behaviour) -> list[FrozenGroup]:
    """The frozen layers on the gradient path, one group for each set of trainable layers that force it."""
    if model.root is None or "" not in model.outputs:
        return []
    walk = _Walk(model, keras)
    walk.run("", tuple(_NOTHING for _ in model.inputs.get("", ())))
    groups: dict[_Upstream, list[Layer]] = {}
    for path, upstream in walk.hits.items():
        groups.setdefault(upstream, []).append(walk.layers[path])
    order = {path: number for number, path in enumerate(walk.layers)}
    return [
        FrozenGroup(
            tuple(sorted(layers, key=lambda layer: order[layer.path])), tuple(sorted(upstream, key=order.__getitem__))
        )
        for upstream, layers in groups.items()
    ]


class _Walk:
    """Carries, along every tensor, the first trainable layers it depends on."""

    def __init__(self, model: ModelGraph, keras: Behaviour) -> None:
        self.layers = model.by_path()
        self.hits: dict[str, _Upstream] = {}
        self._model, self._keras = model, keras
        self._calls = {path: needed_calls(model, path) for path in model.outputs}
        self._known: dict[tuple[str, tuple[_Upstream, ...]], tuple[_Upstream, ...]] = {}
        self._steps = 0

    def run(self, path: str, incoming: tuple[_Upstream, ...]) -> tuple[_Upstream, ...]:
        """What the outputs of the model at `path` depend on, given what its inputs do."""
        key = (path, incoming)
        if key not in self._known:
            self._known[key] = ()
            self._known[key] = self._run(path, incoming)
        return self._known[key]

    def _run(self, path: str, incoming: tuple[_Upstream, ...]) -> tuple[_Upstream, ...]:
        everything = _union(incoming)
        made: dict[tuple[str, int], tuple[_Upstream, ...]] = {}
        ends = self._model.inputs.get(path, ())
        for number, end in enumerate(ends):
            made[end.layer, end.call] = (incoming[number] if len(incoming) == len(ends) else everything,)
        for call in self._calls.get(path, ()):
            self._steps += 1
            if self._steps > MAX_STEPS or call.layer not in self.layers:
                break
            arguments = tuple(_taken(made, tensor) for tensor in call.inputs) or (everything,)
            made[call.layer, call.number] = self._called(self.layers[call.layer], arguments)
        return tuple(_taken(made, end) for end in self._model.outputs.get(path, ()))

    def _called(self, layer: Layer, arguments: tuple[_Upstream, ...]) -> tuple[_Upstream, ...]:
        if layer.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL) and layer.path in self._model.outputs:
            return self.run(layer.path, arguments)
        upstream = _NOTHING if layer_kinds.takes_integers(layer) else _union(arguments)
        if layer_kinds.is_stop_gradient(layer):
            return (_NOTHING,)
        weighted = [inner for inner in layer.walk() if layer_kinds.has_trainable_weights(inner)]
        flags = {trains(self._model, inner, self._keras) for inner in weighted}
        if True in flags:
            return (upstream or frozenset({layer.path}),)
        if upstream:
            for inner in weighted:
                if trains(self._model, inner, self._keras) is False:
                    self.hits[inner.path] = self.hits.get(inner.path, _NOTHING) | upstream
        return (upstream,)


def _taken(made: dict[tuple[str, int], tuple[_Upstream, ...]], tensor: TensorRef) -> _Upstream:
    outputs = made.get((tensor.layer, tensor.call), ())
    return outputs[tensor.tensor] if 0 <= tensor.tensor < len(outputs) else _union(outputs)


def _union(parts: tuple[_Upstream, ...]) -> _Upstream:
    return _NOTHING.union(*parts)
