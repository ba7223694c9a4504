"""What the flags of a model cover."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Mistake
from freezelint.graph.checks.registry import graph
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.training import trains, weighted_layers
from freezelint.keras.behaviour import Behaviour


@graph.check("nothing-trainable")
def nothing_trainable(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A model was compiled to be trained, and every weight in it is frozen.

    Silent on a model without a compile configuration, which is a part or an export, and on one whose optimizer
    holds state of weights: it did train, and was frozen afterwards.
    """
    weighted = weighted_layers(model)
    if not model.compiled or model.optimizer_slots or not weighted:
        return
    if all(trains(model, layer, keras) is False for layer in weighted):
        which = (
            "its only layer with weights is" if len(weighted) == 1 else f"all {len(weighted)} layers with weights are"
        )
        yield Mistake(
            f"Nothing in this model trains: it is compiled, but {which} frozen, so `fit` runs through without changing"
            " anything. Thaw the layers that shall learn, then compile again."
        )
