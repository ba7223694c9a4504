"""fade-variable-mistracked: who trains, tracks and saves a layer's own number."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def faded(keras, how, trainable):
    """Trains a layer with such a number: is it trainable, is it tracked, how far did it move?"""
    import tensorflow as tf

    class Fade(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            if how == "tf.Variable":
                self.alpha = tf.Variable(0.5, trainable=trainable)
            else:
                self.alpha = self.add_weight(shape=(), initializer="ones", trainable=trainable, name="alpha")

        def call(self, inputs):
            return inputs * self.alpha

    layer = Fade()
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    harness.compile_anew(keras, model, 1e-4)
    before = float(layer.alpha.numpy())
    harness.fit(model)
    return len(layer.trainable_weights), len(layer.weights), abs(float(layer.alpha.numpy()) - before)


@pytest.mark.parametrize("trainable", [True, False])
def test_a_weight_is_tracked_and_trained_as_told(keras, trainable, measured):
    trained, tracked, change = faded(keras, "add_weight", trainable)
    measured(keras, f"add_weight, trainable={trainable}: moved", change)
    assert (trained, tracked) == (int(trainable), 1)
    assert (change > 0) is trainable


@pytest.mark.parametrize("trainable", [True, False])
def test_a_plain_variable_is_tracked_in_keras_2_only(keras, trainable, measured):
    trained, tracked, change = faded(keras, "tf.Variable", trainable)
    measured(keras, f"tf.Variable, trainable={trainable}: tracked", tracked)
    is_tracked = harness.behaviour(keras).tf_variable_is_tracked
    assert tracked == int(is_tracked)
    assert trained == int(is_tracked and trainable)
    assert (change > 0) is (is_tracked and trainable)
