"""The abstract values: what the interpreter knows about the objects of a program that it does not run.

Objects with an identity (layers, models, user objects) are mutable: one run walks one path, and their state is
that of the moment. Everything else is a plain value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freezelint.source.selection import WHOLE, Interior, Selection

if TYPE_CHECKING:
    from pathlib import Path

    from freezelint.finding import Span
    from freezelint.keras.applications import Backbone, Layout
    from freezelint.keras.names import LayerTraits
    from freezelint.source import program as p
    from freezelint.source.parse import ParsedFile


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the source: a file and the number of a node in it."""

    file: ParsedFile = field(repr=False, compare=False)
    path: str
    at: int

    @property
    def span(self) -> Span:
        """The span in the text; worked out when it is first asked for."""
        return self.file.span(self.at)


class Value:
    """Anything a name can stand for."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """A value about which nothing is known; its number tells it from others, so that tests on it are remembered.

    In a file that is imported it is the file's path and a number.
    """

    number: int | tuple[str, int] = 0


UNKNOWN = Unknown()


@dataclass(slots=True, eq=False)
class Guess(Value):
    """An undefined name or a parameter that nobody passed: a model once it is used like one."""

    name: str
    keras: bool
    """Whether the file speaks Keras (and no other framework), so that the guess may become a model."""
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class Known(Value):
    """A constant of Python."""

    value: Any


@dataclass(slots=True, eq=False)
class Items(Value):
    """A list, tuple or set whose items are known; `complete` is False when there may be more."""

    items: list[Value]
    kind: str = "list"
    complete: bool = True


@dataclass(slots=True, eq=False)
class Table(Value):
    """A dict; keys are constants of Python."""

    items: dict[Any, Value]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class External(Value):
    """Something imported from a library, by its canonical dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Partial(Value):
    """A method bound to a value of ours: `model.fit`, `tensor.shape`."""

    owner: Value
    name: str


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function of the project (or a lambda), with the scope it closes over."""

    name: str
    parameters: tuple[p.Parameter, ...]
    body: tuple[p.Statement, ...]
    scope: Any
    defaults: dict[str, Value]
    file: ParsedFile
    at: int
    decorators: tuple[Value, ...] = ()
    owner: Class | None = None

    @property
    def place(self) -> Place:
        """Where its name stands."""
        return Place(self.file, self.file.path, self.at)


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the project; `bases` are values, `members` its functions and class attributes."""

    name: str
    bases: list[Value]
    members: dict[str, Value]
    at: int
    file: ParsedFile

    @property
    def place(self) -> Place:
        """Where its name stands."""
        return Place(self.file, self.file.path, self.at)

    def lookup(self, name: str) -> Value | None:
        """The member `name` of the class or of its bases in the project."""
        return next((cls.members[name] for cls in self.lineage() if name in cls.members), None)

    def methods(self) -> dict[str, Function]:
        """Its methods by name, those that it inherits from classes of the project included."""
        found: dict[str, Function] = {}
        for cls in self.lineage():
            for name, member in cls.members.items():
                if isinstance(member, Function):
                    found.setdefault(name, member)
        return found

    def lineage(self) -> Iterator[Class]:
        """The class and those it derives from, nearest first (the project's only)."""
        seen: set[int] = set()
        stack: list[Class] = [self]
        while stack:
            cls = stack.pop(0)
            if id(cls) not in seen:
                seen.add(id(cls))
                yield cls
                stack.extend(base for base in cls.bases if isinstance(base, Class))

    @property
    def is_callback(self) -> bool:
        """Whether Keras calls its methods while a model trains."""
        return "keras.callbacks.Callback" in self.library_bases()

    def library_bases(self) -> list[str]:
        """The canonical names of the library classes it derives from."""
        return [base.name for cls in self.lineage() for base in cls.bases if isinstance(base, External)]


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the project that is no Keras object."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Method(Value):
    """A function of the project bound to its object."""

    function: Function
    owner: Value


