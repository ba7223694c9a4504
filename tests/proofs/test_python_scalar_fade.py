"""python-scalar-fade: a number that `call` reads is a constant of the traced step."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras

ONES = np.ones((8, 1), "float32")


def fade(keras, variable):
    class Fade(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            if variable:
                self.alpha = self.add_weight(shape=(), initializer="zeros", trainable=False, name="alpha")
            else:
                self.alpha = 0.0

        def call(self, inputs):
            return inputs * self.alpha

        def set(self, value):
            if variable:
                self.alpha.assign(value)
            else:
                self.alpha = value

    return Fade()


def faded(keras, variable):
    """The layer, and a compiled model of it."""
    layer = fade(keras, variable)
    inputs = keras.Input((1,))
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    return layer, model


@pytest.mark.parametrize("variable", [False, True])
def test_only_a_variable_fades(keras, variable, measured):
    layer, model = faded(keras, variable)
    losses = []
    for alpha in (0.0, 1.0):
        layer.set(alpha)
        losses.append(float(np.ravel(model.train_on_batch(ONES, ONES))[0]))
    words = "a variable" if variable else "a Python number"
    measured(keras, f"{words}: loss after alpha went from 0 to 1", losses[1])
    assert losses[0] == 1
    assert (losses[1] == 0) is variable


def test_compiling_anew_reads_the_number_again(keras, measured):
    layer, model = faded(keras, variable=False)
    model.train_on_batch(ONES, ONES)
    layer.set(1.0)
    model.compile("sgd", "mse")
    loss = float(np.ravel(model.train_on_batch(ONES, ONES))[0])
    measured(keras, "a Python number, compiled anew: loss", loss)
    assert loss == 0


def test_a_callback_changes_the_number_in_vain(keras, measured):
    layer, model = faded(keras, variable=False)

    class Fader(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            layer.set(float(epoch))

    losses = model.fit(ONES, ONES, epochs=2, callbacks=[Fader()], verbose=0).history["loss"]
    measured(keras, "a Python number, set by a callback in `fit`: loss", losses[1])
    assert losses == [1, 1]
