"""What the proofs share: a small base, data, and ways to see which numbers a training run changed.

Everything takes the Keras to use (`keras` or `tf_keras`) as its first argument where it needs one.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion

Arrays = list[np.ndarray]

BATCH = 8
SHAPES = ("nested", "sequential", "flat")
"""How a head can be put on a base: `head(base(x))`, `Sequential([base, head])`, `head(base.output)`."""


def behaviour(keras: Any) -> Behaviour:
    """What freezelint believes about the Keras that runs; the proofs hold it against what is measured."""
    major, minor = keras.__version__.split(".")[:2]
    return Behaviour(KerasVersion(int(major), int(minor)), keras.backend.backend())


def examples(count: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs far from mean 0 and variance 1, as a new domain is for pretrained statistics, and targets."""
    random = np.random.default_rng(seed)
    inputs = random.normal(5.0, 3.0, (count, 8)).astype("float32")
    return inputs, random.normal(size=(count, 1)).astype("float32")


def tiny_base(keras: Any, dropout: float = 0.0) -> Any:
    """Three blocks of Dense, BatchNorm and ReLU, seeded: d0 bn0 r0 d1 bn1 r1 d2 bn2 r2, and Dropout if asked."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = inputs
    for block in range(3):
        x = layers.Dense(8, name=f"d{block}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"bn{block}")(x)
        x = layers.ReLU(name=f"r{block}")(x)
    if dropout:
        x = layers.Dropout(dropout, name="drop")(x)
    return keras.Model(inputs, x, name="base")


def with_head(keras: Any, base: Any, shape: str = "nested", **call: Any) -> Any:
    """`base` with a Dense head, in one of `SHAPES`; `call` holds what is passed to `base(x, …)`."""
    head = keras.layers.Dense(1, name="head")
    if shape == "flat":
        return keras.Model(base.input, head(base.output))
    if shape == "sequential":
        return keras.Sequential([keras.Input((8,)), base, head])
    inputs = keras.Input((8,))
    return keras.Model(inputs, head(base(inputs, **call)))


def compile_anew(keras: Any, model: Any, learning_rate: float = 1e-2) -> None:
    """Compiles with a new optimizer."""
    model.compile(keras.optimizers.SGD(learning_rate), "mse")


def fit(model: Any) -> None:
    """One epoch of eight steps, always in the same order."""
    inputs, targets = examples()
    model.fit(inputs, targets, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)


def freeze_batchnorm(keras: Any, model: Any) -> None:
    """The advice of the pages: freeze every BatchNorm layer of `model`, nested models included."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
        elif hasattr(layer, "layers"):
            freeze_batchnorm(keras, layer)


def leaves(model: Any) -> Iterator[Any]:
    """Every layer below `model` that is not itself a model."""
    for layer in getattr(model, "layers", ()):
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer


def copies(variables: Iterable[Any]) -> Arrays:
    """The present values of the variables."""
    return [np.array(variable.numpy()) for variable in variables]


def statistics(model: Any) -> Arrays:
    """The moving means and variances of every BatchNorm layer in `model`."""
    found = [layer for layer in [model, *leaves(model)] if hasattr(layer, "moving_mean")]
    return copies(variable for layer in found for variable in (layer.moving_mean, layer.moving_variance))


def scales(model: Any) -> Arrays:
    """The gammas and betas of every BatchNorm layer in `model`."""
    return copies(
        variable for layer in leaves(model) if hasattr(layer, "gamma") for variable in (layer.gamma, layer.beta)
    )


def kernels(model: Any) -> Arrays:
    """The weights of every layer in `model` that is not BatchNorm."""
    found = [layer for layer in leaves(model) if not hasattr(layer, "moving_mean")]
    return copies(variable for layer in found for variable in layer.weights)


def moved(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """The largest change of any number."""
    assert before, "nothing was measured"
    return max(float(np.max(np.abs(old - new))) for old, new in zip(before, after, strict=True))


def predict(model: Any, inputs: np.ndarray) -> np.ndarray:
    """What `predict` says, as one batch."""
    return np.asarray(model.predict(inputs, batch_size=len(inputs), verbose=0))


def batch_mates_matter(answer: Callable[[np.ndarray], np.ndarray]) -> float:
    """How far the answer to one example changes when other examples share its batch."""
    inputs, _ = examples()
    return float(np.max(np.abs(answer(inputs)[:2] - answer(inputs[:2]))))


class Served:
    """The default signature of a SavedModel, as a client of a model server sees it."""

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        self._tensor = tf.constant
        self._model = tf.saved_model.load(str(path))  # the signature alone would not keep its variables alive
        self._signature = self._model.signatures["serving_default"]
        (self._argument,) = self._signature.structured_input_signature[1]

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        (output,) = self._signature(**{self._argument: self._tensor(inputs)}).values()
        return np.asarray(output)

    def statistics(self) -> Arrays:
        """The moving means and variances that the signature reads or writes."""
        return copies(variable for variable in self._signature.variables if "moving" in variable.name)

    def operations(self) -> set[str]:
        """The kinds of operation in the signature and in the functions it calls."""
        graph = self._signature.graph.as_graph_def()
        functions = [node for function in graph.library.function for node in function.node_def]
        return {node.op for node in [*graph.node, *functions]}


def operations_of_a_step(keras: Any, model: Any, inputs: np.ndarray, targets: np.ndarray) -> collections.Counter[str]:
    """The kinds of operation that one training step runs, counted.

    Only what the loss and the gradients need is counted: TensorFlow prunes the rest before it runs.
    """
    import tensorflow as tf

    loss_of = keras.losses.MeanSquaredError()

    @tf.function
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        return loss, tape.gradient(loss, model.trainable_weights)

    graph = step.get_concrete_function(tf.TensorSpec(inputs.shape, inputs.dtype), tf.TensorSpec(targets.shape)).graph
    needed: set[Any] = set()
    waiting = [tensor.op for tensor in graph.outputs]
    while waiting:
        operation = waiting.pop()
        if operation not in needed:
            needed.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return collections.Counter(operation.type for operation in needed)
