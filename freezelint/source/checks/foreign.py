"""Parts that come from other libraries."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import is_pretrained, name_of, steps, training_step
from freezelint.source.timeline import Timeline
from freezelint.source.values import Model


@source.check("hub-layer-in-keras3")
def hub_layer_in_keras3(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`hub.KerasLayer` is a layer of Keras 2; and what trains in it cannot be told apart."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.read.leaves:
            layer = leaf.model
            if layer.title != "KerasLayer" or id(layer) in seen:
                continue
            seen.add(id(layer))
            if not keras.hub_layers_work:
                yield _refused(layer)
            elif leaf.trains and is_pretrained(leaf) is not False:
                yield Mistake(
                    f"{name_of(layer)} trains as a whole: the layers inside a `hub.KerasLayer` cannot be reached, so "
                    "its BatchNormalization, if it has any, cannot be kept frozen.",
                    layer.at.span,
                    steps(training_step(trained)),
                    confidence=Confidence.LIKELY,
                )


def _refused(layer: Model) -> Mistake:
    return Mistake(
        "`hub.KerasLayer` is a layer of Keras 2 and no layer in Keras 3: a Sequential model refuses it, and a "
        "Functional one cannot call it. Use `tf_keras`, or a model of keras.applications or KerasHub.",
        layer.at.span,
        confidence=Confidence.CERTAIN,
    )
