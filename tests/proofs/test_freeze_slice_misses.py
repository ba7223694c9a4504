"""freeze-slice-misses: a new layer that a slice catches keeps its random weights, and a Sequential starts one later."""

import warnings

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def adapted(keras):
    """A new layer in front of layers that stand for a pretrained model, and a head."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.layers.InputLayer((4,)),
        keras.layers.Dense(4, name="adapter"),
        keras.layers.Dense(8, activation="tanh", name="pretrained1"),
        keras.layers.Dense(8, activation="tanh", name="pretrained2"),
        keras.layers.Dense(1, name="head"),
    ])


def adapter_moved(keras, frozen):
    model = adapted(keras)
    for layer in model.layers[frozen]:
        layer.trainable = False
    harness.compile_anew(keras, model)
    before = harness.copies(model.get_layer("adapter").weights)
    data = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(data, data[:, :1], epochs=3, verbose=0)
    return harness.moved(before, harness.copies(model.get_layer("adapter").weights))


def test_a_sequential_model_does_not_count_its_input_layer(keras):
    assert [layer.name for layer in adapted(keras).layers] == ["adapter", "pretrained1", "pretrained2", "head"]


def test_a_new_layer_that_the_slice_catches_never_learns_and_nobody_says_so(keras, measured):
    change = adapter_moved(keras, slice(None, -1))
    measured(keras, "new layer inside the slice: kernel moved in fit", change)
    assert change == 0


def test_it_learns_where_the_slice_begins_behind_it(keras, measured):
    change = adapter_moved(keras, slice(1, -1))
    measured(keras, "new layer outside the slice: kernel moved in fit", change)
    assert change > 1e-4
