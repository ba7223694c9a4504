"""What Keras makes of the flags and of the `training` arguments in a graph, by generation."""

from __future__ import annotations

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer, Mode, ModelGraph
from freezelint.keras.behaviour import Behaviour


def trains(model: ModelGraph, layer: Layer, keras: Behaviour) -> bool | None:
    """Whether `fit` on the whole model would change the weights of `layer`; None where no flag is known.

    Keras 2 asks the layer and everything above it. Keras 3 asks the layer and the model that is trained: a frozen
    model in between passes its flag down when it is set, and stops nothing afterwards. The variables of a loaded model
    have flags of their own, which say it directly.
    """
    if model.format == "live" and layer.weights:
        trained = [weight.trainable for weight in layer.weights if not layer_kinds.is_statistic(weight.role)]
        if trained and None not in trained:
            return True in trained
    own = layer.own_trainable
    if own is None or keras.frozen_parent_gates_children:
        effective = layer.effective_trainable
    else:
        effective = own and (model.root is None or model.root.own_trainable is not False)
    if effective is None and layer.weights:
        known = {weight.trainable for weight in layer.weights if not layer_kinds.is_statistic(weight.role)}
        return True if True in known else False if known == {False} else None
    return effective


def weighted_layers(model: ModelGraph) -> list[Layer]:
    """The layers that hold weights an optimizer could change."""
    return [layer for layer in model.layers() if layer_kinds.has_trainable_weights(layer)]


def wired_training(model: ModelGraph) -> dict[str, frozenset[bool | None]]:
    """For every layer, by path, the literal `training` that its calls are wired with; None for a call without one.

    The innermost literal counts: what stands at the call of a nested model holds for the layers in it that are
    called without one. What Keras 3 writes by itself is no literal.
    """
    calls: dict[str, set[bool | None]] = {}
    for call in model.calls:
        calls.setdefault(call.layer, set()).add(None if call.training_is_artifact else call.training)
    found: dict[str, frozenset[bool | None]] = {}
    stack = [(model.root, frozenset[bool | None]({None}))] if model.root is not None else []
    while stack:
        layer, above = stack.pop()
        own = calls.get(layer.path)
        reaching = above if own is None else frozenset(own - {None}) | (above if None in own else frozenset())
        found[layer.path] = reaching
        stack.extend((child, reaching) for child in layer.children)
    return found


def traced_modes(model: ModelGraph, layer: Layer) -> frozenset[Mode]:
    """How the BatchNormalization `layer` runs in the training trace of the artifact; empty where that is not known."""
    if model.training_trace is None:
        return frozenset()
    batchnorms = model.training_trace.batchnorms
    exact = {found.mode for found in batchnorms if found.layer == layer.path}
    return frozenset(exact or {found.mode for found in batchnorms if layer.name in found.scope.split("/")})
