"""untracked-sublayer: what Keras does not find from a model's attributes it does not train."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

TRACKED = ("attribute", "list", "dict of lists")
UNTRACKED = ("object", "closure", "module")


class Plain:
    pass


def net(keras, held_by):
    import tensorflow as tf

    somewhere = keras.layers.Dense(8)

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(1)
            if held_by == "attribute":
                self.inner = somewhere
            elif held_by == "list":
                self.inner = []
                self.inner.append(somewhere)
            elif held_by == "dict of lists":
                self.inner = {"main": [somewhere]}
            elif held_by == "object":
                self.inner = Plain()
                self.inner.layer = somewhere
            elif held_by == "closure":
                self.inner = lambda inputs: somewhere(inputs)
            elif held_by == "tf.Module":
                self.inner = tf.Module()
                self.inner.layer = somewhere

        def call(self, inputs):
            return self.head(somewhere(inputs))

    return Net(), somewhere


def trained_weights(keras, held_by):
    model, layer = net(keras, held_by)
    harness.compile_anew(keras, model, 1e-4)
    harness.fit(model)
    before = harness.copies(layer.weights)
    harness.fit(model)
    return len(model.trainable_weights), harness.moved(before, harness.copies(layer.weights))


@pytest.mark.parametrize("held_by", TRACKED + UNTRACKED)
def test_only_attributes_and_containers_in_them_lead_to_a_layer(keras, held_by, measured):
    weights, change = trained_weights(keras, held_by)
    measured(keras, held_by, weights)
    assert weights == (4 if held_by in TRACKED else 2)
    assert (change > 0) is (held_by in TRACKED)


def test_keras_2_looks_into_a_tf_module(keras2):
    assert harness.behaviour(keras2).tf_module_is_tracked
    assert trained_weights(keras2, "tf.Module")[0] == 4


def test_keras_3_does_not_look_into_a_tf_module(keras3):
    assert not harness.behaviour(keras3).tf_module_is_tracked
    assert trained_weights(keras3, "tf.Module")[0] == 2
