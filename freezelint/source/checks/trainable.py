"""What `trainable` really covers, and when it counts."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Applicability, Confidence, Edit, Fix, Mistake, Position, Severity, Span
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.names import Kind
from freezelint.source.checks.batchnorm import ThawedBatchNorm, thawed_batchnorms
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import (
    confidence,
    is_pretrained,
    is_whole,
    name_of,
    owner_of,
    steps,
    titled,
    training_step,
    was_frozen,
)
from freezelint.source.relevance import walk
from freezelint.source.timeline import (
    AttributeSet,
    Compiled,
    Leaf,
    NoAssignment,
    SetTrainable,
    TensorFlagSet,
    Timeline,
    Trained,
)
from freezelint.source.values import Function, Known, Layer, Model, Part, Place, Stretch

_NO_TYPOS = frozenset({"trainable", "_trainable", "trainable_weights", "trainable_variables", "training", "trained"})


@source.check("trainable-after-compile")
def trainable_after_compile(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`trainable` is changed after Keras has read the flags, and the model is trained without compiling again."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        read = trained.compiled if keras.flags_are_read_at_compile and trained.compiled else trained.traced
        came_compiled = trained.compiled is None and trained.model.loaded_from is not None
        if read is None or trained.implied or not (trained.compiled or came_compiled):
            continue
        late = _late_change(timeline, read, trained)
        if late is None or late.at in seen:
            continue
        seen.add(late.at)
        model = name_of(trained.model)
        if isinstance(read, Compiled):
            why = "Keras 2 reads the flags in `compile`"
        else:
            why = "the training step was traced by the first training call and keeps the flags of that moment"
        yield Mistake(
            f"This change of `trainable` has no effect on the training below: {why}. "
            f"Compile {model} again after it, with a new optimizer.",
            late.at.span,
            steps(
                (trained.compiled.at if trained.compiled else None, "compiled here"),
                (read.at if isinstance(read, Trained) else None, "first trained here"),
                (trained.at, "trained here with the old flags"),
            ),
            confidence=confidence(trained, _models(late)),
        )


def _models(change: SetTrainable) -> list[Model]:
    target = owner_of(change.target)
    return [target] if isinstance(target, Model) else []


def _late_change(timeline: Timeline, read: Compiled | Trained, trained: Trained) -> SetTrainable | None:
    """The change of a flag that the model reads too late: the last one that made the difference."""
    changed = trained.state.changed_since(read.state)
    if not changed or _is_shared(timeline, trained.model, changed):
        return None
    trains = {leaf.key: leaf.trains for leaf in trained.state.leaves}
    trained_before = {leaf.key: leaf.trains for leaf in read.state.leaves}
    late = [
        event
        for event in timeline.between(read, trained)
        if isinstance(event, SetTrainable)
        and any(_made(event, trains[key], trained_before[key]) for key in event.changed & changed)
    ]
    return late[-1] if late else None


def _made(event: SetTrainable, now: bool | None, before: bool | None) -> bool:
    """Whether the assignment goes in the direction in which the layers changed."""
    return now is before or event.value is now


def _is_shared(timeline: Timeline, model: Model, leaves: set[int]) -> bool:
    """Whether another compiled model has these leaves too: which model reads which flags when is then on purpose."""
    return any(
        isinstance(event, Compiled) and event.model is not model and leaves & event.state.keys
        for event in timeline.events
    )


def _is_part(timeline: Timeline, trained: Trained) -> bool:
    """Whether another compiled model contains this one: then `gan-freeze-order` judges it."""
    own = trained.state.keys
    return any(
        isinstance(event, Compiled) and event.model is not trained.model and own < event.state.keys
        for event in timeline.events
    )


@source.check("unfreeze-under-frozen-parent")
def unfreeze_under_frozen_parent(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Layers are thawed while a model around them stays frozen, and so they do not train."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        for leaf in trained.state.leaves:
            for at in leaf.thawed_at if leaf.gate is not None else ():
                if at not in seen and leaf.gate is not None:
                    seen.add(at)
                    yield _under_frozen_parent(trained, leaf, leaf.gate, at)


def _under_frozen_parent(trained: Trained, leaf: Leaf, parent: Model, at: Place) -> Mistake:
    whole = parent is trained.model
    reason = (
        f"{titled(parent)} is the model that is trained, and it is frozen itself: nothing in it trains"
        if whole
        else f"{titled(parent)} around them is still frozen, and in Keras 2 a frozen model keeps everything inside it "
        "out of training (its BatchNormalization statistics move all the same)"
    )
    return Mistake(
        f"The layers thawed here do not train: {reason}. "
        f"Set `{parent.known_as or 'model'}.trainable = True` first, then freeze the layers that shall stay frozen.",
        at.span,
        steps((parent.flag.at, "frozen here"), training_step(trained)),
        confidence=confidence(trained, [parent, leaf.model]),
        severity=Severity.ERROR if whole else None,
    )


@source.check("trainable-typo")
def trainable_typo(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """An attribute that is almost called `trainable` is assigned: Python makes a new one, and nothing freezes."""
    for event in timeline.events:
        if isinstance(event, AttributeSet) and not event.declared and _is_typo(event.attribute):
            target = owner_of(event.target)
            yield Mistake(
                f"Keras knows no `{event.attribute}`: this sets an attribute that nobody reads, and the flag "
                "`trainable` stays as it is.",
                event.at.span,
                confidence=Confidence.CERTAIN if target.certain else Confidence.LIKELY,
                fix=_rename(event),
            )


def _rename(event: AttributeSet) -> Fix | None:
    if event.name_at is None:
        return None
    span = event.name_at.span
    start = Position(span.end.line, span.end.column - len(event.attribute))
    edit = Edit(Span(span.path, start, span.end, span.cell), "trainable")
    return Fix(Applicability.SAFE, f"Rename `{event.attribute}` to `trainable`", (edit,))


def _is_typo(attribute: str) -> bool:
    if attribute in _NO_TYPOS:
        return False
    lowered = attribute.lower().strip("_")
    return lowered in ("trainable", "is_trainable", "istrainable") or _distance(lowered, "trainable") <= 2


def _distance(one: str, other: str) -> int:
    """How many letters must be added, left out, replaced or swapped with their neighbour (Damerau, adjacent)."""
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


@source.check("random-base-frozen")
def random_base_frozen(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A backbone with random weights is frozen before it has learned anything."""
    seen: set[int] = set()
    learned: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.state.leaves:
            model = leaf.model
            if (
                leaf.key not in seen | learned
                and isinstance(leaf.part, Stretch)
                and _is_random(model)
                and leaf.frozen_at
            ):
                if leaf.trains is False:
                    seen.add(leaf.key)
                    yield Mistake(
                        f"{titled(model)} starts with random weights (`weights=None`) and is frozen before it is "
                        "trained: the layers behind it learn from noise. Load pretrained weights, or leave it "
                        "trainable.",
                        model.at.span,
                        steps((leaf.frozen_at[0], "frozen here"), training_step(trained)),
                        confidence=confidence(trained, [model]),
                    )
            if leaf.trains is not False:
                learned.add(leaf.key)


