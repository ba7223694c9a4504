"""LoRA and quantization: what is left to train in layers that hold adapters."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import name_of, owner_of, steps, training_step
from freezelint.source.timeline import LoraEnabled, Quantized, SetTrainable, Timeline, Trained
from freezelint.source.values import Layer, Model, Part, Stretch


@source.check("lora-freeze-conflict")
def lora_freeze_conflict(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A freeze and `enable_lora` (or `quantize`) meet in an order that trains too little or too much."""
    if not keras.lora_exists:
        return
    adapted: list[LoraEnabled] = []
    quantized: Quantized | None = None
    for event in timeline.events:
        if isinstance(event, LoraEnabled):
            adapted.append(event)
            yield from _frozen_before(event)
        elif isinstance(event, SetTrainable):
            yield from _thawed_after(event, adapted)
        elif isinstance(event, Trained):
            yield from _trained_without(timeline, event, adapted)
            if quantized is not None and not adapted and not event.implied:
                yield _biases_only(quantized, event)
            quantized = None
        elif isinstance(event, Quantized):
            quantized = event


def _frozen_before(event: LoraEnabled) -> Iterator[Mistake]:
    layer = event.target
    if event.frozen and isinstance(layer, Layer) and not isinstance(layer, Model):
        yield Mistake(
            f"{name_of(layer)} is frozen, and its LoRA weights are frozen with it: nothing of it trains. `enable_lora` "
            "freezes the kernel by itself; leave `trainable` alone, or set it before to True.",
            event.at.span,
            steps((layer.flag.at, "frozen here")),
            confidence=Confidence.CERTAIN if layer.certain else Confidence.LIKELY,
        )


def _thawed_after(event: SetTrainable, adapted: list[LoraEnabled]) -> Iterator[Mistake]:
    again = next((lora for lora in adapted if event.value is True and _key(lora.target) in event.changed), None)
    if again is not None:
        yield Mistake(
            "Thawing also thaws the kernels that `enable_lora` had frozen: the base weights train, and the adapters "
            f"are of no use. Do not set `trainable` on {name_of(owner_of(event.target))} after `enable_lora`.",
            event.at.span,
            steps((again.at, "LoRA enabled here")),
            confidence=Confidence.LIKELY,
        )


def _key(part: Part) -> int:
    return id(part.model) if isinstance(part, Stretch) else id(part)


def _trained_without(timeline: Timeline, trained: Trained, adapted: list[LoraEnabled]) -> Iterator[Mistake]:
    if trained.traced is None or trained.implied:
        return
    keys = {leaf.key for leaf in trained.state.leaves}
    for lora in adapted:
        between = lora in timeline.between(trained.traced, trained)
        if between and (_key(lora.target) in keys or lora.target is trained.model):
            yield Mistake(
                f"`{trained.how}` goes on with the step that was traced before `enable_lora`: it trains the old "
                "kernels, and the adapters never. Call `compile` again.",
                lora.at.span,
                steps((trained.traced.at, "the step was traced here"), training_step(trained)),
                confidence=Confidence.LIKELY,
            )
            return


def _biases_only(quantized: Quantized, trained: Trained) -> Mistake:
    return Mistake(
        f"The kernels of {name_of(quantized.model)} are integers after `quantize`, which no gradient trains: only "
        "biases train here. Enable LoRA on its layers, or quantize after training.",
        trained.at.span,
        steps((quantized.at, "quantized here")),
        confidence=Confidence.LIKELY,
    )
