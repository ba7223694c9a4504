"""Training loops with `tf.GradientTape`: which mode, which variables, and when the flags are read."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from freezelint.finding import Applicability, Confidence, Edit, Fix, Mistake, Position, Severity, Span
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.call_methods import mode_dependent, renamed
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import is_pretrained, name_of, pins, steps, titled, training_step
from freezelint.source.rewriting import added_argument
from freezelint.source.timeline import (
    Called,
    FlagSetInTrace,
    GradientsApplied,
    GradientTaken,
    Leaf,
    SetTrainable,
    Timeline,
)
from freezelint.source.values import Function, Layer, Model, Place

_ALL = {"weights": "trainable_weights", "variables": "trainable_variables"}
_TRAINABLE = frozenset(_ALL.values())


def training_steps(timeline: Timeline) -> Iterator[GradientTaken]:
    """The gradients over a model's variables in programs that apply gradients."""
    if any(isinstance(event, GradientsApplied) for event in timeline.events):
        yield from (event for event in timeline.events if isinstance(event, GradientTaken))


@source.check("tape-call-without-training")
def tape_call_without_training(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model is trained by a tape that records it in inference mode."""
    seen: set[Place] = set()
    for step in training_steps(timeline):
        for call in step.tape.calls:
            quiet = call.training is None and call.explicit and call.at not in seen
            if not quiet or not _is_trained(call, step) or not _wakes_up(step.sources.owner, step):
                continue
            seen.add(call.at)
            edit = added_argument(call.at, "training=True")
            yield Mistake(
                f"{name_of(call.layer)} is called without `training=True` in a step that trains it: here that means "
                "inference, so its BatchNormalization never updates its statistics and its Dropout drops nothing.",
                call.at.span,
                steps((step.at, "its gradients are taken here")),
                confidence=Confidence.CERTAIN if call.layer.certain and not step.hook else Confidence.LIKELY,
                fix=Fix(Applicability.UNSAFE, "Add `training=True`", (edit,)) if edit is not None else None,
            )


def _is_trained(call: Called, step: GradientTaken) -> bool:
    """Whether the call is one of the model whose variables are trained: one that is frozen has none in the list."""
    thaws = any(leaf.trains is not False for leaf in step.state.weighted)
    return call.layer is step.sources.owner and step.sources.which in (*_ALL, *_TRAINABLE) and thaws


def _wakes_up(layer: Layer, step: GradientTaken) -> bool:
    """Whether training mode would change anything: a thawed BatchNormalization, or Dropout.

    A class that takes the mode by a name of its own is `training-argument-renamed`. One whose `call` takes no mode at
    all passes on what it is called with all the same: Keras itself hands `training` down to the layers inside.
    """
    call = layer.cls.lookup("call") if layer.cls is not None else None
    if isinstance(call, Function) and renamed(call) is not None:
        return False
    leaves = (leaf for leaf in step.state.leaves if _depends_on_training(leaf))
    return any(not (isinstance(layer, Model) and pins(layer, leaf)) for leaf in leaves)


def _depends_on_training(leaf: Leaf) -> bool:
    if leaf.thawed_batchnorms and leaf.gate is None:
        return True
    return isinstance(leaf.part, Layer) and not leaf.part.is_batchnorm and mode_dependent(leaf.part)


@source.check("gradients-over-all-weights")
def gradients_over_all_weights(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A step trains `model.weights`, the frozen ones too."""
    for step in training_steps(timeline):
        frozen = next((leaf for leaf in step.state.weighted if leaf.trains is False and leaf.frozen_at), None)
        if step.sources.which not in _ALL or frozen is None or _was_trained_later(timeline, step):
            continue
        at = step.sources.at or step.at
        yield Mistake(
            f"`{step.sources.which}` holds the frozen variables too, and `apply_gradients` updates whatever it is "
            f"given: the frozen part of {name_of(step.sources.owner)} trains. Use `{_ALL[step.sources.which]}`.",
            at.span,
            steps((frozen.frozen_at[0], "frozen here"), (step.at, "trained here")),
            confidence=Confidence.CERTAIN if step.sources.owner.certain else Confidence.LIKELY,
            fix=_trainable_only(timeline, step),
        )


def _was_trained_later(timeline: Timeline, step: GradientTaken) -> bool:
    """Whether the list was taken while nothing was frozen: the order is the mistake then."""
    return _changed_between(timeline, step) is not None


def _trainable_only(timeline: Timeline, step: GradientTaken) -> Fix | None:
    """The edits that take the trainable list for the gradients and for what the optimizer is given: both, or none."""
    if step.joined:
        return None
    later = timeline.events[timeline.events.index(step) :]
    given = (event.weights for event in later if isinstance(event, GradientsApplied))
    applied = next((weights for weights in given if weights is None or weights.owner is step.sources.owner), None)
    lists = {weights.at: weights for weights in (step.sources, applied) if weights is not None and weights.at}
    if applied is None or any(weights.which not in _ALL for weights in lists.values()):
        return None
    edits = tuple(_as_trainable(weights.at.span, weights.which) for weights in lists.values() if weights.at)
    return Fix(Applicability.SAFE, f"Take `{_ALL[step.sources.which]}`", edits)


def _as_trainable(span: Span, which: str) -> Edit:
    start = Position(span.end.line, span.end.column - len(which))
    return Edit(Span(span.path, start, span.end, span.cell), _ALL[which])


@source.check("stale-trainable-variables")
def stale_trainable_variables(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A list of variables is taken, then layers are frozen, and the old list is trained."""
    seen: set[Place] = set()
    for step in training_steps(timeline):
        change = _changed_between(timeline, step) if step.sources.which in _TRAINABLE else None
        if change is None or step.sources.at is None or change.at in seen:
            continue
        seen.add(change.at)
        word = "frozen" if change.value is False else "thawed"
        result = "the frozen variables are still in it, and train" if word == "frozen" else "they are not in it"
        yield Mistake(
            f"These layers are {word} after the list of variables was taken that the step trains: {result}. Take "
            f"`{step.sources.which}` again afterwards.",
            change.at.span,
            steps((step.sources.at, "variables taken here"), (step.at, "trained here with the old list")),
            confidence=Confidence.CERTAIN if step.sources.owner.certain else Confidence.LIKELY,
        )


def _changed_between(timeline: Timeline, step: GradientTaken) -> SetTrainable | None:
    """The assignment that changed flags of the model between the taking of the list and the step."""
    keys = step.state.keys
    for event in timeline.events[step.sources.moment :]:
        if event is step:
            return None
        if isinstance(event, SetTrainable) and event.changed & keys and event.value is not None:
            return event
    return None


@source.check("trainable-after-trace")
def trainable_after_trace(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Flags are changed after `tf.function` traced the step that reads them."""
    first: dict[tuple[Hashable, int], GradientTaken] = {}
    seen: set[Place] = set()
    for step in training_steps(timeline):
        if step.step is None or step.sources.which not in _TRAINABLE:
            continue
        traced = first.setdefault((step.step, id(step.sources.owner)), step)
        changed = step.state.changed_since(traced.state)
        for event in timeline.between(traced, step) if changed and traced is not step else ():
            if isinstance(event, SetTrainable) and event.changed & changed and event.at not in seen:
                seen.add(event.at)
                yield Mistake(
                    "The training step was traced by `tf.function` before this assignment and goes on with the flags "
                    "of that moment: nothing changes. Make a new `tf.function` for each phase.",
                    event.at.span,
                    steps((traced.at, "traced with the flags of that moment"), (step.at, "called again here")),
                    confidence=Confidence.CERTAIN if _is_certain(step) else Confidence.LIKELY,
                )


def _is_certain(step: GradientTaken) -> bool:
    return step.sources.owner.certain and isinstance(step.sources.owner, Model)


@source.check("trainable-in-traced-step")
def trainable_in_traced_step(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`trainable` is assigned at some steps only, inside a function that runs once, while it is traced."""
    seen: set[Place] = set()
    for event in timeline.events:
        if isinstance(event, FlagSetInTrace) and event.at not in seen:
            seen.add(event.at)
            yield Mistake(
                f"`{event.function.name}` is traced once: the condition and this assignment are worked out during the "
                "trace, not at every step. Set `trainable` outside, and trace the step anew.",
                event.at.span,
                confidence=Confidence.LIKELY,
            )


@source.check("eager-tape-watches-frozen")
def eager_tape_watches_frozen(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A step that runs eagerly computes gradients through a frozen base for nothing."""
    seen: set[Place] = set()
    for step in training_steps(timeline):
        frozen = next((leaf for leaf in step.state.weighted if leaf.trains is False and leaf.frozen_at), None)
        eager = step.step is None and not step.hook and step.reached and step.sources.which in _TRAINABLE
        if frozen is None or not eager or not step.tape.watches or step.at in seen or is_pretrained(frozen) is not True:
            continue
        seen.add(step.at)
        yield Mistake(
            "This step runs eagerly, and the tape watches every variable, frozen or not: freezing "
            f"{titled(frozen.model)} saves no time here. Decorate the step with `@tf.function`, or use "
            "`tf.GradientTape(watch_accessed_variables=False)` and `tape.watch(model.trainable_variables)`.",
            step.tape.at.span,
            steps((frozen.frozen_at[0], "frozen here"), (step.at, "its gradients are taken here")),
            confidence=Confidence.LIKELY,
        )
    for trained in timeline.trainings:
        compiled = trained.compiled
        frozen = next((leaf for leaf in trained.read.weighted if leaf.trains is False and leaf.frozen_at), None)
        if compiled is None or not compiled.eagerly or frozen is None or compiled.at in seen:
            continue
        if is_pretrained(frozen) is True:
            seen.add(compiled.at)
            yield Mistake(
                f"`run_eagerly=True` computes gradients through frozen layers too: freezing {titled(frozen.model)} "
                "saves no time. Leave it out once the program is debugged.",
                compiled.at.span,
                steps((frozen.frozen_at[0], "frozen here"), training_step(trained)),
                confidence=Confidence.LIKELY,
                severity=Severity.INFO,
            )
