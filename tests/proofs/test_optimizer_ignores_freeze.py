"""optimizer-ignores-freeze: TensorFlow's own lists of variables know nothing of Keras's flag."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("watched", [True, False])
def test_a_tape_watches_frozen_variables(keras, watched, measured):
    import tensorflow as tf

    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    inputs, targets = harness.examples()
    before = harness.kernels(base)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(inputs, training=True) - targets))
    variables = list(tape.watched_variables()) if watched else model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        if gradient is not None:
            variable.assign_sub(1e-3 * gradient)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "watched_variables()" if watched else "trainable_variables", change)
    assert change > 0 if watched else change == 0


def test_an_optimizer_of_tensorflow_1_trains_the_collection(keras2, measured):
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        inputs = v1.placeholder(tf.float32, (None, 4))
        base = keras2.layers.Dense(4)
        base.trainable = False
        loss = tf.reduce_mean(tf.square(keras2.layers.Dense(1)(base(inputs)) - 1.0))
        trained = v1.trainable_variables()
        step = v1.train.GradientDescentOptimizer(1e-2).minimize(loss, var_list=trained)
        everything = v1.train.GradientDescentOptimizer(1e-2).minimize(loss)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            before = session.run(base.kernel)
            session.run(everything, {inputs: np.ones((8, 4), "float32")})
            after = session.run(base.kernel)
            session.run(step, {inputs: np.ones((8, 4), "float32")})
    measured(keras2, "minimize(loss) without var_list", float(np.abs(after - before).max()))
    assert float(np.abs(after - before).max()) > 0