@dataclass(slots=True, eq=False)
class Module(Value):
    """A module of the project."""

    name: str
    names: dict[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Imported(Value):
    """A name imported from a file of the project that has not been read yet; `original` is "" for the module."""

    location: Path
    module: str
    original: str


@dataclass(slots=True, eq=False)
class Flag:
    """An object's own `trainable`: its value (None: unknown) and where it was last assigned (None: never)."""

    value: bool | None = True
    at: Place | None = None


@dataclass(slots=True, eq=False)
class Layer(Value):
    """A Keras layer.

    `class_name` is canonical, "" if the class is not known. `certain` is False where only the way it is used
    says that it is a Keras object.
    """

    class_name: str
    traits: LayerTraits | None
    at: Place
    name: str | None = None
    flag: Flag = field(default_factory=Flag)
    known_as: str = ""
    """What the program calls it: the first name it is given, but for names in a function that has returned."""
    named_in: Any = None
    """The function call in which it got that name."""
    certain: bool = True
    cls: Class | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    first: dict[str, tuple[Value, Place]] = field(default_factory=dict)
    """What its attributes were at first, and where they were set."""
    arguments: dict[str, Value] = field(default_factory=dict)
    wrapped: Layer | None = None
    weights_set: bool = False
    repeated: bool = False
    """Whether it was made in a loop of which some rounds are not run, so that it may stand for any number of layers."""

    @property
    def is_batchnorm(self) -> bool | None:
        """Whether the layer is a BatchNormalization; None if its class is not known."""
        if self.traits is not None:
            return self.traits.is_batchnorm
        return None


@dataclass(slots=True, eq=False)
class Stretch:
    """Some layers of a model whose layers are not known one by one, as a part of another model or of a list."""

    model: Model
    selection: Selection = WHOLE

    @property
    def positions(self) -> frozenset[int] | None:
        """Their positions in the model's list of layers, if these are known."""
        interior = self.model.interior
        if interior is None or interior.size is None or interior.batchnorms is None:
            return None
        indices = self.selection.indices(interior.size, interior.batchnorms)
        return None if indices is None else frozenset(indices)

    @property
    def size(self) -> int | None:
        """How many layers these are, if that is known."""
        positions = self.positions
        return None if positions is None else len(positions)


Part = Layer | Stretch


@dataclass(slots=True, eq=False)
class Model(Layer):
    """A Keras model.

    `kind` is "functional", "sequential", "subclassed", or "opaque" when its layers are known only as a whole
    (`interior`): a backbone, a loaded model, a parameter. `pretrained` says whether its weights were learned
    (None: not known); `pretrained_at` where they came from.
    """

    kind: str = "opaque"
    parts: list[Part] = field(default_factory=list)
    interior: Interior[Place] | None = None
    backbone: Backbone | None = None
    layout: Layout | None = None
    """The backbone's layers one by one, where its arguments are known."""
    title: str = ""
    """What people call the architecture: "MobileNetV2"; empty if it has no name."""
    pretrained: bool | None = None
    complete: bool = True
    """Whether `parts` are all of its layers."""
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    calls: list[Wired] = field(default_factory=list)
    """The calls of layers that make up its graph."""
    copy_of: Model | None = None
    """The model that `clone_model` made it from."""
    loaded_from: str | None = None
    """The path that `load_model` read it from."""
    compiled: Any = None
    traced: Any = None
    handed_over: Place | None = None
    """Where the model was handed to a function that is not known: it may compile it or load weights."""
    disturbed: Place | None = None
    """Where it was handed to one that, by its name, changes flags."""

    def walk(self, seen: set[int] | None = None) -> Iterator[tuple[Part, tuple[Model, ...]]]:
        """Every leaf of the model with the containers around it (outermost first, the model itself included)."""
        seen = set() if seen is None else seen
        yield from _walk(self, (), seen)

    def containers(self) -> Iterator[Model]:
        """The model and every model nested in it."""
        found = {id(self): self}
        for _, around in self.walk():
            found.update((id(model), model) for model in around)
        yield from found.values()


def _walk(model: Model, around: tuple[Model, ...], seen: set[int]) -> Iterator[tuple[Part, tuple[Model, ...]]]:
    if id(model) in seen or len(around) > 20:
        return
    seen.add(id(model))
    inside = (*around, model)
    if model.interior is not None:
        yield Stretch(model), inside
    for part in model.parts:
        if isinstance(part, Model):
            yield from _walk(part, inside, seen)
        elif isinstance(part, Layer) and isinstance(part.wrapped, Model):
            yield part, inside
            yield from _walk(part.wrapped, inside, seen)
        else:
            yield part, inside


@dataclass(frozen=True, slots=True, eq=False)
class Wired(Value):
    """A layer called on symbolic tensors; `training` is the literal passed, None if nothing (or None) was.

    `where` is "graph" for a call that is recorded in a Functional model, "call" for one inside a `call` method.
    """

    layer: Layer
    training: Value | None
    at: Place
    inputs: tuple[Tensor, ...] = ()
    where: str = "graph"

    @property
    def pinned(self) -> bool | None:
        """The literal True or False passed as `training`, None otherwise."""
        value = self.training.value if isinstance(self.training, Known) else None
        return value if isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, eq=False)
