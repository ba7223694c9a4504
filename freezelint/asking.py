"""The question of `freezelint cost`: a path and options in, the costs out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from freezelint.costs import Costs, Measured, Scenario, StepCost
from freezelint.graph.cost import answer, optimizer
from freezelint.graph.cost.rates import cpu
from freezelint.graph.cost.scenarios import NoSuchFreeze
from freezelint.graph.dimensions import MAX_DIMENSION, MAX_RANK, Shape
from freezelint.graph.model_graph import ModelGraph, Unreadable
from freezelint.graph.reader import read_model
from freezelint.graph.unrolled import ShapeMismatch, unroll
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import from_artifact, resolve

MAX_BATCH = 1 << 20


class CannotAnswer(Exception):
    """The question cannot be answered as it was put; the text says what to write instead."""


@dataclass(frozen=True, slots=True)
class Question:
    """What `freezelint cost` is asked.

    `input_shapes` are of the form `NAME=224,224,3`, without the batch. `what_ifs` are freezes to try. `optimizer`
    replaces the one in the file. `keras` is a version, as for `freezelint check`. `measure` runs real training steps
    too, and `trust_code` lets code in the file run for that.
    """

    path: Path
    batch: int = answer.BATCH
    input_shapes: tuple[str, ...] = ()
    what_ifs: tuple[str, ...] = ()
    optimizer: str | None = None
    keras: str = "auto"
    measure: bool = False
    trust_code: bool = False


def ask(question: Question) -> Costs:
    """What a training step of a saved model costs. Raises `CannotAnswer`, with what to write instead."""
    try:
        model = read_model(question.path)
    except Unreadable as error:
        raise CannotAnswer(f"{question.path} cannot be read: {error.reason}") from error
    costs = of_model(model, question)
    return _measured(costs, model, question) if question.measure else costs


def of_model(model: ModelGraph, question: Question) -> Costs:
    """The same for a model that was read already."""
    if not 0 < question.batch <= MAX_BATCH:
        raise CannotAnswer(f"--batch is a number of samples from 1 to {MAX_BATCH}")
    try:
        choice = resolve(option=question.keras, artifact=from_artifact(model.keras_version, str(question.path)))
        return answer.costs(
            model,
            Behaviour(choice.versions[-1]),
            batch=question.batch,
            input_shapes=dict(_shapes(question.input_shapes)),
            optimizer=_optimizer(question.optimizer),
            what_ifs=question.what_ifs,
        )
    except (ShapeMismatch, NoSuchFreeze, ValueError) as error:
        raise CannotAnswer(str(error)) from error


def _measured(costs: Costs, model: ModelGraph, question: Question) -> Costs:
    """The same costs with the time that real steps take."""
    from freezelint import measuring

    unrolled = unroll(model, question.batch, dict(_shapes(question.input_shapes)))
    present = {layer.path: layer.trains for layer in costs.present.layers if layer.trains is not None}
    runs = [Scenario("as-it-is", "as it is frozen", costs.present, present)]
    runs += [scenario for scenario in costs.scenarios if scenario.is_run]
    try:
        how = measuring.recipe(question.path, model, unrolled, costs.optimizer, trust_code=question.trust_code)
        seconds = measuring.measure(how, {scenario.name: scenario.trains for scenario in runs})
    except measuring.CannotMeasure as error:
        raise CannotAnswer(str(error)) from error
    return replace(
        costs,
        measured=tuple(Measured(item.name, item.words, seconds[item.name], step_seconds(item.cost)) for item in runs),
    )


def step_seconds(step: StepCost) -> float:
    """The estimated time of a step as `fit` makes it, with what it takes to start one."""
    return step.total.seconds + cpu().step


def is_answered(costs: Costs) -> bool:
    """Whether a step could be counted at all."""
    total = costs.present.total
    return bool(total.flops or total.bytes)


def _shapes(texts: Sequence[str]) -> Iterable[tuple[str, Shape]]:
    for text in texts:
        name, equals, numbers = text.rpartition("=")
        parts = numbers.replace("x", ",").strip(",").split(",")
        sizes = [int(part) for part in parts if part.strip().isdecimal() and len(part.strip()) < 11]
        if not equals or not name or len(sizes) < len(parts) or len(sizes) >= MAX_RANK:
            raise CannotAnswer(f"--input-shape {text!r} is not NAME=224,224,3 (without the batch)")
        if not all(0 < length < MAX_DIMENSION for length in sizes):
            raise CannotAnswer(f"--input-shape {text!r}: every length is a number above 0")
        yield name, tuple(sizes)


def _optimizer(name: str | None) -> optimizer.Optimizer | None:
    if name is None:
        return None
    found = optimizer.named(name)
    if found is None:
        close = difflib.get_close_matches(name, optimizer.NAMES, n=1, cutoff=0.0)
        raise CannotAnswer(
            f"there is no optimizer {name!r} here; did you mean {close[0]}? Known: {', '.join(optimizer.NAMES)}"
        )
    return found
