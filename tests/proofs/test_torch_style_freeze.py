"""torch-style-freeze: the switches of other frameworks are accepted as attributes and do nothing."""

import warnings

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

SWITCHES = [("requires_grad", False), ("training", False), ("frozen", True), ("freeze", True)]


def epoch(keras, base, model):
    """How far one epoch after `compile` moves the kernels and the statistics of the base."""
    harness.compile_anew(keras, model)
    kernels, statistics = harness.kernels(base), harness.statistics(base)
    harness.fit(model)
    return harness.moved(kernels, harness.kernels(base)), harness.moved(statistics, harness.statistics(base))


@pytest.mark.parametrize("on", ["base", "layers", "model"])
@pytest.mark.parametrize(("name", "value"), SWITCHES)
def test_the_switch_is_accepted_and_does_nothing(keras, name, value, on, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for target in {"base": [base], "layers": base.layers, "model": [model]}[on]:
            setattr(target, name, value)
        kernels, statistics = epoch(keras, base, model)
    measured(keras, f"{name} = {value} on the {on}: kernels moved", kernels)
    measured(keras, f"{name} = {value} on the {on}: statistics moved", statistics)
    assert kernels > 1e-4
    assert statistics > 1


def test_training_false_does_not_switch_dropout_off(keras):
    base = harness.tiny_base(keras, dropout=0.5)
    base.training = False
    for layer in base.layers:
        layer.training = False
    inputs, _ = harness.examples()
    zeros = (base(inputs, training=True).numpy() == 0).mean() - (base(inputs, training=False).numpy() == 0).mean()
    assert zeros > 0.1


def test_a_weight_accepts_requires_grad_and_trains(keras):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    for weight in base.weights:
        weight.requires_grad = False
    kernels, _ = epoch(keras, base, model)
    assert kernels > 1e-4


@pytest.mark.parametrize("method", ["eval", "freeze", "requires_grad_"])
def test_the_methods_do_not_exist(keras, method):
    with pytest.raises(AttributeError):
        getattr(harness.tiny_base(keras), method)()


def test_the_flag_of_keras_freezes(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    kernels, statistics = epoch(keras, base, model)
    measured(keras, "trainable = False on the base: kernels moved", kernels)
    measured(keras, "trainable = False on the base: statistics moved", statistics)
    assert kernels == statistics == 0


def test_frozen_batchnorm_layers_are_in_inference_mode(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.freeze_batchnorm(keras, base)
    kernels, statistics = epoch(keras, base, model)
    measured(keras, "trainable = False on the BatchNorm layers: kernels moved", kernels)
    measured(keras, "trainable = False on the BatchNorm layers: statistics moved", statistics)
    assert kernels > 1e-4
    assert statistics == 0


def test_the_flag_of_a_single_weight_can_be_set_in_keras_3_only(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    kernel = base.get_layer("d0").kernel
    if not harness.behaviour(keras).variable_flag_can_be_set:
        with pytest.raises(AttributeError):
            kernel.trainable = False
        return
    kernel.trainable = False
    before = harness.copies([kernel])
    epoch(keras, base, model)
    change = harness.moved(before, harness.copies([kernel]))
    measured(keras, "trainable = False on one weight: it moved", change)
    assert change == 0
