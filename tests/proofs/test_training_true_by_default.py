"""training-true-by-default: a layer that is in training mode whenever nobody says otherwise."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def block(keras, default):
    """A layer with BatchNorm on a branch whose `call` has the given default for `training`."""

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(momentum=0.9)

        def call(self, inputs, training=default):
            return inputs + self.norm(inputs, training=training)

    keras.utils.set_random_seed(0)
    return Block()


def silent_block(keras, default):
    """The same without a word about `training` in the body."""

    class SilentBlock(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = keras.layers.Rescaling(0.5)

        def call(self, inputs, training=default):
            return self.scale(inputs)

    return SilentBlock()


def trained(keras, layer):
    model = keras.Sequential([keras.Input((8,)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    harness.fit(model)
    return model


@pytest.mark.parametrize("default", [True, False, None])
def test_a_plain_call_depends_on_who_shares_the_batch(keras, default, measured):
    layer = block(keras, default)
    model = trained(keras, layer)
    before = harness.statistics(layer.norm)
    difference = harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs)))
    change = harness.moved(before, harness.statistics(layer.norm))
    measured(keras, f"training={default}, model(x): same example in a batch of 64 and of 2 differs by", difference)
    measured(keras, f"training={default}, model(x): statistics moved", change)
    assert (difference > 0.1) is (default is True)
    assert (change > 0.1) is (default is True)


@pytest.mark.parametrize("default", [True, False, None])
def test_so_does_the_exported_model(keras, default, measured, tmp_path):
    model = trained(keras, block(keras, default))
    model.export(str(tmp_path / "model"))
    difference = harness.batch_mates_matter(harness.Served(tmp_path / "model"))
    measured(keras, f"training={default}, export(): same example in a batch of 64 and of 2 differs by", difference)
    assert (difference > 0.1) is (default is True)


@pytest.mark.parametrize("default", [True, None])
def test_fit_and_predict_say_otherwise(keras, default, measured):
    layer = block(keras, default)
    model = trained(keras, layer)
    before = harness.statistics(layer.norm)
    difference = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    measured(keras, f"training={default}, predict: same example in a batch of 64 and of 2 differs by", difference)
    assert difference < 1e-4
    assert harness.moved(before, harness.statistics(layer.norm)) == 0
    harness.fit(model)
    assert harness.moved(before, harness.statistics(layer.norm)) > 0.01


def norm_behind(keras, layer):
    """How far a plain `model(x)` moves the statistics of a BatchNorm that stands behind the layer."""
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Sequential([keras.Input((8,)), layer, norm])
    before = harness.statistics(norm)
    model(harness.examples()[0])
    return harness.moved(before, harness.statistics(norm))


def test_the_layers_behind_it_catch_the_mode(keras, measured):
    change = norm_behind(keras, silent_block(keras, True))
    measured(keras, "training=True, unused in the body, model(x): statistics of a BatchNorm behind it moved", change)
    assert (change > 0.1) is harness.behaviour(keras).call_default_leaks_training


def test_they_catch_a_mode_that_the_body_passes_on_in_every_keras_3(keras, measured):
    change = norm_behind(keras, block(keras, True))
    measured(keras, "training=True, passed on in the body, model(x): statistics of a BatchNorm behind it moved", change)
    assert (change > 0.1) is (harness.behaviour(keras).generation != "keras2")


@pytest.mark.parametrize("make", [block, silent_block])
def test_they_do_not_with_none(keras, make):
    assert norm_behind(keras, make(keras, None)) == 0


@pytest.mark.parametrize("default", [True, None])
def test_a_model_whose_call_passes_nothing_on(keras, default, measured):
    class Classifier(keras.Model):
        def __init__(self, layer):
            super().__init__()
            self.block = layer
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.block(inputs))

    model = Classifier(block(keras, default))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    harness.fit(model)
    difference = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    measured(keras, f"training={default}, predict of a model whose call has no training: differs by", difference)
    told_by_predict = harness.behaviour(keras).call_without_training_follows_fit
    assert (difference > 0.1) is (default is True and not told_by_predict)


def test_in_a_model_of_its_own_it_is_the_same(keras, measured):
    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(momentum=0.9)
            self.head = keras.layers.Dense(1)

        def call(self, inputs, training=True):
            return self.head(self.norm(inputs, training=training))

    keras.utils.set_random_seed(0)
    model = Classifier()
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    harness.fit(model)
    called = harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs)))
    predicted = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    measured(keras, "a model with training=True, model(x): differs by", called)
    measured(keras, "a model with training=True, predict: differs by", predicted)
    assert called > 0.1
    assert predicted < 1e-4
