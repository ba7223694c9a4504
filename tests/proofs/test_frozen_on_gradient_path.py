"""frozen-on-gradient-path: frozen layers behind a trainable one still carry the gradient; a frozen prefix does not.

Operations of the traced step are counted, not milliseconds.
"""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

BLOCK = 4


def step_of(keras, first, block, head, kind="dense"):
    """What one step runs for first → four layers → head, with these three flags."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    if kind == "dense":
        x = inputs = keras.Input((16,))
        make = lambda name, flag: layers.Dense(16, activation="relu", name=name, trainable=flag)  # noqa: E731
        data = np.zeros((4, 16), "float32")
    else:
        x = inputs = keras.Input((8, 8, 3))
        make = lambda name, flag: layers.Conv2D(4, 3, padding="same", name=name, trainable=flag)  # noqa: E731
        data = np.zeros((4, 8, 8, 3), "float32")
    x = make("first", first)(x)
    for number in range(BLOCK):
        x = make(f"block{number}", block)(x)
    if kind == "conv":
        x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, name="head", trainable=head)(x))
    return harness.operations_of_a_step(keras, model, data, np.zeros((4, 2), "float32"))


def test_dense_layers_behind_a_trainable_one_save_only_their_weight_gradients(keras, measured):
    everything = step_of(keras, True, True, True)["MatMul"]
    middle = step_of(keras, True, False, True)["MatMul"]
    prefix = step_of(keras, False, False, True)["MatMul"]
    measured(keras, "MatMul per step, six Dense layers, all trainable", everything)
    measured(keras, "MatMul per step, four frozen in the middle", middle)
    measured(keras, "MatMul per step, the first five frozen", prefix)
    forward = BLOCK + 2
    assert everything == forward + (BLOCK + 2) + (BLOCK + 1)  # weight gradients, input gradients
    assert middle == everything - BLOCK
    assert prefix == forward + 1


def test_convolutions_behind_a_trainable_one_keep_every_input_gradient(keras, measured):
    everything = step_of(keras, True, True, True, "conv")
    middle = step_of(keras, True, False, True, "conv")
    prefix = step_of(keras, False, False, True, "conv")
    for label, step in (
        ("all trainable", everything),
        ("four frozen in the middle", middle),
        ("prefix frozen", prefix),
    ):
        measured(keras, f"input gradients of five convolutions, {label}", step["Conv2DBackpropInput"])
        measured(keras, f"weight gradients of five convolutions, {label}", step["Conv2DBackpropFilter"])
    assert (everything["Conv2DBackpropInput"], everything["Conv2DBackpropFilter"]) == (BLOCK, BLOCK + 1)
    assert (middle["Conv2DBackpropInput"], middle["Conv2DBackpropFilter"]) == (BLOCK, 1)
    assert (prefix["Conv2DBackpropInput"], prefix["Conv2DBackpropFilter"]) == (0, 0)


def test_an_embedding_fed_by_integers_is_no_such_layer(keras, measured):
    """Nothing trainable can lie before it, and no gradient is asked for behind it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(50, 8, trainable=False)(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    step = harness.operations_of_a_step(keras, model, np.zeros((4, 6), "int32"), np.zeros((4, 2), "float32"))
    measured(keras, "MatMul per step, frozen Embedding and a Dense head", step["MatMul"])
    assert step["MatMul"] == 2