class Tensor(Value):
    """A symbolic tensor: an input, the output of a wired call, or of a whole model (`of`)."""

    wired: Wired | None = None
    of: Model | None = None
    inner: Selection = WHOLE
    """With `of`: which of its layers lead to this tensor."""
    inputs: tuple[Tensor, ...] = ()
    is_input: bool = False
    unknown: bool = False
    """Whether something unknown was applied on the way."""


@dataclass(slots=True, eq=False)
class Layers(Value):
    """A model's list of layers, or a part of it, in order."""

    parts: list[Part]
    of: Model | None = None
    complete: bool = True
    maybe: frozenset[int] = frozenset()
    """The identities of those layers that may be in it or not: where it was cut is not known exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class Maybe(Value):
    """What a loop binds to its variable, or not: a layer that may be in the list."""

    layer: Layer


@dataclass(slots=True, eq=False)
class Group(Value):
    """The loop variable over layers that are not known one by one: any of them.

    `answer` fixes the outcome of tests on its name, where a loop is walked once before and once after the layer
    that the test looks for.
    """

    stretch: Stretch
    answer: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GroupTest(Value):
    """A condition that holds for some layers of a group and not for others (None: for none)."""

    group: Group
    yes: Selection | None
    no: Selection | None

    def negated(self) -> GroupTest:
        """The opposite condition."""
        return GroupTest(self.group, self.no, self.yes)


@dataclass(frozen=True, slots=True, eq=False)
class Property(Value):
    """Something asked of a layer or group that decides tests: its "class", its "name", its "index"."""

    owner: Layer | Group
    what: str
    base: int = 0
    case: str = ""
    """The method that changed the case of a name: "lower", "upper" or none."""


@dataclass(frozen=True, slots=True, eq=False)
class Length(Value):
    """`len()` of a list of layers whose number is not known, plus an offset."""

    of: Layers
    plus: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class IndexRange(Value):
    """A loop index that runs over `range(start, stop)`; bounds are numbers, Lengths or Unknown."""

    start: Value
    stop: Value


@dataclass(slots=True, eq=False)
class Optimizer(Value):
    """A Keras optimizer, with the arguments it was made with."""

    name: str
    arguments: dict[str, Value]
    at: Place
    legacy: bool = False
    trains_everything: bool = False
    """Whether `minimize` trains every variable that it is not told to leave out, as in `tf.compat.v1.train`."""
    built: bool = False
    """Whether it was told beforehand which weights it will get (`optimizer.build(…)`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Variable(Value):
    """A variable that a layer makes for itself: `tf.Variable(0.0)`, `self.add_weight(…)`, `K.variable(0.0)`.

    `scalar` says whether it is a single number; `own` whether Keras made it (`add_weight`) and so tracks it.
    """

    at: Place
    trainable: bool
    scalar: bool
    own: bool


@dataclass(frozen=True, slots=True, eq=False)
class Weights(Value):
    """A model's or layer's list of variables: "weights", "trainable_weights", …, taken at a place and moment.

    `moment` is the number of events that had happened by then.
    """

    owner: Layer
    which: str
    at: Place | None = None
    moment: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Joined(Value):
    """A list of variables put together from others: `lists` are in it as a whole, what else is in it is not known."""

    lists: tuple[Weights, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Images(Value):
    """An `ImageDataGenerator`, or what it yields; `scale` is what it multiplies the pixels by (1: nothing)."""

    at: Place
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Paired(Value):
    """`zip(gradients, variables)`: what an optimizer is given."""

    weights: Weights


@dataclass(slots=True, eq=False)
class Tape(Value):
    """A `tf.GradientTape`; `calls` are the calls of layers and models that it recorded."""

    at: Place
    watches: bool = True
    """Whether it watches every variable that TensorFlow calls trainable, frozen layers' included."""
    calls: list[Any] = field(default_factory=list)


def solid(value: Value) -> Value:
    """The model that a guess has become, otherwise the value itself."""
    return value.model if isinstance(value, Guess) and value.model is not None else value


def tensors(values: Iterable[Value]) -> Iterator[Tensor]:
    """The symbolic tensors among the values, looked for in lists and dicts too; each once."""
    seen: set[int] = set()
    waiting = list(values)[::-1]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Items):
            waiting.extend(reversed(value.items))
        elif isinstance(value, Table):
            waiting.extend(reversed(list(value.items.values())))
