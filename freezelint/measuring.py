"""Real training steps of a saved model, timed: `freezelint cost --measure`.

This is the one place where a file is loaded by Keras rather than read as data: in safe mode, and not at all if it
carries code, unless somebody says that it may run.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freezelint.graph import layer_kinds
from freezelint.graph.dimensions import Shape
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.unrolled import Unrolled

ROUNDS = 7
WARM_UP = 2
_NEEDS = "--measure needs TensorFlow and Keras: pip install 'freezelint[tensorflow]'"


class CannotMeasure(Exception):
    """No step of the model can be run here; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make the model and what to feed it."""

    load: Callable[[], Any]
    inputs: tuple[tuple[Shape, int | None], ...]
    """The shape of each input, and below which number its whole numbers lie (None: it takes real numbers)."""
    optimizer: str


def recipe(path: Path, model: ModelGraph, unrolled: Unrolled, optimizer: str, *, trust_code: bool) -> Recipe:
    """How to run the model at `path`. Raises `CannotMeasure` for one that cannot, or must not, be run."""
    if model.embedded_code and not trust_code:
        raise CannotMeasure(
            f"{path} carries Python code ({model.embedded_code[0]}), which --measure would run; add --trust-code if you"
            " know where the file is from"
        )
    if unrolled.unknown_inputs or not unrolled.inputs:
        raise CannotMeasure("--measure needs to know the shape of every input: give them with --input-shape")
    keras = _keras(model)
    limits = _whole_numbers(unrolled)
    inputs = tuple((unrolled.shapes[number] or (), limits.get(number)) for number in unrolled.inputs.values())

    def load() -> Any:
        options = {} if path.is_dir() else {"safe_mode": not trust_code}
        with contextlib.suppress(AttributeError):
            keras.utils.disable_interactive_logging()
        return keras.models.load_model(path, compile=False, **options)

    return Recipe(load, inputs, optimizer)


def measure(recipe: Recipe, freezes: Mapping[str, Mapping[str, bool]], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of one training step under each freeze: the fastest of several, the freezes taking turns.

    `freezes` are flags by the path of a layer. Raises `CannotMeasure` if Keras cannot load or run the model.
    """
    try:
        steps = {name: _step(recipe, flags) for name, flags in freezes.items()}
        fastest = dict.fromkeys(steps, float("inf"))
        for turn in range(WARM_UP + rounds):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                if turn >= WARM_UP:
                    fastest[name] = min(fastest[name], time.perf_counter() - start)
    except Exception as error:  # whatever Keras raises about a file of somebody's
        first = next(iter(str(error).strip().splitlines()), "")
        raise CannotMeasure(f"Keras could not run the model: {type(error).__name__}: {first}") from error
    return fastest


def _keras(model: ModelGraph) -> Any:
    """The Keras that wrote the file; TensorFlow keeps quiet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    is_keras2 = (model.keras_version or "3").startswith("2")
    try:
        importlib.import_module("tensorflow")
        return importlib.import_module("tf_keras" if is_keras2 else "keras")
    except ImportError as error:
        missing = " (and tf_keras, for a model of Keras 2)" if is_keras2 else ""
        raise CannotMeasure(f"{_NEEDS}{missing}") from error


def _whole_numbers(unrolled: Unrolled) -> dict[int, int]:
    """The inputs that are looked up in a table, by number of their tensor, and the size of the smallest table."""
    limits: dict[int, int] = {}
    for run in unrolled.runs:
        if layer_kinds.takes_integers(run.layer):
            rows = run.layer.config.get("input_dim")
            for tensor in run.inputs:
                limits[tensor] = min(limits.get(tensor, 1 << 31), rows if type(rows) is int and rows > 0 else 1)
    return limits


def _step(recipe: Recipe, flags: Mapping[str, bool]) -> Callable[[], object]:
    """A function that trains the model on one batch of random numbers."""
    numpy = importlib.import_module("numpy")
    model = recipe.load()
    model.trainable = True
    layers = dict(_layers(model))
    for path, trains in flags.items():
        if path in layers:
            layers[path].trainable = trains
    model.compile(optimizer=recipe.optimizer.lower(), loss="mse")
    random = numpy.random.default_rng(0)
    given = [
        random.standard_normal(shape, dtype="float32")
        if limit is None
        else random.integers(0, limit, shape).astype("int32")
        for shape, limit in recipe.inputs
    ]
    inputs = given if len(given) > 1 else given[0]
    made = model.predict_on_batch(inputs)
    wanted = [numpy.zeros_like(item) for item in made] if isinstance(made, (list, tuple)) else numpy.zeros_like(made)
    return lambda: model.train_on_batch(inputs, wanted)


def _layers(model: Any, parent: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer of a loaded model by its path, as the readers of files name them."""
    layers: Iterable[Any] = getattr(model, "layers", ())
    for layer in layers:
        path = f"{parent}/{layer.name}" if parent else layer.name
        yield path, layer
        yield from _layers(layer, path)
