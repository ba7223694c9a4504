"""The fact model of the source pass: what happens to the models of a program, in order, along one path.

A check reads events, never the syntax tree. Every event says where it stands (`at`); the flags that a model had
at a moment are a `State`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from freezelint.finding import Span
from freezelint.source.selection import Thaw
from freezelint.source.values import (
    Class,
    Function,
    Layer,
    Model,
    Optimizer,
    Part,
    Place,
    Stretch,
    Tape,
    Value,
    Variable,
    Weights,
    Wired,
)

WEIGHTLESS = "weightless"
"""The state of a layer that has nothing to train."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A layer (or the layers of an opaque model) as a part of the model that trains it.

    `own` is the comparable state of its own flags, `gate` the nearest container whose flag keeps it out of
    training whatever its own flag says.
    """

    part: Part
    around: tuple[Model, ...]
    own: Hashable
    gate: Model | None
    thawed_batchnorms: tuple[Thaw[Place], ...]
    trains: bool | None
    """Whether any of it trains: True, False, None (not known)."""
    frozen_at: tuple[Place, ...] = ()
    """Where flags that are now False were set."""
    thawed_at: tuple[Place, ...] = ()
    """Where flags that are now True were set."""
    adapts: bool = False
    """Whether only its BatchNormalization trains."""

    @property
    def key(self) -> int:
        """What identifies the leaf between two states."""
        return id(self.part.model) if isinstance(self.part, Stretch) else id(self.part)

    @property
    def effective(self) -> Hashable:
        """Equal for two states in which the same weights train."""
        return False if self.gate is not None and self.own != WEIGHTLESS else self.own

    @property
    def model(self) -> Model:
        """The innermost model that holds the leaf: the backbone of a stretch, otherwise the container."""
        return self.part.model if isinstance(self.part, Stretch) else self.around[-1]


@dataclass(frozen=True, eq=False)
class State:
    """The flags of everything inside one model at one moment."""

    leaves: tuple[Leaf, ...]

    @cached_property
    def weighted(self) -> tuple[Leaf, ...]:
        """The leaves that have something to train."""
        return tuple(leaf for leaf in self.leaves if leaf.own != WEIGHTLESS)

    @cached_property
    def keys(self) -> frozenset[int]:
        """What identifies the leaves that have something to train."""
        return frozenset(leaf.key for leaf in self.weighted)

    def changed_since(self, earlier: State) -> set[int]:
        """The keys of the leaves whose effective flags differ."""
        before, now = earlier._effective(), self._effective()
        return {key for key in before.keys() & now.keys() if before[key] != now[key]}

    def _effective(self) -> dict[int, set[Hashable]]:
        """The effective flags by leaf; one that is reached in several ways has several."""
        flags: dict[int, set[Hashable]] = {}
        for leaf in self.leaves:
            flags.setdefault(leaf.key, set()).add(leaf.effective)
        return flags


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something that happens at a place."""

    at: Place


@dataclass(frozen=True, slots=True, eq=False)
class Built(Event):
    """A layer or model comes into being."""

    layer: Layer


@dataclass(frozen=True, slots=True, eq=False)
class Called(Event):
    """A layer is called: `where` is "graph" (on symbolic tensors), "call" (in a `call` method) or "eager".

    It is "direct" for `layer.call(…)` in a `call` method, which goes round Keras.
    """

    layer: Layer
    training: Value | None
    where: str
    wired: Wired | None = None
    explicit: bool = True
    """Whether all its arguments are known, so that a missing `training` is missing."""
    within: str = ""
    """The name of the function in which an eager call stands; "" at the level of the module."""
    once: bool = True
    """Whether it is neither repeated by a loop nor recorded by a tape."""


@dataclass(frozen=True, slots=True, eq=False)
class SetTrainable(Event):
    """`target.trainable = value`; `changed` are the keys of the leaves whose own flags that changed."""

    target: Part
    value: bool | None
    changed: frozenset[int]
    propagated: bool = True
    """False where Keras skips the assignment because the object's own flag is `value` already."""
    literal: object = None
    """The constant that was assigned, if it was one."""
    kept: tuple[Place, ...] = ()
    """Where Keras skips the assignment: where flags inside were set that stay different."""


