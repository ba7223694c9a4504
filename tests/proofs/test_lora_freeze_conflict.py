"""lora-freeze-conflict: what trains when adapters and flags meet."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def network(keras):
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(8)
    return dense, keras.Sequential([keras.Input((8,)), dense, keras.layers.Dense(1)])


def kernel_moves(keras, dense, model, compile_first=True):
    if compile_first:
        harness.compile_anew(keras, model, 1e-4)
    before = harness.copies([dense._kernel])
    harness.fit(model)
    return harness.moved(before, harness.copies([dense._kernel]))


def test_adapters_alone(keras3, measured):
    dense, model = network(keras3)
    dense.enable_lora(2)
    assert len(dense.trainable_weights) == 3
    assert kernel_moves(keras3, dense, model) == 0


def test_on_a_frozen_layer_nothing_trains(keras3, measured):
    dense, _ = network(keras3)
    dense.trainable = False
    dense.enable_lora(2)
    measured(keras3, "frozen, then LoRA", len(dense.trainable_weights))
    assert not dense.trainable_weights


def test_thawing_thaws_the_kernel(keras3, measured):
    dense, model = network(keras3)
    dense.enable_lora(2)
    model.trainable = False
    model.trainable = True
    measured(keras3, "LoRA, then False and True", len(dense.trainable_weights))
    assert len(dense.trainable_weights) == 4
    assert kernel_moves(keras3, dense, model) > 0


def test_the_traced_step_goes_on_without_adapters(keras3, measured):
    dense, model = network(keras3)
    harness.compile_anew(keras3, model, 1e-4)
    harness.fit(model)
    dense.enable_lora(2)
    change = kernel_moves(keras3, dense, model, compile_first=False)
    measured(keras3, "kernel moved after fit, LoRA, fit", change)
    assert change > 0
    assert harness.moved(harness.copies([dense.lora_kernel_b]), [0 * dense.lora_kernel_b.numpy()]) == 0


def test_integers_do_not_train(keras3, measured):
    _, model = network(keras3)
    model.quantize("int8")
    measured(keras3, "trainable weights after quantize", len(model.trainable_weights))
    assert len(model.trainable_weights) == 2


def test_keras_2_has_no_lora(keras2):
    assert not hasattr(keras2.layers.Dense(1), "enable_lora")
