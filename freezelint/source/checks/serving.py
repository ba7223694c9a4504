"""Models that answer: in which mode they run once training is over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.building import contains_batchnorm
from freezelint.source.checks.call_methods import mode_dependent
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import name_of, plural, steps
from freezelint.source.timeline import Called, RunWithoutMode, SignatureMade, Timeline, Trained, WeightsSet
from freezelint.source.values import Known, Layer, Model, Place, Tensor, Wired

_ANSWERS = re.compile(r"predict|infer|evaluat|classif|recogni|detect|serv", re.IGNORECASE)


def _in_training_mode(call: Called) -> bool:
    return isinstance(call.training, Known) and call.training.value is True


@source.check("signature-traced-in-training")
def signature_traced_in_training(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A function that becomes a signature calls a model with `training=True`."""
    seen: set[Place] = set()
    for signature in timeline.events:
        if not isinstance(signature, SignatureMade) or "train" in signature.name.lower():
            continue
        for call in signature.calls:
            if _in_training_mode(call) and mode_dependent(call.layer) and call.at not in seen:
                seen.add(call.at)
                yield Mistake(
                    f"{name_of(call.layer)} is served with `training=True`: BatchNormalization normalises with the "
                    "other requests of the batch and rewrites its statistics, and Dropout drops. Pass "
                    "`training=False`.",
                    call.at.span,
                    steps((signature.at, "becomes a signature here")),
                    confidence=Confidence.CERTAIN if call.layer.certain else Confidence.LIKELY,
                )


@source.check("training-true-at-inference")
def training_true_at_inference(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A trained model with BatchNormalization is asked once, outside any training step, with `training=True`."""
    learned: dict[int, Place] = {}
    for event in timeline.events:
        if isinstance(event, Trained) and not event.implied:
            learned[id(event.model)] = event.at
        elif isinstance(event, WeightsSet):
            learned[id(event.target)] = event.at
        if not isinstance(event, Called) or not isinstance(event.layer, Model) or event.where != "eager":
            continue
        model, answers = event.layer, not event.within or _ANSWERS.search(event.within)
        known = id(model) in learned or model.loaded_from is not None
        if _in_training_mode(event) and event.once and answers and known and contains_batchnorm(model):
            yield Mistake(
                f"{name_of(model)} answers in training mode here: its BatchNormalization normalises with the batch it "
                "is asked about, so an answer depends on the other examples, and every call moves the statistics. "
                "Leave `training=True` out, or pass False.",
                event.at.span,
                steps((learned.get(id(model)), "learned here")),
                confidence=Confidence.LIKELY,
            )


@source.check("training-leak-from-preprocessing")
def training_leak_from_preprocessing(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model runs with no mode said, and an image layer in it makes that training mode for what follows."""
    seen: set[tuple[Place, str]] = set()
    for event in timeline.events:
        if not isinstance(event, RunWithoutMode):
            continue
        live = {leaf.key: leaf for leaf in event.state.leaves if leaf.thawed_batchnorms and leaf.gate is None}
        for container in event.model.containers() if live else ():
            leak = next(_leaks(container, set(live), keras), None)
            if leak is not None and (leak.at, event.how) not in seen:
                seen.add((leak.at, event.how))
                what = "`export` traces" if event.how == "export" else "a plain call runs"
                yield Mistake(
                    f"{what} {name_of(event.model)} with no `training`, and this {leak.class_name.rpartition('.')[2]} "
                    "takes that for True and hands it on: the BatchNormalization behind it normalises with the batch "
                    f"and moves its statistics ({plural(len(live), 'layer or model')}). Freeze it, or pass "
                    "`training=False`.",
                    event.at.span,
                    steps((leak.at, "training mode starts here")),
                    confidence=Confidence.LIKELY,
                )


def _leaks(container: Model, live: set[int], keras: Behaviour) -> Iterator[Layer]:
    """The layers of a model that put thawed BatchNormalization behind them into training mode."""
    if container.kind == "sequential":
        leak: Layer | None = None
        for part in container.parts:
            if leak is not None and isinstance(part, Layer) and _holds(part, live):
                yield leak
            if isinstance(part, Layer):
                leak = leak or next(_leaking(part, keras), None)
    for call in container.calls:
        if call.where == "graph" and call.pinned is not False and _holds(call.layer, live):
            yield from _upstream(call, keras)


def _upstream(call: Wired, keras: Behaviour) -> Iterator[Layer]:
    waiting: list[Tensor] = list(call.inputs)
    seen: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if tensor.wired is not None and tensor.wired.pinned is None:
            yield from _leaking(tensor.wired.layer, keras)
        waiting += [*tensor.inputs, *(tensor.wired.inputs if tensor.wired is not None else ())]


def _leaking(layer: Layer, keras: Behaviour) -> Iterator[Layer]:
    """The layer, or those inside a model, whose `call` has `training=True` as its default in this Keras."""
    if isinstance(layer, Model):
        for part in layer.parts:
            if isinstance(part, Layer):
                yield from _leaking(part, keras)
    elif layer.traits is not None and layer.traits.call_defaults_to_training:
        random = layer.traits.is_augmentation
        if keras.call_default_leaks_training if random else keras.preprocessing_leaks_training:
            yield layer


def _holds(layer: Layer, live: set[int]) -> bool:
    """Whether the layer is one of those with thawed BatchNormalization, or a model that holds one."""
    if id(layer) in live or not isinstance(layer, Model):
        return id(layer) in live
    return any(id(part) in live for part in layer.containers()) or any(
        isinstance(part, Layer) and _holds(part, live) for part in layer.parts if part is not layer
    )