@dataclass(frozen=True, slots=True, eq=False)
class AttributeSet(Event):
    """Another attribute of a Keras object is assigned."""

    target: Part
    attribute: str
    value: Value
    declared: bool
    """Whether the object's own class defines that attribute."""
    name_at: Place | None = None
    """The attribute expression that is assigned to."""


@dataclass(frozen=True, slots=True, eq=False)
class TensorFlagSet(Event):
    """`trainable` is assigned to a symbolic tensor, the output of `layer`."""

    layer: Layer


@dataclass(frozen=True, slots=True, eq=False)
class NoAssignment(Event):
    """Something that looks like an assignment to `trainable` and is none: a "comparison" or an "annotation"."""

    target: Part
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class HookEntered(Event):
    """Keras calls a method of a callback; what follows happens inside `fit`."""

    hook: str


@dataclass(frozen=True, slots=True, eq=False)
class TrainFunctionRemade(Event):
    """`make_train_function(force=True)`, or `stop_training = True`: flags set before count after all."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningPhaseUsed(Event):
    """The global learning phase of Keras 2 is read or set; `function` is what is called, `value` what is set."""

    function: str
    value: object = None


@dataclass(frozen=True, slots=True, eq=False)
class ClassDefined(Event):
    """A class derived from a Keras layer or model; `call` is its own `call` method."""

    cls: Class
    call: Function | None


@dataclass(frozen=True, slots=True, eq=False)
class WeightsSet(Event):
    """Weights are loaded or copied into a layer or model."""

    target: Layer
    how: str
    path: str | None = None
    """The file they come from, if that is a constant."""
    state: State | None = None
    """The flags of that moment."""


@dataclass(frozen=True, slots=True, eq=False)
class GradientTaken(Event):
    """`tape.gradient(loss, sources)` over the variables of one model, with the flags of that moment.

    Variables of several models are one such event for each; `joined` says that the list holds more than these.
    `step` identifies the function that TensorFlow traces around it (None: it runs eagerly); `hook` is True inside a
    method that Keras runs by itself (`train_step`).
    """

    tape: Tape
    sources: Weights
    state: State
    step: Hashable = None
    hook: bool = False
    reached: bool = True
    """Whether the program itself gets there; False in a function that nobody is seen to call."""
    joined: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class BatchNormMissed(Event):
    """A test that decides about `trainable` passes over the BatchNormalization layers of `model`.

    `how` is "name" for a test on names that picks `found` of its `total` BatchNormalization layers, "nested" for a
    test on the class in a loop that does not go into the model.
    """

    model: Model
    how: str
    found: int = 0
    total: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class HiddenInLambda(Event):
    """A Lambda layer calls a layer with weights, which Keras does not see there."""

    hidden: Layer
    around: Layer


@dataclass(frozen=True, slots=True, eq=False)
class FlagSetInTrace(Event):
    """A function that is traced once holds an assignment to `trainable` under a condition on a step or an epoch."""

    function: Function


@dataclass(frozen=True, slots=True, eq=False)
class GradientsApplied(Event):
    """`optimizer.apply_gradients(zip(gradients, weights))`; `weights` is None if the pairs are made otherwise.

    `state` are the flags of the model whose weights they are, `optimizer` what it is called on; None if not known.
    `step` identifies the function that TensorFlow traces around it (None: it runs eagerly).
    """

    weights: Weights | None = None
    optimizer: Optimizer | None = None
    state: State | None = None
    step: Hashable = None


@dataclass(frozen=True, slots=True, eq=False)
class Compiled(Event):
    """`model.compile(…)`, with the flags of that moment."""

    model: Model
    state: State
    optimizer: Optimizer | None
    eagerly: bool = False
    """Whether it was given `run_eagerly=True`."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained(Event):
    """A training call (`fit`, `train_on_batch`, …), with the flags of that moment.

    `compiled` is the compile in force; `traced` the earlier training call that traced the step this one reuses
    (None if this call traces it). `implied` is True where the program compiles the model and ends there.
    """

    model: Model
    how: str
    state: State
    compiled: Compiled | None
    traced: Trained | None = None
    implied: bool = False
    callbacks: Value | None = None
    data: Value | None = None
    """What it is trained on."""
    batch_size: int | None = None
    """The number of examples in a batch, if the call says it."""
    read_at_compile: bool = False
    """Whether this Keras reads the flags in `compile` rather than when the step is traced."""

    @property
    def read(self) -> State:
        """The flags that the training step was made with."""
        if self.read_at_compile:
            return self.compiled.state if self.compiled is not None else self.state
        return self.traced.state if self.traced is not None else self.state


