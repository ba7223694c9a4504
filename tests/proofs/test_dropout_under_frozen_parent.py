"""dropout-under-frozen-parent: freezing switches BatchNorm to inference, and nothing else."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("call", [{}, {"training": False}])
def test_a_frozen_base_with_dropout_is_noisy_in_training(keras, call, measured):
    base = harness.tiny_base(keras, dropout=0.5)
    base.trainable = False
    inputs = keras.Input((8,))
    model = keras.Model(inputs, base(inputs, **call))
    data, _ = harness.examples()
    one, two = (np.asarray(model(data, training=True)) for _ in range(2))
    apart = float(np.mean(np.abs(one - two)) / np.mean(np.abs(one)))
    words = "training=False wired in" if call else "nothing said"
    measured(keras, f"frozen, {words}: two passes in training mode differ by", apart)
    holds = bool(call) and harness.behaviour(keras).wired_training_holds
    assert (apart == 0) is holds


def test_inference_is_quiet(keras):
    base = harness.tiny_base(keras, dropout=0.5)
    base.trainable = False
    data, _ = harness.examples()
    one, two = (np.asarray(base(data, training=False)) for _ in range(2))
    assert np.array_equal(one, two)
