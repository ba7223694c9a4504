"""Which mode BatchNormalization and Dropout run in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from freezelint.finding import Applicability, Confidence, Edit, Fix, Mistake, Severity
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.names import traits
from freezelint.source import program as p
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import (
    confidence,
    frozen_before,
    is_pretrained,
    name_of,
    owner_of,
    pins,
    plural,
    steps,
    titled,
    training_step,
    trains_itself,
)
from freezelint.source.relevance import walk
from freezelint.source.rewriting import flag_assignment, inserted_after, spelled
from freezelint.source.timeline import (
    BatchNormMissed,
    ClassDefined,
    Leaf,
    LearningPhaseUsed,
    Predicted,
    Timeline,
    Trained,
)
from freezelint.source.values import Class, Function, Known, Layer, Model, Place, Stretch, Wired


@dataclass
class ThawedBatchNorm:
    """BatchNormalization layers that one statement left thawed in a training call."""

    trained: Trained
    leaf: Leaf
    at: Place | None
    count: int | None = 0
    certain: bool = True
    pins: dict[int, Wired] = field(default_factory=dict)

    @property
    def many(self) -> str:
        """How many layers, in words."""
        if self.count is None:
            return "the BatchNormalization layers"
        return plural(self.count, "BatchNormalization layer")

    def pinned(self, value: bool, where: str) -> list[Wired]:
        """The calls that pin `training` to `value` in a graph or in a `call` method."""
        return [wired for wired in self.pins.values() if wired.pinned is value and wired.where == where]


def thawed_batchnorms(timeline: Timeline) -> Iterator[ThawedBatchNorm]:
    """Every statement that leaves BatchNormalization thawed in a training call, once, with the first such call."""
    seen: set[tuple[int, Place | None]] = set()
    for trained in timeline.trainings:
        found: dict[tuple[int, Place | None], ThawedBatchNorm] = {}
        for leaf in trained.read.leaves:
            for thaw in leaf.thawed_batchnorms if leaf.gate is None else ():
                key = (id(leaf.model), thaw.at)
                group = found.setdefault(key, ThawedBatchNorm(trained, leaf, thaw.at))
                group.count = None if group.count is None or thaw.count is None else group.count + thaw.count
                group.certain = group.certain and thaw.certain
                group.pins.update((id(wired), wired) for wired in pins(trained.model, leaf))
        yield from (group for key, group in found.items() if key not in seen)
        seen.update(found)


def _contains_batchnorm(model: Model) -> bool:
    return model.interior is None or model.interior.has_batchnorm is True


@source.check("unfrozen-batchnorm")
def unfrozen_batchnorm(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A pretrained part is thawed and trained with its BatchNormalization layers thawed too."""
    for thawed in thawed_batchnorms(timeline):
        leaf, model = thawed.leaf, thawed.leaf.model
        at = thawed.at or next(iter(leaf.frozen_at), None)
        if (
            at is None
            or (leaf.adapts and thawed.at is not None)
            or is_pretrained(leaf) is not True
            or thawed.pinned(False, "call")
            or thawed.pinned(False, "graph")
        ):
            continue
        frozen = frozen_before(timeline, leaf, thawed.at)
        sure = confidence(thawed.trained, [model], thawed.certain and frozen is not None)
        if thawed.at is None:
            what = f"The layers of {titled(model)} that stay trainable include {thawed.many}"
        else:
            what = f"This also thaws {thawed.many} of {titled(model)}"
        or_else = " or, in Keras 2, call it with `training=False`" if keras.wired_training_holds else ""
        yield Mistake(
            f"{what}: training overwrites the statistics they were pretrained with. "
            f"Freeze the BatchNormalization layers again after thawing, before `compile`{or_else}.",
            at.span,
            steps(
                (frozen, "frozen here"),
                training_step(thawed.trained),
            ),
            confidence=sure if _contains_batchnorm(model) else Confidence.POSSIBLE,
            fix=_frozen_again(timeline, thawed),
        )


