"""The fact model of the graph pass: what a saved or loaded model is, whatever format it came in.

Readers fill it, checks read it. What a format cannot say is `None` (or an empty tuple with a line in
`ModelGraph.gaps`), never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from freezelint.finding import NotRead


class Unreadable(Exception):
    """An input that cannot be read as a model; `reason` is a phrase for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LayerKind(Enum):
    """What a node of the layer tree is."""

    LAYER = "layer"
    FUNCTIONAL = "functional"
    SEQUENTIAL = "sequential"
    SUBCLASSED = "subclassed"
    """A Python class whose calls the artifact does not record."""
    WRAPPER = "wrapper"
    OPERATION = "operation"
    """A raw tensor operation wired as a layer (Keras 3 ops, Keras 2 TFOpLambda)."""
    INPUT = "input"


class Mode(Enum):
    """How a normalisation or noise layer runs."""

    TRAINING = "training"
    INFERENCE = "inference"


class Weight(NamedTuple):
    """One variable. `shape` is in elements per axis, None where the artifact does not say.

    `role` is what Keras calls it in the layer: kernel, bias, gamma, beta, moving_mean, moving_variance, ….
    `trainable` is what the optimizer sees (the layer's flags applied), None if unknown.
    `range` is its smallest and largest number, NaN if one of them is not finite; None if they were not read.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str | None = None
    role: str | None = None
    trainable: bool | None = None
    range: tuple[float, float] | None = None


@dataclass(slots=True)
class Layer:
    """One node of the layer tree.

    `path` is the `/`-separated path of layer names from the root model (the root's own name left out).
    `own_trainable` is the layer's own flag as stored; `effective_trainable` is own and all ancestors' flags.
    """

    path: str
    name: str
    class_name: str
    kind: LayerKind
    module: str | None = None
    registered_name: str | None = None
    own_trainable: bool | None = None
    effective_trainable: bool | None = None
    config: dict[str, Any] = field(default_factory=dict)
    children: list[Layer] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    shared_id: str | None = None
    """Equal for two places in the tree that are one Python object."""

    def walk(self) -> Iterator[Layer]:
        """This layer and everything below it, parents first."""
        stack = [self]
        while stack:
            layer = stack.pop()
            yield layer
            stack.extend(reversed(layer.children))

    @property
    def is_container(self) -> bool:
        """Whether the layer is a model with layers of its own."""
        return self.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL, LayerKind.SUBCLASSED)


class TensorRef(NamedTuple):
    """The `tensor`-th output of the `call`-th call (from 0) of the layer at `layer` (a path)."""

    layer: str
    call: int
    tensor: int = 0


class Call(NamedTuple):
    """One call of a layer inside the graph of its parent model: the `number`-th of that layer, from 0.

    `training` is the literal `training=` recorded with the call, None if there is none.
    `training_is_artifact` is true where the writer puts it there by itself (Keras 3 on Dropout). `training_is_cleared`
    is true for an explicit `training=None`.
    `input_shapes` are those recorded with the call, None entries where unknown.
    """

    layer: str
    parent: str
    number: int
    inputs: tuple[TensorRef, ...]
    training: bool | None = None
    training_is_artifact: bool = False
    training_is_cleared: bool = False
    input_shapes: tuple[tuple[int | None, ...] | None, ...] = ()


class BatchNormCall(NamedTuple):
    """A BatchNormalization found among the operations a signature (or a trace) runs.

    `scope` is its name in the graph, `layer` the path of the layer it belongs to where that is known.
    """

    scope: str
    mode: Mode
    layer: str | None = None
    operation: str = ""
    updates_statistics: bool = False


class RandomOperation(NamedTuple):
    """A random number drawn while a signature runs; `purpose` is dropout, noise, augmentation or unknown."""

    scope: str
    operation: str
    purpose: str
    layer: str | None = None


class StateWrite(NamedTuple):
    """A variable that a signature assigns; `purpose` is batchnorm, seed, or other."""

    scope: str
    variable: str
    purpose: str


class Signature(NamedTuple):
    """A serving signature (or a training trace) reduced to what it does; `undecided` says what could not be told."""

    name: str
    inputs: dict[str, tuple[int | None, ...] | None] = field(default_factory=dict)
    outputs: dict[str, tuple[int | None, ...] | None] = field(default_factory=dict)
    batchnorms: tuple[BatchNormCall, ...] = ()
    random: tuple[RandomOperation, ...] = ()
    writes: tuple[StateWrite, ...] = ()
    undecided: tuple[str, ...] = ()


class GradientHit(NamedTuple):
    """A frozen variable that meets a gradient on its way to a trainable one, found among the operations."""

    variable: str
    layer: str | None
    upstream: str


@dataclass(slots=True)
class ModelGraph:
    """Everything known about one model.

    `format` is one of "savedmodel", "keras", "hdf5", "live"; `writer` a phrase for people ("Keras 3.15.1
    export"); `keras_version` what the artifact says of itself. `root` is None where the artifact holds no
    layers. `training_trace` / `inference_trace` are the root's Keras 2 traces where the artifact has them:
    what `fit` and `predict` will do, whatever the flags say. `trainable_variables` is the artifact's own list
    of what trains (names), None if it has none. `compiled` says whether a compile configuration was saved.
    """

    path: str
    format: str
    writer: str | None = None
    keras_version: str | None = None
    tensorflow_version: str | None = None
    root: Layer | None = None
    calls: list[Call] = field(default_factory=list)
    """In an order in which the model could run, unless it calls itself in a circle."""
    outputs: dict[str, tuple[TensorRef, ...]] = field(default_factory=dict)
    """The output tensors of each model of the tree, by the model's path ("" is the root)."""
    inputs: dict[str, tuple[TensorRef, ...]] = field(default_factory=dict)
    signatures: list[Signature] = field(default_factory=list)
    training_trace: Signature | None = None
    inference_trace: Signature | None = None
    variables: list[Weight] = field(default_factory=list)
    trainable_variables: tuple[str, ...] | None = None
    gradient_hits: tuple[GradientHit, ...] | None = None
    """Frozen variables on the gradient path, read from operations (SavedModel); None if not looked for."""
    compiled: bool | None = None
    optimizer: dict[str, Any] | None = None
    """The optimizer the model was compiled with, as serialized (`class_name`, `config`); None if not known."""
    optimizer_slots: int | None = None
    """How many variables the saved optimizer keeps for single weights (momentum, …); None if not looked for."""
    steps: int | None = None
    """How many training steps the optimizer has counted; None if the artifact does not say."""
    embedded_code: list[str] = field(default_factory=list)
    """Where the artifact carries Python byte code or an arbitrary import (paths of layers)."""
    inconsistencies: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    """What this artifact cannot say, in words for people."""
    not_read: list[NotRead] = field(default_factory=list)

    def layers(self) -> Iterator[Layer]:
        """Every layer of the tree below the root, parents first."""
        if self.root is not None:
            walk = self.root.walk()
            next(walk)
            yield from walk

    def by_path(self) -> dict[str, Layer]:
        """Every layer below the root by its path; the first where a damaged file has several."""
        found: dict[str, Layer] = {}
        for layer in self.layers():
            found.setdefault(layer.path, layer)
        return found

    def layer(self, path: str) -> Layer | None:
        """The layer at `path`; the empty path is the root."""
        if self.root is None or not path:
            return self.root
        return next((layer for layer in self.layers() if layer.path == path), None)

    def calls_of(self, path: str) -> list[Call]:
        """Every recorded call of the layer at `path`."""
        return [call for call in self.calls if call.layer == path]
