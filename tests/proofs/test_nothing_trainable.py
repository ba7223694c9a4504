"""nothing-trainable: `fit` on a model without trainable weights runs and learns nothing."""

import warnings

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def freeze_everything(model, how):
    if how == "whole":
        model.trainable = False
    else:
        for layer in model.layers:
            layer.trainable = False


@pytest.mark.parametrize("how", ["whole", "loop"])
@pytest.mark.parametrize("shape", harness.SHAPES)
def test_fit_runs_and_changes_nothing(keras, shape, how, measured):
    model = harness.with_head(keras, harness.tiny_base(keras), shape)
    freeze_everything(model, how)
    harness.compile_anew(keras, model)
    before = harness.copies(model.weights)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        harness.fit(model)
    told = sum("does not have any trainable weights" in str(warning.message) for warning in caught)
    change = harness.moved(before, harness.copies(model.weights))
    measured(keras, f"anything moved in fit, {how}, {shape}", change)
    measured(keras, f"warnings from Keras, {how}, {shape}", told)
    assert change == 0
    assert model.trainable_weights == []
    assert bool(told) is harness.behaviour(keras).warns_when_nothing_trains


def test_a_frozen_base_with_a_free_head_learns(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    harness.compile_anew(keras, model)
    before = model.get_layer("head").get_weights()
    harness.fit(model)
    change = harness.moved(before, model.get_layer("head").get_weights())
    measured(keras, "head moved when only the base is frozen", change)
    assert change > 1e-3


def test_statistics_alone_can_still_adapt(keras, measured):
    """BatchNorm without scale and shift has nothing to train, and thawed it learns its statistics all the same."""
    keras.utils.set_random_seed(0)
    norm = keras.layers.BatchNormalization(center=False, scale=False, momentum=0.9)
    model = keras.Sequential([keras.Input((8,)), norm, keras.layers.Dense(1, trainable=False)])
    harness.compile_anew(keras, model)
    before = harness.statistics(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        harness.fit(model)
    change = harness.moved(before, harness.statistics(model))
    measured(keras, "thawed BatchNorm without scale and shift: statistics moved", change)
    assert model.trainable_weights == []
    assert change > 1
