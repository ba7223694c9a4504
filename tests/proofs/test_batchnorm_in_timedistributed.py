"""batchnorm-in-timedistributed: the statistics are updated several times for one batch."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def moving_mean_after_one_batch(keras, **call):
    clips = np.random.default_rng(0).normal(5.0, 1.0, (32, 6, 4)).astype("float32")
    inner = keras.Input((4,))
    norm = keras.layers.BatchNormalization(momentum=0.5)
    base = keras.Model(inner, norm(inner))
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, keras.layers.TimeDistributed(base)(inputs, **call))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.train_on_batch(clips, clips)
    return float(np.mean(norm.moving_mean.numpy()))


def test_more_than_one_update_for_one_batch(keras, measured):
    mean = moving_mean_after_one_batch(keras)
    measured(keras, "moving mean (one update would give 2.5)", mean)
    assert mean > 3.0


def test_the_argument_holds_where_wired_arguments_do(keras, measured):
    mean = moving_mean_after_one_batch(keras, training=False)
    measured(keras, "moving mean with training=False", mean)
    assert (mean == 0) is harness.behaviour(keras).wired_training_holds
