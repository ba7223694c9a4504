"""Words that the checks share: who is meant, what happened before, how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from freezelint.finding import Confidence, Related
from freezelint.source.timeline import Event, HookEntered, Leaf, SetTrainable, Timeline, Trained
from freezelint.source.values import Layer, Model, Part, Place, Stretch, Wired


def name_of(layer: Layer) -> str:
    """The layer as its author would call it: the variable, or the architecture."""
    if layer.known_as:
        return f"`{layer.known_as}`"
    title = layer.title if isinstance(layer, Model) else layer.class_name.rpartition(".")[2]
    return f"the {title}" if title else "the model"


def plural(number: int, word: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def owner_of(part: Part) -> Layer:
    """The layer itself, or the model that a stretch of layers belongs to."""
    return part.model if isinstance(part, Stretch) else part


def titled(model: Model) -> str:
    """The variable with the architecture, where it has one: "`base` (MobileNetV2)"."""
    return f"{name_of(model)} ({model.title})" if model.title and model.known_as else name_of(model)


def steps(*parts: tuple[Place | None, str]) -> tuple[Related, ...]:
    """The story of a finding; a step without a place is left out."""
    return tuple(Related(place.span, message) for place, message in parts if place is not None)


def frozen_before(timeline: Timeline, leaf: Leaf, thawed: Place | None) -> Place | None:
    """Where the leaf was last frozen before the assignment at `thawed`."""
    frozen: Place | None = None
    for event in timeline.events:
        if event.at == thawed:
            return frozen
        if isinstance(event, SetTrainable) and event.value is False and leaf.key in event.changed:
            frozen = event.at
    return None


def was_frozen(timeline: Timeline, model: Model, trained: Trained) -> bool:
    """Whether the flag that keeps a model frozen now was set before a training call."""
    if model.flag.value is not False or model.flag.at is None:
        return False
    earlier = {event.at for event in timeline.until(trained)}
    return model.flag.at == model.at or model.flag.at in earlier


def pins(model: Model, leaf: Leaf) -> list[Wired]:
    """The calls with a literal `training=` through which the leaf is reached in the model that trains it."""
    through = {id(container) for container in leaf.around[1:]} | {id(leaf.model)} - {id(model)}
    if isinstance(leaf.part, Layer):
        through.add(id(leaf.part))
    containers = (model, *leaf.around)
    calls = {id(call): call for container in containers for call in container.calls}
    return [call for call in calls.values() if id(call.layer) in through and call.pinned is not None]


def is_pretrained(leaf: Leaf) -> bool | None:
    """Whether the leaf's weights were learned before this program; None if that is not known."""
    if isinstance(leaf.part, Layer) and leaf.part.weights_set:
        return True
    return leaf.model.pretrained


def is_whole(model: Model) -> bool:
    """Whether every layer of the model, and of those nested in it, is known."""
    return all(container.complete or container.interior is not None for container in model.containers())


def trains_itself(model: Model) -> bool:
    """Whether the model has a step of its own, which decides what is trained, and in which mode."""
    return model.cls is not None and any(model.cls.lookup(name) is not None for name in ("train_step", "__call__"))


def confidence(trained: Trained, models: Iterable[Model], certain: bool = True) -> Confidence:
    """How sure a finding is about these models, seen from the training call that makes it matter."""
    if any(model.disturbed is not None for model in models):
        return Confidence.POSSIBLE
    sure = certain and not trained.implied and all(model.certain for model in (trained.model, *models))
    return Confidence.CERTAIN if sure else Confidence.LIKELY


def training_step(trained: Trained) -> tuple[Place, str]:
    """The training call as the last step of a story."""
    return (trained.at, "compiled here with these flags" if trained.implied else "trained here")


def in_hooks(timeline: Timeline) -> Iterator[tuple[str, Event]]:
    """What happens inside the methods that Keras calls during `fit`, with the name of the method."""
    hook = ""
    for event in timeline.events:
        if isinstance(event, HookEntered):
            hook = event.hook
        elif hook.startswith("on_"):
            yield hook, event
