"""small-batch-batchnorm: what a layer makes of a batch of two is mostly noise."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def distance(keras, batch):
    inputs = np.random.default_rng(0).normal(size=(512, 8)).astype("float32")
    norm = keras.layers.BatchNormalization()
    norm.build((None, 8))
    whole = np.asarray(norm(inputs, training=True))
    parts = [np.asarray(norm(inputs[first : first + batch], training=True)) for first in range(0, 512, batch)]
    return float(np.mean(np.abs(np.concatenate(parts) - whole)))


def test_the_noise_grows_as_batches_shrink(keras, measured):
    distances = {batch: distance(keras, batch) for batch in (2, 4, 8, 32)}
    for batch, value in distances.items():
        measured(keras, f"batch of {batch}", value)
    assert distances[2] > distances[4] > 0.4 > distances[8] > distances[32]
