"""What a pretrained part is fed with."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import confidence, is_pretrained, steps, titled, training_step
from freezelint.source.timeline import Leaf, Timeline, Trained
from freezelint.source.values import Images, Known, Layer, Model, Place, Tensor, Wired

_SMALLEST = 1 / 300
"""Pixels from 0 to 255, multiplied by this, are still much too small for a model that expects 0 to 255."""
_LARGEST = 1 / 60
_TRANSPARENT = frozenset({"InputLayer", "Resizing", "CenterCrop", "Reshape"})
"""Layers that leave the range of the pixels alone; so do the Random… layers of images."""


@source.check("double-preprocessing")
def double_preprocessing(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Pixels are scaled before a backbone that scales them itself."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.state.weighted:
            model = leaf.model
            if id(model) in seen or model.layout is None or not model.layout.preprocessing:
                continue
            at = _scaled_at(trained, leaf)
            if at is None or is_pretrained(leaf) is not True:
                continue
            seen.add(id(model))
            inside = " and ".join(dict.fromkeys(model.layout.preprocessing))
            yield Mistake(
                f"{titled(model)} holds its own preprocessing ({inside}) and expects pixels from 0 to 255: scaled here "
                "as well, they all come out as nearly black. Leave the scaling out.",
                at.span,
                steps((model.at, "made here, with its preprocessing inside"), training_step(trained)),
                confidence=min(Confidence.LIKELY, confidence(trained, [model])),
            )


def _scaled_at(trained: Trained, leaf: Leaf) -> Place | None:
    """Where the pixels are scaled on their way to a backbone: in the model, or by the generator it is trained from."""
    before = list(_layers_before(leaf))
    scaling = next((layer for layer in before if _scales(layer)), None)
    if scaling is not None:
        return scaling.at
    fed = trained.data
    plain = all(layer.class_name.rpartition(".")[2] in _TRANSPARENT or _is_random(layer) for layer in before)
    return fed.at if isinstance(fed, Images) and _SMALLEST < fed.scale < _LARGEST and plain else None


def _layers_before(leaf: Leaf) -> Iterator[Layer]:
    """The layers that the input goes through before it reaches the backbone, in the models around it."""
    model = leaf.model
    for container in leaf.around[:-1]:
        if container.kind == "sequential":
            for part in container.parts:
                if part is model or part in leaf.around:
                    break
                if isinstance(part, Layer):
                    yield from _flat(part)
        else:
            calls = [call for call in container.calls if call.layer is model or call.layer in leaf.around]
            for call in calls[:1]:
                yield from _upstream(call)
    for tensor in model.inputs:
        if tensor.wired is not None:
            yield from _upstream(tensor.wired, itself=True)


def _flat(part: Layer) -> Iterator[Layer]:
    if isinstance(part, Model):
        for inner in part.parts:
            if isinstance(inner, Layer):
                yield from _flat(inner)
    else:
        yield part


def _upstream(call: Wired, itself: bool = False) -> Iterator[Layer]:
    """The layers on the single way from the input to a call."""
    if itself:
        yield from _flat(call.layer)
    tensors: tuple[Tensor, ...] = call.inputs
    if len(tensors) == 1 and tensors[0].wired is not None:
        yield from _upstream(tensors[0].wired, itself=True)


def _scales(layer: Layer) -> bool:
    if layer.class_name.rpartition(".")[2] != "Rescaling":
        return False
    scale = layer.arguments.get("scale", layer.arguments.get("#0"))
    value = scale.value if isinstance(scale, Known) else None
    return isinstance(value, int | float) and _SMALLEST < value < _LARGEST


def _is_random(layer: Layer) -> bool:
    return layer.traits is not None and layer.traits.is_augmentation
