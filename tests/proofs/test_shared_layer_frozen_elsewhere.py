"""shared-layer-frozen-elsewhere: a layer has one flag, whatever model it is reached through."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def test_freezing_the_encoder_freezes_a_half_of_the_autoencoder(keras, measured):
    inputs = keras.Input((8,))
    code = keras.layers.Dense(4)(inputs)
    encoder, autoencoder = keras.Model(inputs, code), keras.Model(inputs, keras.layers.Dense(1)(code))
    harness.compile_anew(keras, autoencoder, 1e-4)
    harness.fit(autoencoder)
    assert len(autoencoder.trainable_weights) == 4
    encoder.trainable = False
    measured(keras, "trainable weights left", len(autoencoder.trainable_weights))
    harness.compile_anew(keras, autoencoder, 1e-4)
    before = harness.kernels(encoder)
    harness.fit(autoencoder)
    assert len(autoencoder.trainable_weights) == 2
    assert harness.moved(before, harness.kernels(encoder)) == 0
