"""dropout-active-in-signature: the same request, another answer."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def model_with_dropout(keras, **call):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = keras.layers.Dense(32, activation="relu")(inputs)
    x = keras.layers.Dropout(0.5)(x, **call)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def asked_twice(answer):
    inputs, _ = harness.examples()
    return float(np.max(np.abs(answer(inputs) - answer(inputs))))


def test_a_wired_true_is_served(keras, measured, tmp_path):
    model = model_with_dropout(keras, training=True)
    model.export(str(tmp_path / "model"))
    answer = harness.Served(tmp_path / "model")
    measured(keras, "Dropout wired with training=True: the same request asked twice differs by", asked_twice(answer))
    in_memory = asked_twice(lambda inputs: harness.predict(model, inputs))
    measured(keras, "the same in predict", in_memory)
    assert asked_twice(answer) > 0.01
    assert (in_memory > 0.01) is harness.behaviour(keras).wired_training_holds


def test_the_operations_that_give_it_away(keras, tmp_path):
    model_with_dropout(keras, training=True).export(str(tmp_path / "model"))
    assert any("Random" in kind for kind in harness.Served(tmp_path / "model").operations())


def test_freezing_does_not_switch_it_off(keras, measured, tmp_path):
    model = model_with_dropout(keras, training=True)
    model.trainable = False
    model.export(str(tmp_path / "model"))
    difference = asked_twice(harness.Served(tmp_path / "model"))
    measured(keras, "the same with everything frozen", difference)
    assert difference > 0.01


def test_the_advice_gives_one_answer(keras, measured, tmp_path):
    model_with_dropout(keras).export(str(tmp_path / "model"))
    answer = harness.Served(tmp_path / "model")
    measured(keras, "as advised: the same request asked twice differs by", asked_twice(answer))
    assert asked_twice(answer) == 0
    assert not any("Random" in kind for kind in answer.operations())
