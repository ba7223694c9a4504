"""state-update-in-signature: a served model that changes with every request."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def save(module, path):
    import tensorflow as tf

    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def normaliser(writes):
    """A hand-written running mean, updated while it is served, or not."""
    import tensorflow as tf

    class Normaliser(tf.Module):
        def __init__(self):
            super().__init__()
            self.mean = tf.Variable(tf.zeros(8), trainable=False, name="running_mean")

        @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32)])
        def serve(self, inputs):
            if writes:
                self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(inputs, axis=0))
            return {"output": inputs - self.mean}

    return Normaliser()


@pytest.mark.parametrize(("writes", "drifts"), [(True, True), (False, False)])
def test_the_answer_drifts_with_the_requests(writes, drifts, keras2, keras3, measured, tmp_path):
    save(normaliser(writes), tmp_path / "model")
    answer = harness.Served(tmp_path / "model")
    inputs, _ = harness.examples()
    first = answer(inputs)
    for _ in range(9):
        answer(inputs)
    difference = float(np.max(np.abs(answer(inputs) - first)))
    label = "a running mean written while serving" if writes else "as advised, the mean only read"
    for keras in (keras2, keras3):  # a tf.Module: the same whatever Keras is there
        measured(keras, f"{label}: the 1st and the 11th answer to one request differ by", difference)
    assert (difference > 0.1) is drifts


def test_a_seed_alone_does_not_show(keras3, measured, tmp_path):
    inputs = keras3.Input((4, 8))
    keras3.Model(inputs, keras3.layers.LSTM(3, dropout=0.5)(inputs)).export(str(tmp_path / "model"), verbose=False)
    answer = harness.Served(tmp_path / "model")
    data = np.random.default_rng(0).normal(size=(8, 4, 8)).astype("float32")
    difference = float(np.max(np.abs(answer(data) - answer(data))))
    measured(keras3, "an LSTM with dropout, exported: the same request asked twice differs by", difference)
    assert difference == 0
