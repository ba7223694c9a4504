"""Compile, callbacks and several models at once: when flags are read, and by whom."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import (
    confidence,
    in_hooks,
    is_pretrained,
    is_whole,
    name_of,
    steps,
    titled,
    training_step,
    trains_itself,
)
from freezelint.source.timeline import (
    AttributeSet,
    Compiled,
    GradientsApplied,
    Leaf,
    NoAssignment,
    SetTrainable,
    State,
    TensorFlagSet,
    Timeline,
    Trained,
    TrainFunctionRemade,
)
from freezelint.source.values import External, Items, Known, Layer, Model, Optimizer, Place, Stretch

_CRITICS = ("disc", "critic", "judge")


# GAN


@source.check("gan-freeze-order")
def gan_freeze_order(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model that is trained alone and inside a combined model is frozen at the wrong moment for one of the two."""
    seen: set[tuple[int, int]] = set()
    for combined in timeline.trainings:
        for part in _trained_parts(timeline, combined):
            if (id(part), id(combined.model)) in seen or combined.implied:
                continue
            seen.add((id(part), id(combined.model)))
            mistake = _never_trains(timeline, part, combined) or _trains_twice(timeline, part, combined)
            if mistake is not None:
                yield mistake


def _trained_parts(timeline: Timeline, combined: Trained) -> list[Model]:
    """The models inside the combined one that are compiled and trained for themselves too."""
    everything = combined.state.keys
    found: dict[int, Model] = {}
    for event in timeline.trainings:
        if event.model is not combined.model and not event.implied and event.compiled is not None:
            own = event.state.keys
            if own and own < everything:
                found[id(event.model)] = event.model
    return list(found.values())


def _never_trains(timeline: Timeline, part: Model, combined: Trained) -> Mistake | None:
    alone = next(event for event in timeline.trainings if event.model is part)
    leaves = [leaf for leaf in alone.read.weighted if not _is_batchnorm(leaf)]
    if not leaves or not is_whole(part) or not all(leaf.trains is False for leaf in leaves):
        return None
    frozen = _first_freeze(timeline, {leaf.key for leaf in leaves})
    at = frozen.at if frozen is not None else alone.at
    return Mistake(
        f"{name_of(part)} never trains: it is frozen when {_when(alone)}, and {name_of(combined.model)} does not "
        f"train it either. Set `{_variable(part)}.trainable = True` before each of its own training steps and `False` "
        f"before each step of {name_of(combined.model)}, or write a `train_step` with a list of weights for each.",
        at.span,
        steps(
            (alone.compiled.at if alone.compiled is not None else None, f"{_variable(part)} compiled here"),
            (combined.compiled.at if combined.compiled is not None else None, "combined model compiled here"),
            (alone.at, f"{_variable(part)} trained here"),
        ),
        confidence=confidence(alone, [part]),
    )


def _is_batchnorm(leaf: Leaf) -> bool:
    return isinstance(leaf.part, Layer) and leaf.part.is_batchnorm is True


def _when(alone: Trained) -> str:
    return "it is compiled" if alone.read_at_compile else "its training step is traced"


def _trains_twice(timeline: Timeline, part: Model, combined: Trained) -> Mistake | None:
    inside = {id(layer.model) if isinstance(layer, Stretch) else id(layer) for layer, _ in part.walk()}
    leaves = [leaf for leaf in combined.read.weighted if leaf.key in inside]
    if not leaves or not all(leaf.trains is True for leaf in leaves):
        return None
    last = _last_flag(timeline, part, combined)
    if last is None and not any(word in f"{part.known_as} {part.name}".lower() for word in _CRITICS):
        return None
    compiled = combined.compiled
    at = last.at if last is not None else (compiled.at if compiled is not None else combined.at)
    when = "when it is compiled" if combined.read_at_compile else "when its training step is traced"
    return Mistake(
        f"Each step of {name_of(combined.model)} trains {name_of(part)} as well, against its own training: "
        f"{name_of(combined.model)} reads the flags {when}, and then {name_of(part)} is not frozen. "
        f"Set `{_variable(part)}.trainable = False` before that, and keep it so.",
        at.span,
        steps(
            (compiled.at if compiled is not None else None, "combined model compiled here"),
            (combined.at, "combined model trained here"),
        ),
        confidence=confidence(combined, [part], last is not None),
    )


def _variable(model: Model) -> str:
    return model.known_as or "model"


