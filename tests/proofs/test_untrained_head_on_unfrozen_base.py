"""untrained-head-on-unfrozen-base: the first steps of a new head push the base around."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def pretrained(keras):
    """A base that has learned something: it was trained with a head of its own."""
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model, 1e-2)
    inputs, targets = harness.examples()
    model.fit(inputs, targets, epochs=30, batch_size=harness.BATCH, shuffle=False, verbose=0)
    harness.freeze_batchnorm(keras, base)
    return base


def change_of_features(keras, base, head_first):
    """How far the features move in one epoch with a new head, trained alone before or not."""
    inputs, targets = harness.examples(seed=1)
    keras.utils.set_random_seed(1)
    head = keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0))
    entrance = keras.Input((8,))
    model = keras.Model(entrance, head(base(entrance)))
    kernels = [layer for layer in base.layers if "bn" not in layer.name]
    before = harness.predict(base, inputs)
    if head_first:
        for layer in kernels:
            layer.trainable = False
        harness.compile_anew(keras, model, 1e-2)
        model.fit(inputs, targets, epochs=40, batch_size=harness.BATCH, shuffle=False, verbose=0)
        for layer in kernels:
            layer.trainable = True
    harness.compile_anew(keras, model, 1e-2)
    model.fit(inputs, targets, epochs=1, batch_size=harness.BATCH, shuffle=False, verbose=0)
    return float(np.mean(np.abs(harness.predict(base, inputs) - before)))


def test_a_head_that_was_trained_first_moves_the_features_less(keras, measured):
    at_once = change_of_features(keras, pretrained(keras), head_first=False)
    later = change_of_features(keras, pretrained(keras), head_first=True)
    measured(keras, "one epoch with an untrained head: features moved", at_once)
    measured(keras, "one epoch with a trained head: features moved", later)
    assert later < at_once / 2
