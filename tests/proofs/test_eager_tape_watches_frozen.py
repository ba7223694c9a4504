"""eager-tape-watches-frozen: a tape watches what is read, frozen or not."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("told", [False, True])
def test_variables_that_a_tape_watches_over_a_frozen_base(keras, told, measured):
    import tensorflow as tf

    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    inputs, _ = harness.examples()
    with tf.GradientTape(watch_accessed_variables=not told) as tape:
        if told:
            tape.watch([_raw(weight) for weight in model.trainable_weights])
        model(inputs, training=True)
    watched = len(tape.watched_variables())
    measured(keras, "watched, told what to watch" if told else "watched", watched)
    assert watched == 2 if told else watched >= 2 + 6


def _raw(weight):
    """The variable of TensorFlow: a weight of Keras 2 is one, a weight of Keras 3 holds one."""
    return weight if hasattr(weight, "assign_sub") and callable(weight.value) else weight.value
