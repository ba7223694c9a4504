"""ema-after-freeze: the averages are paired with the weights that train now."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def distances(keras, same_optimizer):
    """How far the second kernel is, after a second epoch, from what the first and the second one were."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, use_bias=False) for _ in range(3)]
    model = keras.Sequential([keras.Input((8,)), *layers])
    optimizer = keras.optimizers.SGD(1e-6, use_ema=True)
    inputs, _ = harness.examples()
    model.compile(optimizer, "mse")
    model.fit(inputs, inputs, batch_size=harness.BATCH, verbose=0)
    first, second = (np.array(layer.get_weights()[0]) for layer in layers[:2])
    layers[0].trainable = False
    model.compile(optimizer if same_optimizer else keras.optimizers.SGD(1e-6, use_ema=True), "mse")
    model.fit(inputs, inputs, batch_size=harness.BATCH, verbose=0)
    now = np.array(layers[1].get_weights()[0])
    return float(np.abs(now - first).max()), float(np.abs(now - second).max())


@pytest.mark.parametrize("same_optimizer", [True, False])
def test_the_second_kernel_becomes_the_first_in_keras_3(keras3, same_optimizer, measured):
    from_first, from_second = distances(keras3, same_optimizer)
    measured(keras3, "from the first one's average" + ("" if same_optimizer else ", new optimizer"), from_first)
    assert (from_first < 0.01) is same_optimizer
    assert (from_second < 0.01) is not same_optimizer


def test_keras_2_keeps_them_apart(keras2):
    from_first, from_second = distances(keras2, same_optimizer=True)
    assert from_second < 0.01 < from_first
