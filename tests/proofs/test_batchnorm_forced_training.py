"""batchnorm-forced-training: a BatchNorm class that ignores its caller is in training mode in `predict` too."""

import functools

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

SEES_NO_MATES = 1e-5
"""How far the rounding of another batch size may move an answer."""


@functools.cache
def classes(keras):
    """Ways to fill in `training`, with and without a look at what the caller says."""
    stock = keras.layers.BatchNormalization

    class Switched(stock):
        def __init__(self, freeze=False, **options):
            super().__init__(**options)
            self.freeze = freeze

    class NotFrozen(Switched):
        def call(self, inputs, training=None):
            return super().call(inputs, training=(not self.freeze))

    class AlwaysTrue(stock):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    class NeverAsked(stock):
        def call(self, inputs):
            return super().call(inputs, training=True)

    class OwnTrainable(stock):
        def call(self, inputs, training=None):
            return super().call(inputs, training=self.trainable)

    class AsksUnlessFrozen(Switched):
        def call(self, inputs, training=None):
            return super().call(inputs, training=False if self.freeze else training)

    class Originally(Switched):
        def call(self, *args, **kwargs):
            return super().call(*args, training=(not self.freeze), **kwargs)

    return {
        "not self.freeze": NotFrozen,
        "True": AlwaysTrue,
        "True, no parameter": NeverAsked,
        "self.trainable": OwnTrainable,
        "False if self.freeze else training": AsksUnlessFrozen,
        "not self.freeze, *args": Originally,
        "stock": stock,
    }


FORCED = ("not self.freeze", "True", "True, no parameter", "self.trainable")


def with_batchnorm(keras, name, trainable=True, **options):
    """Dense, the BatchNorm layer of that name, Dense: compiled, not yet trained."""
    keras.utils.set_random_seed(0)
    batchnorm = classes(keras)[name](momentum=0.9, **options)
    batchnorm.trainable = trainable
    layers = keras.layers
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8), batchnorm, layers.Dense(1)])
    harness.compile_anew(keras, model, learning_rate=1e-3)
    return model


def statistics_moved_by(action, model):
    before = harness.statistics(model)
    action()
    return harness.moved(before, harness.statistics(model))


@pytest.mark.parametrize("name", FORCED)
def test_predict_moves_the_statistics(keras, name, measured):
    model = with_batchnorm(keras, name)
    change = statistics_moved_by(lambda: harness.predict(model, harness.examples()[0]), model)
    measured(keras, f"statistics moved by predict, training={name}", change)
    assert change > 0.5


@pytest.mark.parametrize("name", FORCED)
def test_evaluate_moves_them_too(keras, name, measured):
    model = with_batchnorm(keras, name)
    change = statistics_moved_by(lambda: model.evaluate(*harness.examples(), verbose=0), model)
    measured(keras, f"statistics moved by evaluate, training={name}", change)
    assert change > 0.5


@pytest.mark.parametrize("name", FORCED)
def test_an_answer_depends_on_its_batch(keras, name, measured):
    model = with_batchnorm(keras, name)
    change = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    measured(keras, f"answer changed by other examples in the batch, training={name}", change)
    assert change > 0.1


def test_a_single_example_always_gets_the_same_answer(keras):
    model = with_batchnorm(keras, "True")
    one, other = (harness.examples(1, seed)[0] for seed in (0, 1))
    assert np.allclose(harness.predict(model, one), harness.predict(model, other), atol=1e-4)
    model = with_batchnorm(keras, "stock")
    assert not np.allclose(harness.predict(model, one), harness.predict(model, other), atol=1e-2)


@pytest.mark.parametrize("name", ["stock", "False if self.freeze else training"])
def test_a_layer_that_asks_its_caller_does_none_of_this(keras, name, measured):
    model = with_batchnorm(keras, name)
    change = statistics_moved_by(lambda: harness.predict(model, harness.examples()[0]), model)
    measured(keras, f"statistics moved by predict, {name}", change)
    assert change == 0
    assert statistics_moved_by(lambda: model.evaluate(*harness.examples(), verbose=0), model) == 0
    assert harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs)) < SEES_NO_MATES
    assert statistics_moved_by(lambda: harness.fit(model), model) > 1


@pytest.mark.parametrize("name", ["stock", *FORCED])
def test_a_frozen_layer_stays_in_inference_mode_whatever_it_is_told(keras, name, measured):
    model = with_batchnorm(keras, name, trainable=False)
    change = statistics_moved_by(lambda: harness.predict(model, harness.examples()[0]), model)
    measured(keras, f"statistics moved by predict, trainable=False, {name}", change)
    assert change == 0
    assert statistics_moved_by(lambda: harness.fit(model), model) == 0
    assert harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs)) < SEES_NO_MATES


@pytest.mark.parametrize("name", ["not self.freeze", "False if self.freeze else training"])
def test_an_own_flag_holds_the_statistics_and_trains_the_scale(keras, name, measured):
    model = with_batchnorm(keras, name, freeze=True)
    scales = harness.scales(model)
    assert statistics_moved_by(lambda: harness.fit(model), model) == 0
    change = harness.moved(scales, harness.scales(model))
    measured(keras, f"freeze=True: gamma and beta moved by fit, {name}", change)
    assert change > 1e-3


def test_a_call_that_only_takes_anything_does_not_run(keras):
    with pytest.raises((TypeError, ValueError)):
        harness.fit(with_batchnorm(keras, "not self.freeze, *args"))