@dataclass(frozen=True, slots=True, eq=False)
class Grown(Event):
    """Layers are added to a Sequential model (`how` "add") or taken off it ("pop") after it was compiled."""

    model: Model
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class Saved(Event):
    """A model is saved under `path`, with the flags of that moment; `whole` is False for its weights alone."""

    model: Model
    state: State
    path: str
    whole: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class LossMinimized(Event):
    """`optimizer.minimize(loss)` by an optimizer that trains everything; `state` is of what leads to the loss."""

    state: State


@dataclass(frozen=True, slots=True, eq=False)
class LoraEnabled(Event):
    """`layer.enable_lora(…)`; `frozen` says whether the layer's own flag was False then."""

    target: Part
    frozen: bool


@dataclass(frozen=True, slots=True, eq=False)
class Quantized(Event):
    """`model.quantize(…)`."""

    model: Model


@dataclass(frozen=True, slots=True, eq=False)
class VariableAssigned(Event):
    """A new value is assigned to a variable that a layer made for itself."""

    variable: Variable


@dataclass(frozen=True, slots=True, eq=False)
class RunWithoutMode(Event):
    """A model runs with nobody saying in which mode: `how` is "export", or "call" for a plain call on data."""

    model: Model
    how: str
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class SignatureMade(Event):
    """A function becomes a signature under `name`; `calls` are the calls of layers and models in it."""

    name: str
    calls: tuple[Called, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted(Event):
    """`predict`, `evaluate` and the like."""

    model: Model
    how: str


@dataclass(eq=False)
class Timeline:
    """The events along one path through the program, in the order in which they happen."""

    path: str
    events: list[Event] = field(default_factory=list)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    """For each file the names of its module that come from libraries, with what they stand for."""

    @property
    def idle(self) -> bool:
        """Whether nothing happens to a layer or model: classes are defined at most."""
        return all(isinstance(event, ClassDefined) for event in self.events)

    def assignment(self, at: Place | None) -> SetTrainable | None:
        """The assignment to `trainable` at a place, if it was made once and to one thing."""
        found = [event for event in self.events if isinstance(event, SetTrainable) and event.at == at]
        return found[0] if len(found) == 1 else None

    def between(self, first: Event, last: Event) -> Iterator[Event]:
        """The events after `first` and before `last`, in order.

        What a module did before one of its functions was run is not among the events: it was before all of them.
        """
        return iter(self.events[self._order.get(id(first), -1) + 1 : self._order.get(id(last), 0)])

    def until(self, last: Event) -> Iterator[Event]:
        """The events before `last`, in order."""
        return iter(self.events[: self._order.get(id(last), 0)])

    @cached_property
    def _order(self) -> dict[int, int]:
        return {id(event): index for index, event in enumerate(self.events)}

    @property
    def trainings(self) -> list[Trained]:
        """Every training call."""
        return [event for event in self.events if isinstance(event, Trained)]

    def tells(self, span: Span | None, story: Sequence[Span]) -> bool:
        """Whether what happens at `span` and in the `story` happens on this path too, the story's end last."""
        wanted = {*story, *([span] if span is not None else [])}
        paths = {item.path for item in wanted}
        seen = [event.at.span for event in self.events if event.at.path in paths]
        if not wanted <= set(seen):
            return False
        if not story or span is None:
            return True
        last = len(seen) - 1 - seen[::-1].index(story[-1])
        return span == story[-1] or seen.index(span) <= last
