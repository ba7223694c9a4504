"""What else moves the statistics of layers that are thought to be at rest, or makes them useless."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.building import contains_batchnorm
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import (
    confidence,
    is_pretrained,
    name_of,
    plural,
    steps,
    titled,
    training_step,
    was_frozen,
)
from freezelint.source.timeline import Leaf, Timeline, Trained
from freezelint.source.values import Layer, Model, Place, Wired

SMALL_BATCH = 4
"""The largest batch whose statistics are taken for noise: a mean of four examples is off by half a deviation."""


def _live(trained: Trained) -> Iterator[Leaf]:
    """The parts whose BatchNormalization runs in training mode in a training call."""
    return (leaf for leaf in trained.read.leaves if leaf.thawed_batchnorms)


@source.check("batchnorm-live-under-frozen-parent")
def batchnorm_live_under_frozen_parent(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model is frozen as a whole, and BatchNormalization inside it was thawed with other layers."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        for leaf in _live(trained):
            inner = [model for model in (*leaf.around[1:], leaf.model) if model is not trained.model]
            nested = [model for model in inner if any(model is container for container in trained.model.containers())]
            parent = next((model for model in nested if was_frozen(timeline, model, trained)), None)
            at = next((thaw.at for thaw in leaf.thawed_batchnorms if thaw.at is not None), None)
            if parent is None or at is None or at in seen or (leaf.adapts and leaf.gate is None):
                continue
            if contains_batchnorm(parent) is not True:
                continue
            seen.add(at)
            yield Mistake(
                f"{titled(parent)} is frozen, and BatchNormalization inside it is not: training rewrites its "
                "statistics inside a model that says of itself that it is frozen. Freeze those layers again, or thaw "
                f"{name_of(parent)} first and then freeze what shall stay frozen.",
                at.span,
                steps((parent.flag.at, "frozen here"), training_step(trained)),
                confidence=confidence(trained, [parent]),
            )


@source.check("batchnorm-in-timedistributed")
def batchnorm_in_timedistributed(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A pretrained model with BatchNormalization trains inside TimeDistributed."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        wrappers = list(_time_distributed(trained.model))
        for leaf in _live(trained):
            wrapper = next((item for item in wrappers if item.wrapped in (leaf.model, *leaf.around)), None)
            if wrapper is None or id(wrapper) in seen or leaf.gate is not None or is_pretrained(leaf) is not True:
                continue
            if keras.wired_training_holds and any(call.pinned is False for call in _calls_of(trained, wrapper)):
                continue
            seen.add(id(wrapper))
            yield Mistake(
                f"TimeDistributed runs {titled(leaf.model)} on the steps of a few sequences at once, several times for "
                "one batch: its BatchNormalization normalises with, and learns from, steps that are nearly alike. "
                "Freeze the BatchNormalization layers before `compile`.",
                wrapper.at.span,
                steps((leaf.model.at, "pretrained"), training_step(trained)),
                confidence=min(Confidence.LIKELY, confidence(trained, [leaf.model])),
            )


def _time_distributed(model: Model) -> Iterator[Layer]:
    for container in model.containers():
        for part in container.parts:
            if isinstance(part, Layer) and part.class_name == "keras.layers.TimeDistributed":
                yield part


def _calls_of(trained: Trained, layer: Layer) -> Iterator[Wired]:
    return (call for model in trained.model.containers() for call in model.calls if call.layer is layer)


@source.check("spectral-normalization-not-frozen")
def spectral_normalization_not_frozen(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A frozen SpectralNormalization rewrites the kernel that it wraps."""
    if keras.spectral_normalization_can_be_frozen:
        return
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.read.weighted:
            layer = leaf.part
            if not isinstance(layer, Layer) or layer.class_name != "keras.layers.SpectralNormalization":
                continue
            if leaf.trains is False and leaf.frozen_at and id(layer) not in seen:
                seen.add(id(layer))
                yield Mistake(
                    f"Freezing does not stop {name_of(layer)}: SpectralNormalization rewrites the kernel it wraps in "
                    "every training step, frozen or not. Call it with `training=False` in the `call` of a model of "
                    "your own, or use a kernel constraint.",
                    leaf.frozen_at[0].span,
                    steps((layer.at, "made here"), training_step(trained)),
                    confidence=confidence(trained, [trained.model]),
                )


@source.check("small-batch-batchnorm")
def small_batch_batchnorm(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """BatchNormalization learns from batches of a few examples."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        size = trained.batch_size
        if size is None or not 0 < size <= SMALL_BATCH or trained.at in seen:
            continue
        leaves = [leaf for leaf in _live(trained) if leaf.gate is None and not _is_synchronized(leaf)]
        if leaves:
            seen.add(trained.at)
            yield Mistake(
                f"BatchNormalization in {name_of(leaves[0].model)} normalises with the statistics of "
                f"{plural(size, 'example')} here, which are mostly noise. Freeze it if it is pretrained, otherwise use "
                "GroupNormalization or larger batches.",
                trained.at.span,
                confidence=confidence(trained, [leaves[0].model]),
            )


def _is_synchronized(leaf: Leaf) -> bool:
    return isinstance(leaf.part, Layer) and "synchronized" in leaf.part.arguments
