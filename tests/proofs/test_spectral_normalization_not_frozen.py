"""spectral-normalization-not-frozen: the kernel is rewritten in `call`, whatever the flag says."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def test_a_frozen_kernel_moves_in_keras_3(keras3, measured):
    keras3.utils.set_random_seed(0)
    normed = keras3.layers.SpectralNormalization(keras3.layers.Dense(4))
    normed.trainable = False
    inputs = keras3.Input((8,))
    model = keras3.Model(inputs, keras3.layers.Dense(1)(normed(inputs)))
    harness.compile_anew(keras3, model, 1e-4)
    before = [np.array(normed.layer.kernel.numpy()), np.array(normed.layer.bias.numpy())]
    harness.fit(model)
    kernel = harness.moved(before[:1], [normed.layer.kernel.numpy()])
    measured(keras3, "kernel moved", kernel)
    assert kernel > 1e-3
    assert harness.moved(before[1:], [normed.layer.bias.numpy()]) == 0


def test_keras_2_cannot_call_it(keras2):
    normed = keras2.layers.SpectralNormalization(keras2.layers.Dense(4))
    with pytest.raises(TypeError, match="InputSpec"):
        normed(keras2.Input((8,)))
