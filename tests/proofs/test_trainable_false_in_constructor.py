"""trainable-false-in-constructor: a flag that is set before the layers are there does not reach them."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def functional(keras):
    base = harness.tiny_base(keras)
    return keras.Model(base.input, base.output, trainable=False)


def in_init(keras):
    class Block(keras.Model):
        def __init__(self):
            super().__init__()
            self.trainable = False
            self.base = harness.tiny_base(keras)

        def call(self, inputs, training=None):
            return self.base(inputs, training=training)

    return Block()


def measure(keras, block):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(block(inputs)))
    harness.compile_anew(keras, model)
    base = getattr(block, "base", block)
    kernels, statistics = harness.kernels(base), harness.statistics(base)
    harness.fit(model)
    return harness.moved(kernels, harness.kernels(base)), harness.moved(statistics, harness.statistics(base))


@pytest.mark.parametrize("make", [functional, in_init])
def test_the_layers_train_in_keras_3_and_their_statistics_move_in_both(keras, make, measured):
    kernels, statistics = measure(keras, make(keras))
    words = "Model(i, o, trainable=False)" if make is functional else "self.trainable = False first in __init__"
    measured(keras, f"{words}: kernels moved", kernels)
    measured(keras, f"{words}: statistics moved", statistics)
    assert (kernels > 0) is not harness.behaviour(keras).frozen_parent_gates_children
    assert statistics > 0


def test_the_flag_of_the_finished_object_holds(keras, measured):
    block = functional(keras)
    block.trainable = True
    block.trainable = False
    kernels, statistics = measure(keras, block)
    measured(keras, "set on the finished object: anything moved", max(kernels, statistics))
    assert (kernels, statistics) == (0, 0)
