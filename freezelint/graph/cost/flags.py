"""Which layers train: as the model stands, or as somebody wonders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer, ModelGraph
from freezelint.graph.training import trains, wired_training
from freezelint.keras.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Flags:
    """Whether a layer trains, by path, and whether a BatchNormalization takes the statistics of the batch."""

    trains: Mapping[str, bool]
    live: frozenset[str] = field(default_factory=frozenset)

    def with_frozen(self, paths: set[str], *, frozen: bool = True) -> Flags:
        """The flags with these layers frozen (or thawed)."""
        changed = {path: not frozen if path in paths else flag for path, flag in self.trains.items()}
        live = self.live - paths if frozen else self.live | paths
        return replace(self, trains=changed, live=frozenset(live))


def present(model: ModelGraph, keras: Behaviour) -> Flags:
    """The flags of the model as they stand; a layer whose flag is not known counts as one that trains."""
    found: dict[str, bool] = {}
    live: set[str] = set()
    wired = wired_training(model)
    for layer in model.layers():
        weighted = [inner for inner in layer.walk() if layer_kinds.has_trainable_weights(inner)]
        if layer.is_container or not weighted:
            continue
        found[layer.path] = any(trains(model, inner, keras) is not False for inner in weighted)
        pinned = keras.wired_training_holds and wired.get(layer.path, frozenset()) == {False}
        if layer_kinds.is_batchnorm(layer) and layer.own_trainable is not False and not pinned:
            live.add(layer.path)
    return Flags(found, frozenset(live))


def is_random(layer: Layer) -> bool:
    """Whether the layer makes something else of the same sample each time it trains."""
    known = layer_kinds.traits(layer)
    return layer_kinds.is_dropout(layer) or (known is not None and known.is_augmentation)
