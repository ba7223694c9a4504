"""What a model does when it is run: what moves, what is random, whether the rest of the batch matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 8
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Served:
    """What can be seen of one way to run a model from outside.

    `moved` are the names of the variables that changed. `is_random`: two equal requests got different answers.
    `needs_batch`: an answer changed with the rest of the batch (None where it is random anyway).
    """

    moved: frozenset[str]
    is_random: bool
    needs_batch: bool | None


def inputs(model: Any) -> np.ndarray:
    """A batch far from what the statistics say."""
    shape = tuple(model.inputs[0].shape)[1:]
    return np.random.default_rng(0).normal(2.0, 3.0, (BATCH, *shape)).astype("float32")


def trained(keras: Any, model: Any, paths: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The layers (by path) whose weights one step of `fit` moved, and those whose statistics it moved.

    Weight decay moves every weight that the optimizer holds, whatever its gradient.
    """
    model.compile(keras.optimizers.SGD(0.01, weight_decay=0.1), "mse", run_eagerly=True)
    before = {path: _values(layer) for path, layer in paths.items()}
    model.fit(inputs(model), np.zeros((BATCH, *model.outputs[0].shape[1:])), batch_size=BATCH, epochs=1, verbose=0)
    weights, statistics = set(), set()
    for path, layer in paths.items():
        for (name, old), (_, new) in zip(before[path], _values(layer), strict=True):
            if not np.array_equal(old, new):
                (statistics if name.startswith("moving") else weights).add(path)
    return weights, statistics


def served(
    ask: Callable[[np.ndarray], np.ndarray], given: np.ndarray, variables: Callable[[], Iterable[Any]]
) -> Served:
    """What `ask` does, seen from outside; `variables` are those of the model."""
    before = _named(variables())
    first, second = ask(given), ask(given)
    after = _named(variables())
    moved = frozenset(name for name, value in before.items() if not np.array_equal(value, after[name]))
    is_random = bool(np.max(np.abs(first - second)) > TOLERANCE) and not any("moving" in name for name in moved)
    if is_random or moved:
        needs_batch = None
    else:
        alone = np.concatenate([given[:2], given[:2] * 3.0])
        needs_batch = bool(np.max(np.abs(ask(alone)[:2] - first[:2])) > 1e-3)
    return Served(moved, is_random, needs_batch)


def signature(path: Path, given: np.ndarray) -> Served:
    """What the default signature of a SavedModel does.

    TensorFlow may fuse nothing: on some processors it fuses BatchNorm with tanh, and has no kernel for that.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"remapping": False})
    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures["serving_default"]
    (argument,) = function.structured_input_signature[1]

    def ask(values: np.ndarray) -> np.ndarray:
        (output,) = function(**{argument: tf.constant(values)}).values()
        return np.asarray(output)

    return served(ask, given, lambda: function.variables)


def _values(layer: Any) -> list[tuple[str, np.ndarray]]:
    return [(weight.name.rpartition("/")[2], np.array(weight.numpy())) for weight in layer.weights]


def _named(variables: Iterable[Any]) -> dict[str, np.ndarray]:
    """Values by name; variables of one name are numbered."""
    named: dict[str, np.ndarray] = {}
    for variable in variables:
        name = str(getattr(variable, "path", None) or variable.name)
        named[name if name not in named else f"{name}#{len(named)}"] = np.array(variable.numpy())
    return named
