"""Training loops that people write: tapes, gradients, and the steps that TensorFlow traces once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from freezelint.source import building
from freezelint.source.freezing import state_of
from freezelint.source.timeline import GradientsApplied, GradientTaken, LossMinimized
from freezelint.source.values import (
    Class,
    External,
    Function,
    Items,
    Joined,
    Known,
    Layer,
    Method,
    Model,
    Optimizer,
    Partial,
    Place,
    Tape,
    Tensor,
    Value,
    Weights,
    solid,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run

WATCHED = "watched_variables"
_TRACED_METHODS = frozenset({"call", "train_step", "test_step", "predict_step"})
"""Methods of Keras classes that `fit` runs inside a traced function."""


def make_tape(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """`tf.GradientTape(…)`."""
    watches = named.get("watch_accessed_variables", positional[1] if len(positional) > 1 else Known(True))
    return Tape(at, watches=not isinstance(watches, Known) or bool(watches.value))


def take_gradient(run: Run, tape: Tape, positional: list[Value], named: dict[str, Value], at: Place) -> None:
    """`tape.gradient(loss, sources)`, noted for each model whose variables are among the sources."""
    sources = named.get("sources", positional[1] if len(positional) > 1 else None)
    for weights in _lists_in(sources):
        if isinstance(weights.owner, Model):
            state, apart = state_of(run, weights.owner), weights is sources
            run.record(GradientTaken(at, tape, weights, state, _step(run), _hook(run), run.reached, joined=not apart))


def _step(run: Run) -> Hashable:
    """The function that TensorFlow traces just now."""
    return run.steps_traced[-1] if run.steps_traced else None


def apply_gradients(run: Run, method: Value, weights: Weights | None, at: Place) -> None:
    """`optimizer.apply_gradients(zip(gradients, weights))`."""
    optimizer = method.owner if isinstance(method, Partial) and isinstance(method.owner, Optimizer) else None
    state = state_of(run, weights.owner) if weights is not None and isinstance(weights.owner, Model) else None
    run.record(GradientsApplied(at, weights, optimizer, state, _step(run)))


def joined(values: Iterable[Value]) -> Joined | None:
    """`values` put together to one list of variables; None if no list of a model is certain to be in it."""
    lists = tuple(weights for value in values for weights in _lists_in(value))
    return Joined(lists) if lists else None


def _lists_in(value: Value | None, depth: int = 3) -> tuple[Weights, ...]:
    """The lists of variables that are in `value` as a whole; gradients may be taken over lists of lists too."""
    match value:
        case Weights():
            return (value,)
        case Joined(lists=lists):
            return lists
        case Items(items=items, complete=True) if depth:
            return tuple(weights for item in items for weights in _lists_in(item, depth - 1))
        case _:
            return ()


def watched(run: Run, tape: Tape, at: Place) -> Value:
    """`tape.watched_variables()`: the variables of the model that the tape recorded, the frozen ones too."""
    models = [call.layer for call in tape.calls if isinstance(call.layer, Model)]
    if len(models) != 1 or not tape.watches:
        return run.unknown()
    return Weights(models[0], WATCHED, at, len(run.timeline.events))


def minimize(run: Run, optimizer: Optimizer, positional: list[Value], named: dict[str, Value], at: Place) -> None:
    """`optimizer.minimize(loss)` without `var_list`, where that means every variable that leads to the loss."""
    loss = positional[0] if positional else named.get("loss")
    told = "var_list" in named or len(positional) > 2
    if optimizer.trains_everything and not told and isinstance(loss, Tensor):
        reached = building.new_model(at, {})
        building.connect(run, reached, [], {"outputs": loss})
        run.record(LossMinimized(at, state_of(run, reached)))


def _hook(run: Run) -> bool:
    return any(runs_once(function) and not is_traced(function) for function in run.inside)


def make_function(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """`tf.function(step)`, or the decorator that `tf.function(jit_compile=True)` returns."""
    mark = External("tensorflow.function")
    match [solid(value) for value in positional]:
        case [Function() as function, *_]:
            return replace(function, decorators=(*function.decorators, mark))
        case [Method(function=function, owner=owner), *_]:
            return Method(replace(function, decorators=(*function.decorators, mark)), owner)
        case [value, *_]:
            return value
        case _:
            return mark


def step_of(function: Function, arguments: Sequence[Value]) -> Hashable:
    """What identifies the trace that a call of a `tf.function` runs; None for an ordinary function.

    TensorFlow traces again for other Python objects among the arguments.
    """
    if not is_traced(function):
        return None
    return (id(function), *(id(value) for value in map(solid, arguments) if isinstance(value, Layer)))


def is_traced(function: Function) -> bool:
    """Whether the function was made a `tf.function`."""
    return any(isinstance(mark, External) and mark.name == "tensorflow.function" for mark in function.decorators)


def runs_once(function: Function) -> bool:
    """Whether the body of a function runs once, to be traced: a `tf.function`, or a method that `fit` traces."""
    return is_traced(function) or (function.name in _TRACED_METHODS and is_of_keras(function.owner))


def is_of_keras(cls: Class | None) -> bool:
    """Whether a class derives from a layer or model of Keras."""
    from freezelint.source.keras_objects import is_keras_class

    return cls is not None and is_keras_class(cls)
