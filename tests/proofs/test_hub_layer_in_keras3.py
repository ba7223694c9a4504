"""hub-layer-in-keras3: Keras 3 holds layers of Keras 3 only; a `hub.KerasLayer` is one of Keras 2."""

import pytest

pytestmark = pytest.mark.keras


def test_keras_3_refuses_a_layer_of_keras_2(keras3, measured):
    tf_keras = pytest.importorskip("tf_keras")
    with pytest.raises(ValueError, match="Only instances of"):
        keras3.Sequential([tf_keras.layers.Dense(1)])
    measured(keras3, "refused", 1)


def test_keras_2_takes_it(keras2):
    assert keras2.Sequential([keras2.layers.Dense(1)]).layers
