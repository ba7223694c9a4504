"""random-base-frozen: a base without weights that is frozen stays random, and Keras does not mind."""

import warnings

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

IMAGE = (32, 32, 3)


def images(count=16):
    return np.random.default_rng(0).uniform(-1, 1, (count, *IMAGE)).astype("float32")


def random_base(keras):
    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(include_top=False, weights=None, alpha=0.35, input_shape=IMAGE, pooling="avg")


def classifier(keras, base):
    inputs = keras.Input(IMAGE)
    return keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))


def test_the_base_never_moves_and_nobody_says_so(keras, measured):
    base = random_base(keras)
    base.trainable = False
    model = classifier(keras, base)
    harness.compile_anew(keras, model)
    before = harness.copies(base.weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(images(), np.zeros((16, 1)), batch_size=8, verbose=0)
    change = harness.moved(before, harness.copies(base.weights))
    measured(keras, "MobileNetV2(weights=None), frozen: anything moved in fit", change)
    assert change == 0


def test_its_features_hardly_tell_one_image_from_another(keras, measured):
    features = harness.predict(random_base(keras), images())
    spread = float(features.std(axis=0).max())
    measured(keras, "MobileNetV2(weights=None): largest spread of a feature over 16 images", spread)
    assert spread < 1e-6


def test_a_thawed_base_learns(keras, measured):
    base = random_base(keras)
    model = classifier(keras, base)
    harness.compile_anew(keras, model)
    before = harness.copies(base.trainable_weights)
    model.fit(images(), np.ones((16, 1)), batch_size=8, verbose=0)
    change = harness.moved(before, harness.copies(base.trainable_weights))
    measured(keras, "MobileNetV2(weights=None), trainable: weights moved in fit", change)
    assert change > 0


def test_the_same_layers_tell_images_apart_once_their_statistics_were_learnt(keras, measured):
    base = random_base(keras)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(12):
        base(images(), training=True)
    spread = float(harness.predict(base, images()).std(axis=0).max())
    measured(keras, "the same base after 12 passes in training mode: largest spread", spread)
    assert spread > 1e-2
