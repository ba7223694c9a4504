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
        frozen = "the model itself is frozen" if model.root and model.root.own_trainable is False else "all are frozen"
        yield Mistake(
            f"Nothing in this model trains: it is compiled, but of {len(weighted)} layers with weights {frozen}."
            " `fit` runs through without changing one. Thaw the layers that shall learn, then compile again."
        )
