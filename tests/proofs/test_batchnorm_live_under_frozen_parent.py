"""batchnorm-live-under-frozen-parent: a thawed BatchNorm layer moves its statistics below a frozen model."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def frozen_with_one_live_batchnorm(keras):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    base.get_layer("bn1").trainable = True
    harness.compile_anew(keras, model)
    return base, model


def test_its_statistics_move_in_fit(keras, measured):
    base, model = frozen_with_one_live_batchnorm(keras)
    before = harness.statistics(base.get_layer("bn1"))
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base.get_layer("bn1")))
    measured(keras, "statistics of the thawed BatchNorm moved in fit", change)
    assert change > 0.5


def test_its_scale_trains_only_where_a_frozen_parent_does_not_gate(keras, measured):
    base, model = frozen_with_one_live_batchnorm(keras)
    before = harness.scales(base)
    harness.fit(model)
    change = harness.moved(before, harness.scales(base))
    measured(keras, "gamma and beta of the thawed BatchNorm moved in fit", change)
    measured(keras, "trainable weights of the whole model", len(model.trainable_weights))
    if harness.behaviour(keras).frozen_parent_gates_children:
        assert change == 0
        assert len(model.trainable_weights) == 2
    else:
        assert change > 1e-4
        assert len(model.trainable_weights) == 4


def test_thawing_a_slice_under_a_frozen_parent_does_the_same(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    for layer in base.layers[-5:]:
        layer.trainable = True
    harness.compile_anew(keras, model)
    statistics, kernels = harness.statistics(base), harness.kernels(base)
    harness.fit(model)
    measured(keras, "last five thawed: statistics moved", harness.moved(statistics, harness.statistics(base)))
    measured(keras, "last five thawed: kernels moved", harness.moved(kernels, harness.kernels(base)))
    assert harness.moved(statistics, harness.statistics(base)) > 0.5
    gated = harness.behaviour(keras).frozen_parent_gates_children
    assert (harness.moved(kernels, harness.kernels(base)) == 0) is gated


def test_a_base_whose_layers_are_the_models_own_gates_nothing(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base, "flat")
    base.trainable = False
    base.get_layer("bn1").trainable = True
    harness.compile_anew(keras, model)
    before = harness.scales(base)
    harness.fit(model)
    change = harness.moved(before, harness.scales(base))
    measured(keras, "head on base.output: gamma and beta of the thawed BatchNorm moved in fit", change)
    assert change > 1e-4


@pytest.mark.parametrize("training", [True, False, None])
def test_a_frozen_batchnorm_layer_is_never_live(keras, training):
    """It normalises with its moving statistics and leaves them alone, whatever `training` says."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.BatchNormalization(momentum=0.9)
    layer.build((None, 8))
    layer.trainable = False
    inputs, _ = harness.examples()
    before = harness.statistics(layer)
    outputs = np.asarray(layer(inputs, training=training))
    assert harness.moved(before, harness.statistics(layer)) == 0
    assert np.allclose(outputs, inputs / np.sqrt(1 + layer.epsilon), rtol=1e-4)


def test_freezing_the_batchnorm_layer_again_stops_it(keras):
    base, model = frozen_with_one_live_batchnorm(keras)
    harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    assert harness.moved(before, harness.statistics(base)) == 0


def test_thawing_the_parent_and_freezing_its_front_and_batchnorm_trains_the_rest(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = True
    for layer in base.layers[:-5]:
        layer.trainable = False
    harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    statistics, kernels = harness.statistics(base), harness.kernels(base)
    harness.fit(model)
    measured(keras, "advice: statistics moved", harness.moved(statistics, harness.statistics(base)))
    measured(keras, "advice: kernels moved", harness.moved(kernels, harness.kernels(base)))
    assert harness.moved(statistics, harness.statistics(base)) == 0
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4
