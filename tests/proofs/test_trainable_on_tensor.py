"""trainable-on-tensor: the output of a layer accepts the attribute, and the layer trains on."""

import warnings

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def epoch(keras, base, model):
    """How far one epoch after `compile` moves the kernels and the statistics of the base."""
    harness.compile_anew(keras, model)
    kernels, statistics = harness.kernels(base), harness.statistics(base)
    harness.fit(model)
    return harness.moved(kernels, harness.kernels(base)), harness.moved(statistics, harness.statistics(base))


@pytest.mark.parametrize("which", ["output of the call", "base.output", "input"])
def test_a_tensor_accepts_the_flag_and_nothing_is_frozen(keras, which, measured):
    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    outputs = base(inputs)
    tensor = {"output of the call": outputs, "base.output": base.output, "input": inputs}[which]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tensor.trainable = False
        model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
        kernels, statistics = epoch(keras, base, model)
    measured(keras, f"flag on a tensor ({which}): kernels moved", kernels)
    measured(keras, f"flag on a tensor ({which}): statistics moved", statistics)
    assert base.trainable
    assert kernels > 1e-4
    assert statistics > 1


def test_a_layer_called_in_the_same_line_trains_on(keras, measured):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = keras.layers.Dense(8, name="hidden")(inputs)
    x.trainable = False
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    harness.compile_anew(keras, model, learning_rate=1e-4)
    before = model.get_layer("hidden").get_weights()
    harness.fit(model)
    change = harness.moved(before, model.get_layer("hidden").get_weights())
    measured(keras, "flag on the output of a Dense layer: its weights moved", change)
    assert change > 1e-4


def test_the_layer_object_can_be_frozen(keras, measured):
    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    outputs = base(inputs)
    base.trainable = False
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    kernels, statistics = epoch(keras, base, model)
    measured(keras, "flag on the base: kernels moved", kernels)
    measured(keras, "flag on the base: statistics moved", statistics)
    assert kernels == statistics == 0


def test_so_can_a_layer_when_it_is_made(keras):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = keras.layers.Dense(8, name="hidden", trainable=False)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    harness.compile_anew(keras, model, learning_rate=1e-4)
    before = model.get_layer("hidden").get_weights()
    harness.fit(model)
    assert harness.moved(before, model.get_layer("hidden").get_weights()) == 0
