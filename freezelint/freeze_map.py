"""A model as a picture shows it, as plain data: what is frozen, where gradients go, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from freezelint.costs import LayerCost


class State(Enum):
    """What becomes of a layer in a training step."""

    TRAINS = "trains"
    FROZEN = "frozen"
    ON_PATH = "frozen, on the gradient path"
    LIVE_BATCHNORM = "BatchNorm in training mode"
    NO_WEIGHTS = "no weights"


class NodeKind(Enum):
    """What a node stands for."""

    LAYER = "layer"
    MODEL = "model"
    STRETCH = "stretch"
    """Neighbouring layers of one block, put together because there are many."""
    INPUT = "input"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Node:
    """A box in the picture. Its number is its place in `FreezeMap.nodes`; `parent` is the number of the box around it.

    `path` is that of the layer; for a stretch it is empty. `share` is its part of the estimated time of a step, None
    if it could not be counted.
    """

    kind: NodeKind
    name: str
    path: str
    parent: int | None
    class_name: str = ""
    state: State = State.NO_WEIGHTS
    shape: str = ""
    cost: LayerCost | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor that goes from one box to another; `gradient` says whether a gradient comes back along it."""

    source: int
    target: int
    gradient: bool


@dataclass(frozen=True, slots=True)
class FreezeMap:
    """The picture of one model.

    `is_graph` is false for a model whose file does not say which layer calls which; its boxes then stand in the order
    of the file. `sentences` are what the costs say, `gaps` what could not be told.
    """

    path: str
    writer: str | None
    keras: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    is_graph: bool
    sentences: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    machine: str = ""
