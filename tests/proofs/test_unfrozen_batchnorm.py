"""unfrozen-batchnorm: a thawed base forgets its statistics; freezing its BatchNorm layers keeps them."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def frozen_then_thawed(keras, shape, freeze_batchnorm=False, **call):
    """The two phases of fine-tuning up to the second `fit`."""
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base, shape, **call)
    harness.compile_anew(keras, model)
    harness.fit(model)
    base.trainable = True
    if freeze_batchnorm:
        harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    return base, model


@pytest.mark.parametrize("shape", harness.SHAPES)
def test_the_statistics_of_a_thawed_base_move(keras, shape, measured):
    base, model = frozen_then_thawed(keras, shape)
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, f"statistics moved in one epoch, {shape}", change)
    assert change > 1


def test_the_frozen_phase_leaves_them_alone(keras):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    assert harness.moved(before, harness.statistics(base)) == 0


def test_the_predictions_change_at_a_learning_rate_of_zero(keras, measured):
    _, model = frozen_then_thawed(keras, "nested")
    harness.compile_anew(keras, model, learning_rate=0.0)
    inputs, _ = harness.examples(seed=1)
    weights, before = harness.kernels(model) + harness.scales(model), harness.predict(model, inputs)
    harness.fit(model)
    assert harness.moved(weights, harness.kernels(model) + harness.scales(model)) == 0
    after = harness.predict(model, inputs)
    change = float(np.linalg.norm(after - before) / np.linalg.norm(before))
    measured(keras, "predictions changed at learning rate 0 (relative)", change)
    assert change > 0.25


def test_a_pin_protects_them_only_where_keras_honours_it(keras, measured):
    base, model = frozen_then_thawed(keras, "nested", training=False)
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, "statistics moved, base(x, training=False)", change)
    if harness.behaviour(keras).wired_training_holds:
        assert change == 0
    else:
        assert change > 1


@pytest.mark.parametrize("call", [{}, {"training": False}], ids=["plain", "pinned"])
@pytest.mark.parametrize("shape", harness.SHAPES)
def test_frozen_batchnorm_layers_keep_them_and_the_rest_trains(keras, shape, call, measured):
    if call and shape != "nested":
        pytest.skip("only a nested call takes the argument")
    base, model = frozen_then_thawed(keras, shape, freeze_batchnorm=True, **call)
    statistics, scales, kernels = harness.statistics(base), harness.scales(base), harness.kernels(base)
    harness.fit(model)
    measured(keras, f"statistics moved, BatchNorm frozen, {shape}", harness.moved(statistics, harness.statistics(base)))
    assert harness.moved(statistics, harness.statistics(base)) == 0
    assert harness.moved(scales, harness.scales(base)) == 0
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4


def test_a_training_argument_inside_call_keeps_them(keras, measured):
    class Classifier(keras.Model):
        def __init__(self, base):
            super().__init__()
            self.base = base
            self.head = keras.layers.Dense(1)

        def call(self, inputs, training=None):
            return self.head(self.base(inputs, training=False))

    base = harness.tiny_base(keras)
    model = Classifier(base)
    harness.compile_anew(keras, model)
    statistics, kernels = harness.statistics(base), harness.kernels(base)
    harness.fit(model)
    change = harness.moved(statistics, harness.statistics(base))
    measured(keras, "statistics moved, training=False inside call", change)
    assert change == 0
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4


def test_thawing_after_the_batchnorm_layers_were_frozen_undoes_it(keras):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    harness.freeze_batchnorm(keras, base)
    base.trainable = True
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    assert harness.moved(before, harness.statistics(base)) > 1