def _first_freeze(timeline: Timeline, leaves: set[int]) -> SetTrainable | None:
    """The first assignment that froze these leaves."""
    return next(
        (
            event
            for event in timeline.events
            if isinstance(event, SetTrainable) and event.value is False and event.changed & leaves
        ),
        None,
    )


def _last_flag(timeline: Timeline, part: Model, combined: Trained) -> SetTrainable | None:
    """The assignment that comes at the wrong moment: the last one to the part before the combined model trains."""
    found: SetTrainable | None = None
    for event in timeline.events:
        if event is combined:
            return found
        if isinstance(event, SetTrainable) and event.target is part:
            found = event
    return found


# Callbacks


@source.check("trainable-in-callback")
def trainable_in_callback(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A callback changes flags after the training step was made."""
    events = list(in_hooks(timeline))
    if any(isinstance(event, TrainFunctionRemade) for _, event in events):
        return
    for hook, event in events:
        if isinstance(event, SetTrainable) and hook not in ("on_train_begin", "on_train_end"):
            yield Mistake(
                f"`{hook}` changes `trainable` while `fit` runs, and nothing follows from it: the training step was "
                "made with the flags of its beginning. Train in two phases: `fit`, change the flags, `compile`, `fit` "
                "again with `initial_epoch`.",
                event.at.span,
                confidence=Confidence.LIKELY,
            )


@source.check("compile-in-callback")
def compile_in_callback(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A callback compiles the model that is being trained."""
    for hook, event in in_hooks(timeline):
        if isinstance(event, Compiled) and event.model.known_as == "self.model" and hook != "on_train_end":
            yield Mistake(
                f"`{hook}` compiles the model while `fit` runs: the training function is gone, and the next step "
                "fails with \"'NoneType' object is not callable\". Train in two phases instead, with `initial_epoch`.",
                event.at.span,
                confidence=Confidence.LIKELY,
            )


# Optimizers


@source.check("optimizer-reused-after-unfreeze")
def optimizer_reused_after_unfreeze(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """One optimizer object is compiled into models whose trainable weights differ: it knows only the first ones."""
    if not keras.reused_optimizer_raises_after_unfreeze:
        return
    first: dict[int, Compiled] = {}
    seen: set[Place] = set()
    for trained in timeline.trainings:
        compiled = trained.compiled
        if compiled is None or compiled.optimizer is None or trained.implied:
            continue
        optimizer = compiled.optimizer
        earlier = first.setdefault(id(optimizer), compiled)
        if earlier is compiled or compiled.at in seen or _takes_any_weights(optimizer, keras):
            continue
        if _has_new_weights(earlier.state, compiled.state):
            seen.add(compiled.at)
            same = earlier.model is compiled.model
            why = "weights were thawed since it was first used" if same else f"{name_of(earlier.model)} uses it already"
            yield Mistake(
                f"This optimizer object knows only the weights that it was first used for, and {why}: the next "
                "training step fails with an unknown variable. Make a new optimizer for this `compile`.",
                compiled.at.span,
                steps((optimizer.at, "made here"), (earlier.at, "first compiled here"), (trained.at, "trained here")),
                confidence=confidence(trained, [compiled.model]),
            )
    yield from _reused_in_loops(timeline, keras)


def _reused_in_loops(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """The same in loops with a tape, where the first `apply_gradients` settles which weights there are."""
    first: dict[int, GradientsApplied] = {}
    unknown: set[int] = set()
    for event in timeline.events:
        optimizer = event.optimizer if isinstance(event, GradientsApplied) else None
        if not isinstance(event, GradientsApplied) or optimizer is None or id(optimizer) in unknown:
            continue
        if _takes_any_weights(optimizer, keras) or event.state is None:
            unknown.add(id(optimizer))
            continue
        earlier = first.setdefault(id(optimizer), event)
        if earlier.state is None or not _is_taken_after(timeline, event, earlier):
            continue
        if _has_new_weights(earlier.state, event.state):
            unknown.add(id(optimizer))
            why = "weights were thawed since" if _owner(event) is _owner(earlier) else "these are another model's"
            yield Mistake(
                f"This optimizer object knows only the weights that it was first used for, and {why}: here it fails "
                "with an unknown variable. Make an optimizer for these.",
                event.at.span,
                steps((optimizer.at, "made here"), (earlier.at, "first used here")),
                confidence=Confidence.LIKELY,
            )


def _is_taken_after(timeline: Timeline, event: GradientsApplied, earlier: GradientsApplied) -> bool:
    """Whether the weights are another model's, or a list that was taken after the optimizer was first used.

    A step that TensorFlow has traced goes on with the list that it took first.
    """
    if _owner(event) is not _owner(earlier):
        return True
    taken = event.weights is not None and event.weights.moment > timeline.events.index(earlier)
    return taken and (event.step is None or event.step != earlier.step)


def _owner(event: GradientsApplied) -> Layer | None:
    return event.weights.owner if event.weights is not None else None


def _takes_any_weights(optimizer: Optimizer, keras: Behaviour) -> bool:
    """Whether it takes weights it was not first used for: a legacy one, one that was built for all there are, or one
    whose arguments are of a time when optimizers did so silently.
    """
    is_old = keras.generation == "keras2" and bool({"lr", "decay"} & optimizer.arguments.keys())
    return optimizer.legacy or optimizer.built or is_old


def _has_new_weights(earlier: State, later: State) -> bool:
    """Whether something trains now that did not train when the optimizer was built."""
    before = {leaf.key: leaf for leaf in earlier.leaves}
    return any(_is_new(before.get(leaf.key), leaf) for leaf in later.weighted)


def _is_new(before: Leaf | None, now: Leaf) -> bool:
    if now.trains is not True:
        return False
    if before is None or before.trains is False:
        return True
    if isinstance(before.own, tuple) and isinstance(now.own, tuple) and len(before.own) == len(now.own):
        return any(one is not True and two is True for one, two in zip(before.own, now.own, strict=True))
    return False


_DEFAULT_RATES = {"SGD": 0.01, "Adam": 0.001, "Adamax": 0.001, "AdamW": 0.001, "Nadam": 0.001, "RMSprop": 0.001}
_KEEP_THE_RATE = (
    "EarlyStopping",
    "ModelCheckpoint",
    "TensorBoard",
    "CSVLogger",
    "History",
    "TerminateOnNaN",
    "BackupAndRestore",
    "ReduceLROnPlateau",
)
"""Callbacks that leave the rate as it is, or lower it once nothing gets better any more."""


@source.check("fine-tuning-learning-rate")
def fine_tuning_learning_rate(
    timeline: Timeline, keras: Behaviour, high_rate: float, high_rate_of_sgd: float
) -> Iterator[Mistake]:
    """Pretrained layers that were thawed are trained with the learning rate of a new model."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        compiled = trained.compiled
        if compiled is None or compiled.optimizer is None or compiled.at in seen or _may_have_another_rate(trained):
            continue
        rate = _rate(compiled.optimizer)
        high = high_rate_of_sgd if compiled.optimizer.name == "SGD" else high_rate
        thawed = next((leaf for leaf in trained.read.weighted if _is_thawed(leaf)), None)
        if rate is None or rate < high or thawed is None or _was_lowered(timeline, compiled, rate):
            continue
        seen.add(compiled.at)
        yield Mistake(
            f"{compiled.optimizer.name} with a learning rate of {rate:g} trains the pretrained layers of "
            f"{titled(thawed.model)} here: steps of that size wipe out what they have learned. Compile with a rate "
            "ten to a hundred times smaller (1e-5 to 1e-4 for Adam).",
            compiled.at.span,
            steps((thawed.thawed_at[0], "thawed here"), training_step(trained)),
            confidence=min(Confidence.LIKELY, confidence(trained, [thawed.model])),
        )


def _was_lowered(timeline: Timeline, compiled: Compiled, rate: float) -> bool:
    """Whether the model was compiled with a higher rate before: its author has thought of it."""
    rates = [
        _rate(event.optimizer)
        for event in timeline.events
        if isinstance(event, Compiled) and event.model is compiled.model and event is not compiled and event.optimizer
    ]
    return any(earlier is not None and earlier > rate for earlier in rates)


def _rate(optimizer: Optimizer) -> float | None:
    """The learning rate, if it is a known number."""
    given = optimizer.arguments.get("learning_rate", optimizer.arguments.get("lr"))
    if given is None:
        return _DEFAULT_RATES.get(optimizer.name)
    value = given.value if isinstance(given, Known) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_thawed(leaf: Leaf) -> bool:
    """Whether these are pretrained layers that train because a statement says so."""
    return leaf.trains is True and not leaf.adapts and is_pretrained(leaf) is True and bool(leaf.thawed_at)


def _may_have_another_rate(trained: Trained) -> bool:
    """Whether something may set another learning rate: a callback that is not known, or is there for it, or a step of
    the model's own, which may also train just a part of it.
    """
    if trains_itself(trained.model):
        return True
    if trained.callbacks is None:
        return False
    if not isinstance(trained.callbacks, Items) or not trained.callbacks.complete:
        return True
    kinds = [item.name.removesuffix("()") if isinstance(item, External) else "" for item in trained.callbacks.items]
    return not all(kind.rpartition(".")[2] in _KEEP_THE_RATE for kind in kinds)


# Phases


@source.check("fine-tuning-still-frozen")
def fine_tuning_still_frozen(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A second phase with a much lower learning rate begins, and what is pretrained is as frozen as before."""
    first: dict[int, Trained] = {}
    seen: set[Place] = set()
    for trained in timeline.trainings:
        earlier = first.setdefault(id(trained.model), trained)
        compiled = trained.compiled
        if compiled is None or compiled.at in seen or not _lowers_the_rate(earlier, trained):
            continue
        frozen = next((leaf for leaf in trained.read.weighted if _is_frozen_base(leaf)), None)
        if frozen is None or trained.read.changed_since(earlier.read) or _sets_a_flag(timeline, earlier, trained):
            continue
        seen.add(compiled.at)
        yield Mistake(
            f"This phase begins with a much lower learning rate, as fine-tuning does, but {titled(frozen.model)} is as "
            "frozen as before: only the head goes on training, more slowly. Thaw the layers to be fine-tuned before "
            "this `compile`.",
            compiled.at.span,
            steps((frozen.frozen_at[0], "frozen here"), (earlier.at, "trained here first"), training_step(trained)),
            confidence=min(Confidence.LIKELY, confidence(trained, [frozen.model])),
        )


def _lowers_the_rate(earlier: Trained, later: Trained) -> bool:
    """Whether another `compile` stands between two trainings, with a tenth of the learning rate or less."""
    before, now = earlier.compiled, later.compiled
    if before is None or now is None or before.at == now.at or before.optimizer is None or now.optimizer is None:
        return False
    rates = _rate(before.optimizer), _rate(now.optimizer)
    return rates[0] is not None and rates[1] is not None and rates[1] <= rates[0] / 9.9


def _is_frozen_base(leaf: Leaf) -> bool:
    return leaf.trains is False and is_pretrained(leaf) is True and bool(leaf.frozen_at)


def _sets_a_flag(timeline: Timeline, first: Trained, last: Trained) -> bool:
    """Whether somebody tries to thaw something between two trainings: other rules say why it does not work."""
    return any(isinstance(event, SetTrainable) for event in timeline.between(first, last))


@source.check("untrained-head-on-unfrozen-base")
def untrained_head_on_unfrozen_base(
    timeline: Timeline, keras: Behaviour, high_rate: float, high_rate_of_sgd: float
) -> Iterator[Mistake]:
    """A pretrained part trains together with a new head from the first step on."""
    seen: set[int] = set()
    if any(isinstance(event, TensorFlagSet | NoAssignment | AttributeSet) for event in timeline.events):
        return  # somebody tries to freeze something: other rules say why it does not work
    for trained in timeline.trainings:
        compiled = trained.compiled
        if id(trained.model) in seen or compiled is None or compiled.optimizer is None:
            continue
        seen.add(id(trained.model))
        rate = _rate(compiled.optimizer)
        high = high_rate_of_sgd if compiled.optimizer.name == "SGD" else high_rate
        leaves = trained.read.weighted
        base = next((leaf for leaf in leaves if leaf.model.backbone and _was_never_frozen(leaf)), None)
        head = next((leaf.part for leaf in leaves if isinstance(leaf.part, Layer) and _is_new_dense(leaf)), None)
        if base is None or head is None or rate is None or rate < high or _may_have_another_rate(trained):
            continue
        yield Mistake(
            f"{titled(base.model)} is pretrained and trains from the first step on together with a new head, at a "
            f"learning rate of {rate:g}: the large gradients of the untrained head wipe out what it has learned. Train "
            "the head alone first, with the base frozen; then thaw it and go on with a small rate.",
            compiled.at.span,
            steps((base.model.at, "pretrained weights loaded here"), (head.at, "new head"), training_step(trained)),
            confidence=min(Confidence.LIKELY, confidence(trained, [base.model])),
        )


def _was_never_frozen(leaf: Leaf) -> bool:
    """Whether these are pretrained layers that all train, because nobody ever said anything else."""
    return leaf.trains is True and is_pretrained(leaf) is True and not leaf.thawed_at and not leaf.frozen_at


def _is_new_dense(leaf: Leaf) -> bool:
    part = leaf.part
    return (
        isinstance(part, Layer)
        and part.class_name == "keras.layers.Dense"
        and not part.weights_set
        and leaf.model.pretrained is not True
    )
