"""Models that grow while they are trained, and layers that are faded in."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source import program as p
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import in_hooks, name_of, steps, training_step
from freezelint.source.relevance import walk
from freezelint.source.timeline import AttributeSet, Grown, Timeline, Trained, VariableAssigned
from freezelint.source.values import Function, Known, Layer, Place, Unknown, Value, Variable


@source.check("python-scalar-fade")
def python_scalar_fade(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A Python number that `call` reads is changed after the step was traced: the step keeps the old one."""
    hooks = {id(event): hook for hook, event in in_hooks(timeline) if hook not in ("on_train_begin", "on_train_end")}
    seen: set[Place] = set()
    for event in timeline.events:
        if not isinstance(event, AttributeSet) or not isinstance(event.target, Layer) or event.target.cls is None:
            continue
        first, first_at = event.target.first[event.attribute]
        may_be_number = _is_number(event.value) or isinstance(event.value, Unknown)
        if event.at == first_at or event.at in seen or not _is_number(first) or not may_be_number:
            continue
        trained, hook = _trained_around(timeline, event), hooks.get(id(event))
        if (trained is not None or hook is not None) and _reads(event.target, event.attribute):
            seen.add(event.at)
            story = [(first_at, "a plain number")]
            if trained is not None:
                story.append((trained.at, "trained here, with the step traced before"))
            yield Mistake(
                f"`{event.attribute}` of {name_of(event.target)} is a Python number: the training step was traced with "
                "its first value and never looks at it again, so nothing fades. Make it a variable "
                '(`self.add_weight(shape=(), initializer="zeros", trainable=False)`) and `assign` to it.',
                event.at.span,
                steps(*story),
                confidence=Confidence.CERTAIN if isinstance(event.value, Known) and trained else Confidence.LIKELY,
            )


def _is_number(value: Value) -> bool:
    constant = value.value if isinstance(value, Known) else None
    return isinstance(constant, int | float) and not isinstance(constant, bool)


def _trained_around(timeline: Timeline, event: AttributeSet) -> Trained | None:
    """A training call after the assignment that runs a step which was traced before it."""
    traced: set[int] = set()
    passed = False
    for other in timeline.events:
        passed = passed or other is event
        if isinstance(other, Trained) and not other.implied:
            if passed and other.traced is not None and id(other.traced) in traced and _holds(other, event):
                return other
            if not passed:
                traced.add(id(other))
    return None


def _holds(trained: Trained, event: AttributeSet) -> bool:
    """Whether what is trained holds the layer."""
    containers = list(trained.model.containers())
    return any(event.target is part for model in containers for part in (model, *model.parts))


def _reads(layer: Layer, attribute: str) -> bool:
    """Whether the layer's own `call` reads the attribute."""
    call = layer.cls.lookup("call") if layer.cls is not None else None
    return isinstance(call, Function) and any(
        isinstance(node, p.Attribute) and node.name == attribute and _is_self(node.value) for node in walk(call.body)
    )


def _is_self(node: p.Expression) -> bool:
    return isinstance(node, p.Name) and node.id == "self"


@source.check("grown-model-not-recompiled")
def grown_model_not_recompiled(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Layers are added to a model between two training calls that share one traced step."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        if trained.traced is None or trained.implied:
            continue
        between = timeline.between(trained.traced, trained)
        grown = next((item for item in between if isinstance(item, Grown) and item.model is trained.model), None)
        if grown is not None and grown.at not in seen:
            seen.add(grown.at)
            yield Mistake(
                f"`{trained.how}` goes on with the step that was traced for the old {name_of(trained.model)}: the "
                f"layers changed by `{grown.how}` are not in it, and what is new never trains. Call `compile` again.",
                grown.at.span,
                steps((trained.traced.at, "the step was traced here"), training_step(trained)),
                confidence=Confidence.CERTAIN if trained.model.certain else Confidence.LIKELY,
            )


@source.check("fade-variable-mistracked")
def fade_variable_mistracked(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A number that the program schedules is a trainable variable, or one that Keras does not know."""
    assigned = {id(event.variable): event for event in timeline.events if isinstance(event, VariableAssigned)}
    seen: set[Place] = set()
    for event in timeline.events:
        if not isinstance(event, AttributeSet) or not isinstance(event.value, Variable) or event.at in seen:
            continue
        variable, layer = event.value, event.target
        scheduled = assigned.get(id(variable))
        if scheduled is None or not variable.scalar or not isinstance(layer, Layer) or layer.cls is None:
            continue
        tracked = variable.own or keras.tf_variable_is_tracked
        if tracked and not variable.trainable:
            continue
        seen.add(event.at)
        harm = (
            "is trainable: the optimizer moves it as well, against the schedule"
            if tracked
            else "is not one of the layer's weights in Keras 3: it is not saved, and loading resets it"
        )
        yield Mistake(
            f"`{event.attribute}` is assigned by a schedule and {harm}. Make it with "
            '`self.add_weight(shape=(), initializer="zeros", trainable=False)`.',
            event.at.span,
            steps((scheduled.at, "assigned here")),
            confidence=Confidence.LIKELY,
        )
