"""A training loop with a tape, for the proofs about such loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.proofs import harness


def optimizer(keras: Any, learning_rate: float = 1e-2) -> Any:
    """A plain optimizer."""
    return keras.optimizers.SGD(learning_rate)


def step(keras: Any, model: Any, how: Any, variables: Callable[[], Any], **call: Any) -> Callable[[Any, Any], None]:
    """One step: the model is called with `call`, and what `variables` returns is trained by the optimizer `how`."""
    import tensorflow as tf

    loss_of = keras.losses.MeanSquaredError()

    def train(inputs: Any, targets: Any) -> None:
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(inputs, **call))
        wanted = variables()
        gradients = tape.gradient(loss, wanted)
        pairs = [pair for pair in zip(gradients, wanted, strict=True) if pair[0] is not None]
        how.apply_gradients(pairs)

    return train


def epoch(train: Callable[[Any, Any], None]) -> None:
    """Eight steps of eight examples."""
    import tensorflow as tf

    inputs, targets = harness.examples()
    for first in range(0, len(inputs), harness.BATCH):
        chosen = slice(first, first + harness.BATCH)
        train(tf.constant(inputs[chosen]), tf.constant(targets[chosen]))
