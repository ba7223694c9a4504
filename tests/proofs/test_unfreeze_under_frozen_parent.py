"""unfreeze-under-frozen-parent: Keras 2 trains nothing below a frozen model, whatever its layers say."""

import warnings

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def last_five_thawed(keras, shape):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base, shape)
    base.trainable = False
    for layer in base.layers[-5:]:
        layer.trainable = True
    harness.compile_anew(keras, model)
    return base, model


@pytest.mark.parametrize("shape", ["nested", "sequential"])
def test_keras_2_trains_nothing_below_a_frozen_model(keras, shape, measured):
    base, model = last_five_thawed(keras, shape)
    before = harness.kernels(base)
    harness.fit(model)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, f"kernels of the thawed layers moved, {shape}", change)
    measured(keras, f"trainable weights of the whole model, {shape}", len(model.trainable_weights))
    if harness.behaviour(keras).frozen_parent_gates_children:
        assert change == 0
        assert len(model.trainable_weights) == 2
    else:
        assert change > 1e-4


def test_their_batchnorm_statistics_move_all_the_same(keras, measured):
    base, model = last_five_thawed(keras, "nested")
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, "statistics of the thawed layers moved", change)
    assert change > 0.5


def test_a_base_that_is_not_nested_is_no_parent(keras, measured):
    base, model = last_five_thawed(keras, "flat")
    before = harness.kernels(base)
    harness.fit(model)
    measured(keras, "kernels of the thawed layers moved, flat", harness.moved(before, harness.kernels(base)))
    assert harness.moved(before, harness.kernels(base)) > 1e-4


def test_nothing_trains_when_the_frozen_parent_is_the_model_being_trained(keras, measured):
    model = harness.with_head(keras, harness.tiny_base(keras), "flat")
    model.trainable = False
    for layer in model.layers[-5:]:
        layer.trainable = True
    harness.compile_anew(keras, model)
    before = harness.kernels(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        harness.fit(model)
    change = harness.moved(before, harness.kernels(model))
    measured(keras, "kernels moved when the model being trained is the frozen parent", change)
    assert change == 0
    assert model.trainable_weights == []


@pytest.mark.parametrize("shape", harness.SHAPES)
def test_thawing_the_parent_and_freezing_its_front_trains_the_rest(keras, shape, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base, shape)
    base.trainable = True
    for layer in base.layers[:-5]:
        layer.trainable = False
    harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    kernels, front, statistics = harness.kernels(base), base.get_layer("d0").get_weights(), harness.statistics(base)
    harness.fit(model)
    measured(keras, f"advice: kernels moved, {shape}", harness.moved(kernels, harness.kernels(base)))
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4
    assert harness.moved(front, base.get_layer("d0").get_weights()) == 0
    assert harness.moved(statistics, harness.statistics(base)) == 0
