"""training-leak-from-preprocessing: the default mode of an image layer becomes the mode of what follows."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

IMAGES = np.random.default_rng(0).normal(5.0, 3.0, (4, 8, 8, 3)).astype("float32")
LAYERS = {
    "RandomFlip": lambda layers: layers.RandomFlip(),
    "Resizing": lambda layers: layers.Resizing(8, 8),
    "Rescaling": lambda layers: layers.Rescaling(1.0),
}


def behind(keras, kind, frozen=False):
    inner = keras.Input((8, 8, 3))
    base = keras.Model(inner, keras.layers.BatchNormalization()(inner))
    base.trainable = not frozen
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, base(LAYERS[kind](keras.layers)(inputs)))


def moved_by_a_plain_call(model):
    before = harness.statistics(model)
    model(IMAGES)
    return harness.moved(before, harness.statistics(model))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_plain_call_in_keras_3(keras3, kind, measured):
    change = moved_by_a_plain_call(behind(keras3, kind))
    measured(keras3, f"statistics behind {kind}", change)
    leaks = harness.behaviour(keras3)
    expected = {
        "RandomFlip": leaks.call_default_leaks_training,
        "Resizing": leaks.preprocessing_leaks_training,
        "Rescaling": False,
    }
    assert (change > 0.01) is expected[kind]
    assert moved_by_a_plain_call(behind(keras3, kind, frozen=True)) == 0


@pytest.mark.parametrize("kind", LAYERS)
def test_a_plain_call_in_keras_2(keras2, kind):
    assert moved_by_a_plain_call(behind(keras2, kind)) == 0


@pytest.mark.parametrize("frozen", [False, True])
def test_a_request_to_an_export_in_keras_3(keras3, frozen, tmp_path, measured):
    model = behind(keras3, "Resizing", frozen)
    model.export(str(tmp_path), verbose=False)
    served = harness.Served(tmp_path)
    before = served.statistics()
    served(IMAGES)
    change = harness.moved(before, served.statistics())
    measured(keras3, "statistics in an export" + (", frozen" if frozen else ""), change)
    assert (change > 0.01) is (harness.behaviour(keras3).preprocessing_leaks_training and not frozen)
