"""The mode BatchNormalization and Dropout run in while a model trains."""

from __future__ import annotations

import math
from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.graph.checks.registry import graph
from freezelint.graph.layer_kinds import has_trainable_weights, is_batchnorm, is_dropout
from freezelint.graph.model_graph import Layer, LayerKind, Mode, ModelGraph
from freezelint.graph.training import traced_modes, wired_training
from freezelint.graph.words import counted, paths
from freezelint.keras.behaviour import Behaviour


@graph.check("batchnorm-live-under-frozen-parent")
def batchnorm_live_under_frozen_parent(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A frozen model holds BatchNormalization layers that are thawed."""
    for parent, live in _live_under_frozen_parents(model, keras):
        where = f"the frozen `{parent.path}`" if parent.path else "the model, which is frozen as a whole"
        one = len(live) == 1
        subject, verb = _batchnorms(live), "is" if one else "are"
        if keras.frozen_parent_gates_children:
            effect = (
                f"`fit` moves {'its' if one else 'their'} statistics in Keras 2, while nothing under a frozen model"
                " trains, gamma and beta included"
            )
        else:
            effect = f"{_pin_note(model, live, keras)}`fit` moves {'its' if one else 'their'} statistics all the same"
        confirmed = any(Mode.TRAINING in traced_modes(model, layer) for layer in live)
        evidence = " The training trace in the file confirms it." if confirmed else ""
        advice = f"Freeze {'it' if one else 'them'} too, or thaw the parent and freeze what shall not train."
        yield Mistake(f"{subject} {verb} thawed inside {where}: {effect}.{evidence} {advice}", layer=live[0].path)


def _pin_note(model: ModelGraph, live: list[Layer], keras: Behaviour) -> str:
    """Why a wired `training=False` does not help, where there is one and it does not."""
    wired = wired_training(model)
    if not keras.wired_training_holds and any(wired[layer.path] == {False} for layer in live):
        return "the wired `training=False` does not hold in Keras 3 before 3.16, and "
    return ""


@graph.check("pinned-training-true")
def pinned_training_true(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A part is wired with `training=True`; silent where a signature already shows what that does."""
    shown = any(found.mode is Mode.TRAINING for signature in model.signatures for found in signature.batchnorms) or any(
        found.purpose == "dropout" for signature in model.signatures for found in signature.random
    )
    for part in _pinned(model, value=True):
        live, random = _thawed_batchnorms(part), [layer for layer in part.walk() if is_dropout(layer)]
        holds_random = keras.wired_training_holds and part.is_container and random
        if shown or not (live or holds_random):
            continue
        if not live:
            effect = f"{_dropouts(random)} stays active in `predict`"
        elif keras.wired_training_holds:
            effect = f"`predict` normalises with the batch it is given, and moves the statistics of {_batchnorms(live)}"
        else:
            effect = (
                f"`export()` and a plain `model(x)` run {_batchnorms(live)} with the statistics of the batch; `fit`"
                " and `predict` overrule it before Keras 3.16"
            )
        yield Mistake(
            f"`{part.path}` is wired with training=True: {effect}. Build the model without `training=True`.",
            layer=part.path,
        )


@graph.check("pinned-training-ignored")
def pinned_training_ignored(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """Keras 3 before 3.16 overrules a wired `training` where it matters."""
    if keras.wired_training_holds:
        return
    elsewhere = {layer.path for _, live in _live_under_frozen_parents(model, keras) for layer in live}
    for part in _pinned(model, value=False):
        live = [layer for layer in _thawed_batchnorms(part) if layer.path not in elsewhere]
        if live:
            yield Mistake(
                f"`{part.path}` is wired with training=False, which `fit` overrules in Keras 3 before 3.16: it moves"
                f" the statistics of {_batchnorms(live)}. Freeze those layers themselves; that holds in"
                " every version.",
                layer=part.path,
            )
    for part in _pinned(model, value=True):
        random = [layer for layer in part.walk() if is_dropout(layer)]
        if random and not _thawed_batchnorms(part):
            yield Mistake(
                f"`{part.path}` is wired with training=True, which `predict` overrules in Keras 3 before 3.16:"
                f" {_dropouts(random)} is off there, and on again from 3.16. Call the model itself with"
                " `training=True` for Monte Carlo samples.",
                layer=part.path,
            )


@graph.check("batchnorm-never-updated")
def batchnorm_never_updated(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """In a model that was trained, BatchNormalization has no statistics, or none that are numbers."""
    if not model.steps:
        return
    layers = [layer for layer in model.layers() if is_batchnorm(layer)]
    broken = [layer for layer in layers if not _is_finite(layer)]
    if broken:
        yield Mistake(
            f"The statistics of {_batchnorms(broken)} hold numbers that are not finite, so every answer of `predict` is"
            " NaN. Look for the batch that brought them in, and train again from a state before it.",
            layer=broken[0].path,
        )
    untouched = [layer for layer in layers if _is_as_made(layer) and _has_trained(layer)]
    if untouched:
        one = len(untouched) == 1
        yield Mistake(
            f"{_batchnorms(untouched)} {'has' if one else 'have'} the statistics that Keras starts with (mean 0,"
            f" variance 1) after {model.steps} training steps: {'it' if one else 'they'} never ran in training"
            " mode, and `predict` normalises nothing there. Pass `training=True` to the model in training, and let"
            " every layer hand it on.",
            layer=untouched[0].path,
            confidence=Confidence.CERTAIN if all(layer.own_trainable for layer in untouched) else Confidence.LIKELY,
        )


def _numbers(layer: Layer, role: str) -> tuple[float, float] | None:
    """The smallest and the largest number of a weight of the layer; None if there is none or it was not read."""
    return next((weight.range for weight in layer.weights if weight.role == role), None)


def _is_finite(layer: Layer) -> bool:
    found = (_numbers(layer, "moving_mean"), _numbers(layer, "moving_variance"))
    return all(math.isfinite(number) for numbers in found for number in numbers or ())


def _is_as_made(layer: Layer) -> bool:
    is_first = (_numbers(layer, "moving_mean"), _numbers(layer, "moving_variance")) == ((0.0, 0.0), (1.0, 1.0))
    return is_first and layer.config.get("momentum") != 1


def _has_trained(layer: Layer) -> bool:
    """Whether training has changed the layer's own scale or offset; Keras makes both with one number throughout."""
    scale, offset = _numbers(layer, "gamma"), _numbers(layer, "beta")
    return scale not in (None, (1.0, 1.0), (0.0, 0.0)) or offset not in (None, (0.0, 0.0))


def _live_under_frozen_parents(model: ModelGraph, keras: Behaviour) -> Iterator[tuple[Layer, list[Layer]]]:
    """The outermost frozen parents, each with its BatchNormalization layers that run in training mode in `fit`.

    Left out in Keras 3: a parent in which all BatchNormalization layers, several of them, and nothing else are
    thawed. There that works, and is how a model is adapted to new statistics.
    """
    wired = wired_training(model)
    for parent in _frozen_parents(model):
        live = []
        for layer in _thawed_batchnorms(parent):
            protected = keras.wired_training_holds and wired[layer.path] == {False}
            refuted = traced_modes(model, layer) == {Mode.INFERENCE}
            if not protected and not refuted:
                live.append(layer)
        thawed = [layer for layer in parent.walk() if has_trainable_weights(layer) and layer.own_trainable]
        every = [layer for layer in parent.walk() if is_batchnorm(layer)]
        is_adaptation = not keras.frozen_parent_gates_children and len(every) > 1 and thawed == live == every
        if live and not is_adaptation:
            yield parent, live


def _frozen_parents(model: ModelGraph) -> Iterator[Layer]:
    stack = [model.root] if model.root is not None else []
    while stack:
        layer = stack.pop()
        if layer.own_trainable is False and (layer.is_container or layer.kind is LayerKind.WRAPPER):
            yield layer
        else:
            stack.extend(reversed(layer.children))


def _pinned(model: ModelGraph, *, value: bool) -> Iterator[Layer]:
    """The layers that are called with the literal `training=value`."""
    paths_of = {call.layer for call in model.calls if call.training is value and not call.training_is_artifact}
    return (layer for layer in model.layers() if layer.path in paths_of)


def _thawed_batchnorms(layer: Layer) -> list[Layer]:
    return [inner for inner in layer.walk() if is_batchnorm(inner) and inner.own_trainable]


def _batchnorms(layers: list[Layer]) -> str:
    return counted(paths(layers), "BatchNormalization", "BatchNormalization layers")


def _dropouts(layers: list[Layer]) -> str:
    return counted(paths(layers), "the random layer", "random layers")