def _frozen_again(timeline: Timeline, thawed: ThawedBatchNorm) -> Fix | None:
    """The edit that keeps the BatchNormalization layers frozen where a statement thaws the layers around them."""
    event = timeline.assignment(thawed.at)
    written = flag_assignment(event.at) if event is not None and event.literal is True else None
    if event is None or written is None or owner_of(event.target) is not thawed.leaf.model:
        return None
    batchnorm = spelled("keras.layers.BatchNormalization", timeline.imports.get(event.at.path, {}))
    if batchnorm is None:
        return None
    if isinstance(event.target, Stretch):
        edit = written.replaced_value(f"not isinstance({written.owner}, {batchnorm})")
    else:
        edit = written.followed_by(
            f"for inner in {written.owner}.layers:",
            f"    if isinstance(inner, {batchnorm}):",
            "        inner.trainable = False",
        )
    return Fix(Applicability.UNSAFE, "Keep the BatchNormalization layers frozen", (edit,))


@source.check("pinned-training-ignored")
def pinned_training_ignored(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`training=` wired into a Functional graph, where `fit` or `predict` overrules it and that matters."""
    if keras.wired_training_holds:
        return
    for thawed in thawed_batchnorms(timeline):
        wired = next(iter(thawed.pinned(False, "graph")), None)
        random_backbone = isinstance(thawed.leaf.part, Stretch) and is_pretrained(thawed.leaf) is False
        if wired is None or random_backbone:
            continue
        model, at = thawed.leaf.model, thawed.at or wired.at
        sure = confidence(thawed.trained, [model], thawed.certain)
        yield Mistake(
            f"`training=False` does not protect {thawed.many} of {titled(model)} here: in Keras 3 before 3.16 `fit` "
            "overrules a `training` argument wired into a Functional model, and their statistics are overwritten. "
            "Freeze the BatchNormalization layers themselves (`layer.trainable = False`) after thawing, before "
            "`compile`.",
            at.span,
            steps(
                (frozen_before(timeline, thawed.leaf, thawed.at), "frozen here"),
                (wired.at if at is not wired.at else None, "`training=False` pinned here"),
                training_step(thawed.trained),
            ),
            confidence=sure if _contains_batchnorm(model) else Confidence.POSSIBLE,
            fix=_frozen_again(timeline, thawed),
        )
    yield from _monte_carlo(timeline)


def _monte_carlo(timeline: Timeline) -> Iterator[Mistake]:
    """Dropout wired with `training=True`, which `predict` switches off all the same."""
    seen: set[Place] = set()
    for event in timeline.events:
        if not isinstance(event, Predicted) or not event.how.startswith("predict"):
            continue
        for wired in event.model.calls:
            dropout = _dropout(wired.layer)
            if dropout and wired.pinned is True and wired.where == "graph" and wired.at not in seen:
                seen.add(wired.at)
                yield Mistake(
                    f"`{event.how}` switches {dropout} off although it is called with `training=True`: Keras 3 "
                    "before 3.16 overrules a `training` argument wired into a Functional model, so repeated "
                    "predictions do not vary. Derive a class from Dropout whose `call` passes `training=True`.",
                    wired.at.span,
                    steps((event.at, "predicted here")),
                    confidence=Confidence.LIKELY,
                )


def _dropout(layer: Layer) -> str:
    """The Dropout that a call is of, or that is all in the called model which depends on the mode; "" for none."""
    if not isinstance(layer, Model):
        return "this Dropout" if layer.traits is not None and layer.traits.is_dropout else ""
    kinds = [part.traits for part, _ in layer.walk() if isinstance(part, Layer) and part.traits is not None]
    is_plain = layer.interior is None and not any(kind.is_batchnorm for kind in kinds)
    return f"the Dropout in {name_of(layer)}" if is_plain and any(kind.is_dropout for kind in kinds) else ""


@source.check("training-true-by-default")
def training_true_by_default(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A layer's `call` is in training mode unless it is told otherwise."""
    for event in timeline.events:
        if not isinstance(event, ClassDefined) or event.call is None:
            continue
        default = event.call.defaults.get("training")
        if isinstance(default, Known) and default.value is True:
            yield Mistake(
                f"`{event.cls.name}` runs in training mode wherever nobody says otherwise: in a plain `model(x)`, in "
                "`export`, and for the layers behind it. Write `training=None`.",
                event.call.place.span,
                fix=_defaults_to_none(event.call),
            )


def _defaults_to_none(call: Function) -> Fix | None:
    for parameter in call.parameters:
        if parameter.name == "training" and parameter.default is not None:
            span = Place(call.file, call.file.path, parameter.default.at).span
            return Fix(Applicability.UNSAFE, "Let the caller decide: `training=None`", (Edit(span, "None"),))
    return None


@source.check("model-call-without-training")
def model_call_without_training(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A subclassed model is trained whose `call` has no `training` parameter: Keras 3 runs it in inference mode."""
    if keras.call_without_training_follows_fit:
        return
    seen: set[int] = set()
    for trained in timeline.trainings:
        model = trained.model
        call = model.cls.lookup("call") if model.cls is not None and model.kind == "subclassed" else None
        if not isinstance(call, Function) or id(call) in seen or _takes_training(call) or trains_itself(model):
            continue
        seen.add(id(call))
        kinds = sorted({kind for leaf in trained.state.leaves if (kind := _waits_for_training(trained, leaf))})
        if kinds:
            yield Mistake(
                f"`call` has no `training` parameter, so in Keras 3 `{trained.how}` runs this model in inference mode: "
                f"{', '.join(kinds)} inside it never sees training. Add `training=None` to the parameters.",
                call.place.span,
                steps(training_step(trained)),
                confidence=confidence(trained, []),
                fix=_takes_training_too(call),
            )


def _takes_training_too(call: Function) -> Fix | None:
    positional = [parameter for parameter in call.parameters if not parameter.kind]
    if len(positional) != len(call.parameters):
        return None
    edit = inserted_after(Place(call.file, call.file.path, positional[-1].at).span, ", training=None")
    return Fix(Applicability.SAFE, "Add the parameter `training=None`", (edit,))


def _waits_for_training(trained: Trained, leaf: Leaf) -> str:
    """What in a leaf would do something else in training mode, if the model passed it on; "" if there is nothing."""
    if any(wired.pinned is not None for wired in pins(trained.model, leaf)):
        return ""
    if isinstance(leaf.part, Stretch):
        return leaf.part.model.title if leaf.thawed_batchnorms and leaf.part.model.backbone is not None else ""
    if leaf.part.traits is None or not leaf.part.traits.depends_on_training:
        return ""
    stays = leaf.part.is_batchnorm and not leaf.thawed_batchnorms
    return "" if stays else leaf.part.class_name.rpartition(".")[2]


def _takes_training(call: Function) -> bool:
    return any(parameter.name == "training" for parameter in call.parameters)


_FLAGS = frozenset({"trainable", "freeze", "frozen", "_freeze", "freeze_bn", "is_frozen"})
_DELEGATES = frozenset({"super", "call", "logical_and", "constant", "cast", "bool", "convert_to_tensor", "isinstance"})


def _batchnorm_calls(timeline: Timeline) -> Iterator[tuple[ClassDefined, Function]]:
    """The classes derived from BatchNormalization that have a `call` of their own."""
    for event in timeline.events:
        if isinstance(event, ClassDefined) and event.call is not None:
            bases = (traits(base) for base in event.cls.library_bases())
            if any(base is not None and base.is_batchnorm for base in bases):
                yield event, event.call


@source.check("batchnorm-forced-training")
def batchnorm_forced_training(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A BatchNormalization subclass that is in training mode whatever its caller says."""
    for event, call in _batchnorm_calls(timeline):
        forced = next((argument for argument in _passed_training(call) if _is_forced(argument)), None)
        if forced is not None and not _asks(call):
            yield Mistake(
                f"`{event.cls.name}` runs in training mode at inference too: it passes its own value as `training` "
                "and never looks at the one it is given, so predictions depend on the batch and move the statistics. "
                "Use the stock layer with `trainable = False`.",
                Place(call.file, call.file.path, forced.at).span,
            )


def _asks(call: Function) -> bool:
    """Whether the method looks at the mode it is given."""
    return any(isinstance(node, p.Name) and node.id == "training" for node in walk(call.body))


def _passed_training(call: Function) -> Iterator[p.Expression]:
    for node in walk(call.body):
        if isinstance(node, p.Call) and isinstance(node.function, p.Attribute) and node.function.name == "call":
            yield from (argument.value for argument in node.arguments if argument.name == "training")


def _is_forced(argument: p.Expression) -> bool:
    """Whether the value has nothing to do with the mode that the caller asks for: True, or a flag of the layer."""
    flag = argument.value if isinstance(argument, p.Not) else argument
    return (isinstance(flag, p.Attribute) and _is_self(flag.value)) or (
        isinstance(flag, p.Constant) and flag.value is True and flag is argument
    )


@source.check("redundant-frozen-batchnorm")
def redundant_frozen_batchnorm(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A BatchNormalization subclass that only does what the stock layer does since TensorFlow 2.0."""
    for event, call in _batchnorm_calls(timeline):
        nodes = list(walk(call.body))
        if any(base is not None and not base.inference_when_frozen for base in map(traits, event.cls.library_bases())):
            continue  # the layer of TensorFlow 1 needs this
        called = {_called(node) for node in nodes if isinstance(node, p.Call)}
        flags = {node.name for node in nodes if isinstance(node, p.Attribute) and _is_self(node.value)}
        if not _asks(call) or not called <= _DELEGATES or not flags or not flags <= _FLAGS:
            continue
        if "trainable" not in flags and not _sets_trainable(event.cls):
            continue  # a flag of its own, which stops the statistics and lets gamma and beta train
        symbolic = "logical_and" in called
        crash = " In Keras 3 it fails in `fit`: a symbolic tensor is used as a Python bool." if symbolic else ""
        yield Mistake(
            f"`{event.cls.name}` does what the stock BatchNormalization does since TensorFlow 2.0: with "
            f"`trainable = False` it runs in inference mode by itself.{crash} Use the stock layer.",
            event.at.span,
            severity=None if symbolic or keras.generation == "keras2" else Severity.INFO,
        )


def _sets_trainable(cls: Class) -> bool:
    """Whether the constructor derives `trainable` from the class's own flag."""
    constructor = cls.members.get("__init__")
    return isinstance(constructor, Function) and any(
        isinstance(target, p.Attribute) and target.name == "trainable" and _is_self(target.value)
        for node in walk(constructor.body)
        if isinstance(node, p.Assign)
        for target in node.targets
    )


def _called(call: p.Call) -> str:
    if isinstance(call.function, p.Attribute):
        return call.function.name
    return call.function.id if isinstance(call.function, p.Name) else ""


def _is_self(node: p.Expression) -> bool:
    return isinstance(node, p.Name) and node.id == "self"


def _means_training(timeline: Timeline, event: LearningPhaseUsed) -> bool:
    """Whether the phase is set to 1, or for a training that follows: to 0 after training is right in Keras 2."""
    if event.function not in _SETS_PHASE:
        return False
    later = timeline.events[timeline.events.index(event) :]
    return event.value in (1, True) or any(isinstance(other, Trained) for other in later)


_SETS_PHASE = ("set_learning_phase", "learning_phase_scope")


@source.check("learning-phase-api")
def learning_phase_api(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """The global learning phase is used: Keras 3 has none, and in Keras 2 `fit` does not heed it."""
    for event in timeline.events:
        if not isinstance(event, LearningPhaseUsed):
            continue
        if keras.learning_phase_exists and not _means_training(timeline, event):
            continue
        what = (
            "it only changes a plain `model(x)`: `fit` updates BatchNormalization all the same"
            if keras.learning_phase_exists
            else "Keras 3 has no learning phase, and this fails with an AttributeError"
        )
        yield Mistake(
            f"`{event.function}`: {what}. Pass `training=` to the call, and freeze BatchNormalization layers with "
            "`trainable = False`.",
            event.at.span,
        )


@source.check("pinned-training-true")
def pinned_training_true(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A part with thawed BatchNormalization is wired in with `training=True`."""
    seen: set[Place] = set()
    for thawed in thawed_batchnorms(timeline):
        wired = next((call for call in thawed.pinned(True, "graph") if isinstance(call.layer, Model)), None)
        if wired is None or wired.at in seen:
            continue
        seen.add(wired.at)
        model = thawed.leaf.model
        where = "`predict` and `evaluate` too" if keras.wired_training_holds else "`export()` and a plain `model(x)`"
        yield Mistake(
            f"`training=True` does not mean that {titled(model)} shall be trained (`trainable` does): it puts its "
            f"BatchNormalization into training mode for good, in {where}. Every answer then depends on the batch and "
            "moves the statistics. Leave the argument out.",
            wired.at.span,
            steps(training_step(thawed.trained)),
            confidence=confidence(thawed.trained, [model], thawed.certain)
            if _contains_batchnorm(model)
            else Confidence.POSSIBLE,
        )


@source.check("batchnorm-selected-by-name")
def batchnorm_selected_by_name(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A test on names picks only some of the BatchNormalization layers of a backbone."""
    for event, thawed in _missed(timeline, "name"):
        words = ", ".join(repr(word) for word in event.words)
        yield Mistake(
            f"The name {words} finds {event.found} of the {event.total} BatchNormalization layers of "
            f"{titled(event.model)}: the others are called otherwise, and this test passes over them. Ask for the "
            "class: `isinstance(layer, keras.layers.BatchNormalization)`.",
            event.at.span,
            steps(training_step(thawed.trained)),
            confidence=confidence(thawed.trained, [event.model], thawed.certain),
        )


@source.check("freeze-misses-nested-batchnorm")
def freeze_misses_nested_batchnorm(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A loop looks for BatchNormalization in the layers of a model, and does not go into the model nested there."""
    for event, thawed in _missed(timeline, "nested"):
        yield Mistake(
            f"The loop sees {titled(event.model)} as one layer, which is no BatchNormalization, and never looks "
            f"inside: {thawed.many} there stay thawed. Loop over its own layers, or over `model._flatten_layers()`.",
            event.at.span,
            steps((event.model.at, "nested model made here"), training_step(thawed.trained)),
            confidence=confidence(thawed.trained, [event.model], thawed.certain),
        )


def _missed(timeline: Timeline, how: str) -> Iterator[tuple[BatchNormMissed, ThawedBatchNorm]]:
    """The tests that pass over BatchNormalization layers which are then thawed in a training call."""
    events = [event for event in timeline.events if isinstance(event, BatchNormMissed) and event.how == how]
    thawed = list(thawed_batchnorms(timeline)) if events else []
    seen: set[Place] = set()
    for event in events:
        found = next((item for item in thawed if event.model in (item.leaf.model, *item.leaf.around)), None)
        if found is not None and is_pretrained(found.leaf) is True and event.at not in seen:
            seen.add(event.at)
            yield event, found


@source.check("dropout-under-frozen-parent")
def dropout_under_frozen_parent(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A frozen backbone holds Dropout, which freezing does not switch off."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.read.weighted:
            model = leaf.model
            dropouts = len(model.layout.dropout_indices()) if model.layout is not None else 0
            if not dropouts or leaf.trains is not False or not leaf.frozen_at or id(model) in seen:
                continue
            pinned = next((call for call in pins(trained.model, leaf) if call.pinned is False), None)
            if pinned is not None and (keras.wired_training_holds or pinned.where == "call"):
                continue
            seen.add(id(model))
            yield _noisy(trained, leaf, dropouts, pinned)


def _noisy(trained: Trained, leaf: Leaf, dropouts: int, pinned: Wired | None) -> Mistake:
    asked = "`training=False` is overruled by `fit` in Keras 3 before 3.16: the" if pinned is not None else "The"
    return Mistake(
        f"{asked} {plural(dropouts, 'Dropout layer')} inside {titled(leaf.model)} stay active while it is frozen: its "
        "features are noisy in training. Freezing switches BatchNormalization only. If that is not wanted, compute the "
        "features once, or call the base with `training=False` in the `call` of a model of your own.",
        (pinned.at if pinned is not None else leaf.frozen_at[0]).span,
        steps((leaf.frozen_at[0] if pinned is not None else None, "frozen here"), training_step(trained)),
        confidence=confidence(trained, [leaf.model]),
    )
