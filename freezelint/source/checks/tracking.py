"""Layers that Keras does not see: what it does not track it neither trains, nor freezes, nor saves."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import is_whole, name_of, steps, training_step
from freezelint.source.timeline import HiddenInLambda, Timeline
from freezelint.source.values import Instance, Items, Layer, Model, Place, Stretch, Table, Value, solid

_MODULES = frozenset({"tensorflow.Module"})


@source.check("lambda-hides-layers")
def lambda_hides_layers(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A Lambda layer calls a layer with weights: Keras does not see them."""
    seen: set[Place] = set()
    for event in timeline.events:
        if isinstance(event, HiddenInLambda) and event.at not in seen and _has_weights(event.hidden):
            seen.add(event.at)
            yield Mistake(
                f"Keras does not see {name_of(event.hidden)} inside this Lambda: its weights are not trained, not "
                "frozen and not saved with the model. Call it directly, or write a Layer class that holds it.",
                event.at.span,
                steps((event.hidden.at, "made here")),
                confidence=Confidence.CERTAIN if event.hidden.certain else Confidence.LIKELY,
            )


def _has_weights(layer: Layer) -> bool:
    if layer.traits is not None:
        return layer.traits.has_weights
    return isinstance(layer, Model) and (
        layer.interior is not None or any(isinstance(part, Layer) and _has_weights(part) for part in layer.parts)
    )


@source.check("untracked-sublayer")
def untracked_sublayer(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A `call` method uses a layer that no attribute of the model leads to."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        if trained.model.cls is None or not is_whole(trained.model):
            continue
        tracked = _reachable(trained.model, through_modules=keras.tf_module_is_tracked)
        for call in trained.model.calls:
            layer = call.layer
            if call.where != "call" or id(layer) in tracked or call.at in seen or not _has_weights(layer):
                continue
            if layer.certain:
                seen.add(call.at)
                yield Mistake(
                    f"Keras does not see {name_of(layer)}: no attribute of the model, nor a list or dict in one, leads "
                    "to it. Its weights are not trained, not frozen and not saved. Assign it to `self` in `__init__`.",
                    call.at.span,
                    steps((layer.at, "made here"), training_step(trained)),
                    confidence=Confidence.LIKELY,
                )


def _reachable(model: Model, through_modules: bool) -> set[int]:
    """The layers that Keras finds from a model, through attributes, lists, tuples and dicts."""
    found: set[int] = set()
    waiting: list[Value] = [model]
    while waiting:
        value = solid(waiting.pop())
        if id(value) in found:
            continue
        found.add(id(value))
        if isinstance(value, Layer):
            waiting += value.attributes.values()
            waiting += [value.wrapped] if value.wrapped is not None else []
        if isinstance(value, Model):
            waiting += [part.model if isinstance(part, Stretch) else part for part in value.parts]
        elif isinstance(value, Items):
            waiting += value.items
        elif isinstance(value, Table):
            waiting += value.items.values()
        elif isinstance(value, Instance) and through_modules and not _MODULES.isdisjoint(value.cls.library_bases()):
            waiting += value.attributes.values()
    return found
