"""What a training step costs, as plain data: the cost model fills it, reports print it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Floating point operations, bytes read and written, and the estimated time on a CPU in seconds."""

    flops: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.bytes + other.bytes, self.seconds + other.seconds)

    def times(self, count: int) -> Work:
        """The work done `count` times."""
        return Work(self.flops * count, self.bytes * count, self.seconds * count)


NOTHING = Work()


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one layer costs in one training step.

    `trains` says whether its weights do (None: it has none). `optimizer` is the update of its weights;
    `optimizer_bytes` is what the optimizer keeps for them from step to step. `upstream` are the trainable layers
    because of which a gradient goes through it, by path.
    """

    path: str
    class_name: str
    trains: bool | None
    weights: int
    forward: Work = NOTHING
    input_gradient: Work = NOTHING
    weight_gradient: Work = NOTHING
    optimizer: Work = NOTHING
    optimizer_bytes: int = 0
    upstream: tuple[str, ...] = ()

    @property
    def total(self) -> Work:
        """All of it."""
        return self.forward + self.input_gradient + self.weight_gradient + self.optimizer


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one training step costs, by layer in the order of the model."""

    layers: tuple[LayerCost, ...] = ()

    def sum(self, name: str) -> Work:
        """The total of one column: forward, input_gradient, weight_gradient, optimizer or total."""
        total = Work()
        for layer in self.layers:
            total += getattr(layer, name)
        return total

    @property
    def total(self) -> Work:
        """Everything."""
        return self.sum("total")

    @property
    def optimizer_bytes(self) -> int:
        """What the optimizer keeps from step to step."""
        return sum(layer.optimizer_bytes for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Another freeze of the same model, and what its step costs. `name` is for programs, `words` for people.

    `trains` says which layers train in it, by path. `is_run` is false for what no training step does as a whole.
    """

    name: str
    words: str
    cost: StepCost
    trains: Mapping[str, bool]
    is_run: bool = True


@dataclass(frozen=True, slots=True)
class Uncosted:
    """A kind of layer that was not counted: how many of them, why, and how many weights they hold."""

    class_name: str
    reason: str
    layers: tuple[str, ...]
    weights: int


@dataclass(frozen=True, slots=True)
class Costs:
    """The answer to "what does freezing save?" for one model.

    `weights` are the numbers that an optimizer could change, `trainable_weights` those that it does, for which it
    keeps `optimizer_bytes`. `coverage` is the share of the weights that lie in layers that were counted, out of
    `layers_total` layers `layers_counted`. `gaps` are sentences on what could not be counted and why, `sentences` what
    the numbers say. `machine` names the CPU that the times are estimated for.
    """

    path: str
    writer: str | None
    batch: int
    inputs: dict[str, tuple[int | None, ...] | None]
    optimizer: str
    optimizer_is_assumed: bool
    present: StepCost
    scenarios: tuple[Scenario, ...] = ()
    uncosted: tuple[Uncosted, ...] = ()
    weights: int = 0
    coverage: float = 1.0
    layers_counted: int = 0
    layers_total: int = 0
    sentences: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    machine: str = ""
    trainable_weights: int = 0
    optimizer_bytes: int = 0
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """A scenario that was run: seconds per step, the fastest of several, beside what was predicted for it."""

    name: str
    words: str
    seconds: float
    predicted: float
