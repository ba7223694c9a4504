"""batchnorm-freeze-undone: thawing a model thaws the BatchNorm layers that were frozen one by one before."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def epoch(keras, base, model):
    """How far one epoch after `compile` moves the statistics, the scales and the kernels of the base."""
    harness.compile_anew(keras, model)
    statistics, scales, kernels = harness.statistics(base), harness.scales(base), harness.kernels(base)
    harness.fit(model)
    return (
        harness.moved(statistics, harness.statistics(base)),
        harness.moved(scales, harness.scales(base)),
        harness.moved(kernels, harness.kernels(base)),
    )


def frozen(keras, shape="nested"):
    base = harness.tiny_base(keras)
    base.trainable = False
    return base, harness.with_head(keras, base, shape)


@pytest.mark.parametrize("shape", harness.SHAPES)
def test_a_thaw_of_the_base_undoes_the_freeze(keras, shape, measured):
    base, model = frozen(keras, shape)
    harness.freeze_batchnorm(keras, base)
    base.trainable = True
    statistics, scales, _ = epoch(keras, base, model)
    measured(keras, f"BatchNorm frozen, then base thawed: statistics moved, {shape}", statistics)
    measured(keras, f"BatchNorm frozen, then base thawed: scales moved, {shape}", scales)
    assert statistics > 1
    assert scales > 1e-4


def test_so_does_a_thaw_of_the_model_around_the_base(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    model.trainable = False
    harness.freeze_batchnorm(keras, model)
    model.trainable = True
    statistics, _, _ = epoch(keras, base, model)
    measured(keras, "BatchNorm frozen, then model thawed: statistics moved", statistics)
    assert statistics > 1


def test_a_freeze_from_before_the_first_phase_is_lost_too(keras, measured):
    base = harness.tiny_base(keras)
    harness.freeze_batchnorm(keras, base)
    base.trainable = False
    model = harness.with_head(keras, base)
    epoch(keras, base, model)
    base.trainable = True
    statistics, _, _ = epoch(keras, base, model)
    measured(keras, "BatchNorm frozen before the first phase, base thawed for the second: statistics moved", statistics)
    assert statistics > 1


@pytest.mark.parametrize("shape", harness.SHAPES)
def test_frozen_after_the_thaw_it_stays_frozen(keras, shape, measured):
    base, model = frozen(keras, shape)
    base.trainable = True
    harness.freeze_batchnorm(keras, base)
    statistics, scales, kernels = epoch(keras, base, model)
    measured(keras, f"base thawed, then BatchNorm frozen: statistics moved, {shape}", statistics)
    measured(keras, f"base thawed, then BatchNorm frozen: kernels moved, {shape}", kernels)
    assert statistics == scales == 0
    assert kernels > 1e-4


def test_thawing_everything_but_batchnorm_keeps_it_frozen(keras, measured):
    base, model = frozen(keras, "flat")
    harness.freeze_batchnorm(keras, base)
    for layer in base.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
    statistics, _, kernels = epoch(keras, base, model)
    measured(keras, "thawed layer by layer but BatchNorm: statistics moved", statistics)
    assert statistics == 0
    assert kernels > 1e-4


def test_a_base_that_was_never_frozen_keeps_the_freeze_where_the_assignment_is_skipped(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.freeze_batchnorm(keras, base)
    base.trainable = True
    statistics, _, _ = epoch(keras, base, model)
    measured(keras, "BatchNorm frozen, then True assigned to a base that is True: statistics moved", statistics)
    assert (statistics > 1) is harness.behaviour(keras).same_value_assignment_propagates
