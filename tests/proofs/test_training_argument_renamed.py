"""training-argument-renamed: Keras passes the mode to a parameter called `training`, and to no other."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def classifier(keras, name):
    """A model with BatchNorm that hands on the mode which it gets as `name`."""
    space = {"keras": keras}
    exec(
        f"""
class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(8)
        self.norm = keras.layers.BatchNormalization(momentum=0.9)
        self.head = keras.layers.Dense(1)

    def call(self, inputs, {name}=False):
        return self.head(self.norm(self.dense(inputs), training={name}))
""",
        space,
    )
    model = space["Classifier"]()
    harness.compile_anew(keras, model, 1e-3)
    model(harness.examples()[0])
    return model


@pytest.mark.parametrize("name", ["training", "is_training", "train"])
def test_fit_fills_in_one_name_only(keras, name, measured):
    model = classifier(keras, name)
    before = harness.copies(model.norm.non_trainable_weights)
    harness.fit(model)
    change = harness.moved(before, harness.copies(model.norm.non_trainable_weights))
    measured(keras, f"call(self, inputs, {name}=False): statistics moved in fit", change)
    assert (change > 0) is (name == "training")


def test_a_layer_in_a_functional_model_does_not_get_it_either(keras, measured):
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(momentum=0.9)

        def call(self, inputs, is_training=False):
            return self.norm(inputs, training=is_training)

    block = Block()
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(block(inputs)))
    harness.compile_anew(keras, model, 1e-3)
    before = harness.copies(block.norm.non_trainable_weights)
    harness.fit(model)
    change = harness.moved(before, harness.copies(block.norm.non_trainable_weights))
    measured(keras, "a layer with `is_training`: statistics moved in fit", change)
    assert change == 0