def _is_random(model: Model) -> bool:
    return model.pretrained is False and not model.weights_set and model.handed_over is None


@source.check("nothing-trainable")
def nothing_trainable(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model is trained with every weight in it frozen."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        leaves = trained.read.weighted
        if trained.implied or trained.compiled is None or trained.compiled.at in seen or not is_whole(trained.model):
            continue
        if not leaves or not all(leaf.trains is False for leaf in leaves) or _is_part(timeline, trained):
            continue
        if any(leaf.thawed_at for leaf in leaves):
            continue  # `unfreeze-under-frozen-parent` says why these do not train
        seen.add(trained.compiled.at)
        frozen = next((leaf.frozen_at[-1] for leaf in leaves if leaf.frozen_at), None)
        gate = next((leaf.gate.flag.at for leaf in leaves if leaf.gate is not None), None)
        yield Mistake(
            f"Every weight of {name_of(trained.model)} is frozen when it is compiled: `{trained.how}` runs, and "
            "nothing in it learns. Leave the layers that shall learn trainable, or thaw them before `compile`.",
            trained.compiled.at.span,
            steps((gate or frozen, "frozen here"), training_step(trained)),
            confidence=confidence(trained, [trained.model]),
        )


@source.check("batchnorm-freeze-undone")
def batchnorm_freeze_undone(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """BatchNormalization was frozen layer by layer, and thawing the model around it thaws it again."""
    for thawed in thawed_batchnorms(timeline):
        guard = _undone_guard(timeline, thawed)
        if guard is None or thawed.at is None:
            continue
        yield Mistake(
            f"This thaws {thawed.many} of {titled(thawed.leaf.model)} that were frozen one by one before: setting "
            "`trainable` on a model sets it on everything inside. Freeze the BatchNormalization layers after this "
            "line, before `compile`.",
            thawed.at.span,
            steps((guard, "BatchNormalization frozen here"), training_step(thawed.trained)),
            confidence=confidence(thawed.trained, [thawed.leaf.model], thawed.certain),
        )


def _undone_guard(timeline: Timeline, thawed: ThawedBatchNorm) -> Place | None:
    """Where only the BatchNormalization layers were frozen, before the whole model was thawed."""
    guard: Place | None = None
    for event in timeline.events:
        if not isinstance(event, SetTrainable):
            continue
        if event.at == thawed.at:
            return guard if isinstance(event.target, Model) else None
        if event.value is False and _is_batchnorm(event.target) and _is_in(event.target, thawed.leaf):
            guard = event.at
        elif event.value is True and thawed.leaf.key in event.changed:
            guard = None
    return None


def _is_in(part: Part, leaf: Leaf) -> bool:
    if isinstance(part, Stretch):
        return isinstance(leaf.part, Stretch) and part.model is leaf.part.model
    return part is leaf.part


def _is_batchnorm(part: Part) -> bool:
    if isinstance(part, Stretch):
        return part.model.interior is not None and part.model.interior.only_batchnorms(part.selection)
    return part.is_batchnorm is True


@source.check("trainable-on-tensor")
def trainable_on_tensor(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`trainable` is assigned to the output of a layer."""
    for event in timeline.events:
        if isinstance(event, TensorFlagSet):
            kind = event.layer.class_name.rpartition(".")[2] or "layer"
            yield Mistake(
                f"This sets `trainable` on a tensor, the output of {name_of(event.layer)}, not on the {kind}: nothing "
                "is frozen. Keep the layer in a variable of its own and set its flag.",
                event.at.span,
            )


_TORCH: dict[str, tuple[bool, ...]] = {
    "requires_grad": (False, True),
    "training": (False, True),
    "frozen": (True,),
    "freeze": (True,),
}


@source.check("torch-style-freeze")
def torch_style_freeze(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A switch of another framework is set on a Keras object, which has no such switch."""
    for event in timeline.events:
        if not isinstance(event, AttributeSet) or event.declared or event.attribute not in _TORCH:
            continue
        target = owner_of(event.target)
        value = event.value.value if isinstance(event.value, Known) else None
        if not any(value is wanted for wanted in _TORCH[event.attribute]) or not target.certain:
            continue
        better = (
            "pass `training=` to the call, and freeze BatchNormalization layers with `trainable = False`"
            if event.attribute == "training"
            else "set `trainable`"
        )
        yield Mistake(
            f"Keras has no switch `{event.attribute}`: this sets an attribute that nobody reads. In Keras, {better}.",
            event.at.span,
        )


@source.check("freeze-without-effect")
def freeze_without_effect(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Something looks like an assignment to `trainable` and is none, or assigns a text, which is true."""
    for event in timeline.events:
        if isinstance(event, NoAssignment):
            what = "compares" if event.how == "comparison" else "annotates"
            yield Mistake(f"This only {what} `trainable` and assigns nothing: write a single `=`.", event.at.span)
        elif isinstance(event, SetTrainable) and isinstance(event.literal, str) and event.literal.lower() == "false":
            yield Mistake(
                f"The text {event.literal!r} counts as true, so this leaves the layer trainable: write `False` without "
                "quotes.",
                event.at.span,
            )


@source.check("freeze-slice-misses")
def freeze_slice_misses(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A loop that freezes pretrained layers freezes new ones with random weights too."""
    seen: set[Place] = set()
    learned: set[int] = set()
    for trained in timeline.trainings:
        leaves = trained.read.weighted
        pretrained = {at for leaf in leaves if is_pretrained(leaf) is True for at in leaf.frozen_at}
        new = [leaf for leaf in leaves if leaf.key not in learned and _is_new_kernel(leaf) and leaf.trains is False]
        for at in pretrained - seen:
            caught = [leaf.part for leaf in new if at in leaf.frozen_at and isinstance(leaf.part, Layer)]
            if caught and any(leaf.trains is not False for leaf in leaves):
                seen.add(at)
                kinds = ", ".join(layer.class_name.rpartition(".")[2] for layer in caught)
                yield Mistake(
                    f"This freezes new layers with random weights together with the pretrained ones ({kinds}): they "
                    "never learn, and what comes through them is noise. Choose the layers so that only pretrained "
                    "ones are frozen (a Sequential model does not count its input layer).",
                    at.span,
                    steps((caught[0].at, "new layer made here"), training_step(trained)),
                    confidence=confidence(trained, [trained.model]),
                )
        learned |= {leaf.key for leaf in leaves if leaf.trains is not False}


def _is_new_kernel(leaf: Leaf) -> bool:
    """Whether this is a Dense or convolution layer whose weights nobody has set."""
    layer = leaf.part
    if not isinstance(layer, Layer) or layer.weights_set or layer.cls is not None or "weights" in layer.arguments:
        return False
    return layer.traits is not None and layer.traits.kind is Kind.DENSE and is_pretrained(leaf) is not True


@source.check("reassignment-without-effect")
def reassignment_without_effect(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`model.trainable = v` where the model's own flag is `v` already: Keras 3 skips it, whatever is inside."""
    for event in timeline.events:
        if not isinstance(event, SetTrainable) or not event.kept or not isinstance(event.target, Model):
            continue
        trained = _trained_with(timeline, event)
        if trained is None:
            continue
        now, then = ("frozen", "thawed") if event.value else ("thawed", "frozen")
        yield Mistake(
            f"Keras 3 skips this assignment: {titled(event.target)} itself is {then} already, and what was {now} "
            f"inside it stays {now}. Set `trainable` where it was set before"
            f"{'' if event.value else ', or set it to True here first'}.",
            event.at.span,
            steps((event.kept[0], f"{now} inside here"), training_step(trained)),
            confidence=confidence(trained, [event.target]),
        )


def _trained_with(timeline: Timeline, event: SetTrainable) -> Trained | None:
    """The first training after an assignment that was skipped, if what it skipped still counts there."""
    for trained in timeline.events[timeline.events.index(event) :]:
        if isinstance(trained, Trained):
            leaves = trained.read.weighted
            places = {at for leaf in leaves for at in (leaf.frozen_at if event.value else leaf.thawed_at)}
            if places & set(event.kept):
                return trained
    return None


@source.check("trainable-false-in-constructor")
def trainable_false_in_constructor(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model is frozen in its constructor, before it has the layers that it should freeze."""
    for trained, leaf, container in _layers_that_came_later(timeline, keras):
        if _is_in_constructor(container) and container.flag.at is not None:
            effect = "they train all the same" if leaf.gate is None else "BatchNormalization inside moves all the same"
            yield Mistake(
                f"The flag is set on {name_of(container)} before its layers are: it does not reach them, and {effect}. "
                "Set `trainable = False` on the finished object.",
                container.flag.at.span,
                steps(training_step(trained)),
                confidence=confidence(trained, [container]),
            )


@source.check("freeze-before-build")
def freeze_before_build(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Layers are added to a model that is frozen already: Keras 3 trains them."""
    for trained, leaf, container in _layers_that_came_later(timeline, keras):
        if not _is_in_constructor(container) and container.flag.at is not None and isinstance(leaf.part, Layer):
            yield Mistake(
                f"{name_of(container)} gets layers after this, and freezing does not reach what comes later: they "
                "train. Set `trainable = False` when the model is complete.",
                container.flag.at.span,
                steps((leaf.part.at, "added later"), training_step(trained)),
                confidence=confidence(trained, [container]),
            )


def _layers_that_came_later(timeline: Timeline, keras: Behaviour) -> Iterator[tuple[Trained, Leaf, Model]]:
    """Layers inside a frozen part of what is trained that train (or move), though nobody thawed them."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.read.weighted:
            moves = leaf.trains is True or (leaf.gate is not None and bool(leaf.thawed_batchnorms))
            for container in leaf.around[1:] if moves and not leaf.thawed_at else ():
                known = container.certain and container.interior is None
                if id(container) not in seen and known and was_frozen(timeline, container, trained):
                    seen.add(id(container))
                    yield trained, leaf, container


def _is_in_constructor(container: Model) -> bool:
    at = container.flag.at
    if at == container.at:
        return True
    constructor = container.cls.lookup("__init__") if container.cls is not None else None
    return isinstance(constructor, Function) and any(
        at is not None and node.at == at.at for node in walk(constructor.body)
    )
