"""tape-call-without-training: in a loop with a tape, `model(x)` is inference."""

import numpy as np
import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("call", [{}, {"training": True}])
def test_the_statistics_move_only_with_training(keras, call, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    before, kernels = harness.statistics(base), harness.kernels(base)
    tapes.epoch(tapes.step(keras, model, tapes.optimizer(keras, 1e-4), lambda: model.trainable_variables, **call))
    words = "model(x, training=True)" if call else "model(x)"
    change = harness.moved(before, harness.statistics(base))
    measured(keras, f"{words}: statistics moved", change)
    assert harness.moved(kernels, harness.kernels(base)) > 0
    assert (change == 0) is (not call)


@pytest.mark.parametrize("call", [{}, {"training": True}])
@pytest.mark.parametrize("pinned", [{}, {"training": False}])
def test_a_class_whose_call_takes_no_training_hands_it_down_all_the_same(keras, call, pinned, measured):
    base = harness.tiny_base(keras)

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.base = base
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.base(inputs, **pinned))

    model = Net()
    model(harness.examples()[0])
    before = harness.statistics(base)
    tapes.epoch(tapes.step(keras, model, tapes.optimizer(keras, 1e-4), lambda: model.trainable_variables, **call))
    change = harness.moved(before, harness.statistics(base))
    words = "training=True" if call else "nothing said"
    inside = ", base pinned to False inside" if pinned else ""
    measured(keras, f"a class without the parameter, {words}{inside}: statistics moved", change)
    assert (change > 0) is (bool(call) and not pinned)


@pytest.mark.parametrize("call", [{}, {"training": True}])
@pytest.mark.parametrize("how", ["f + h", "[f, h]"])
def test_the_variables_of_two_models_change_nothing_about_that(keras, call, how, measured):
    import tensorflow as tf

    f, h = harness.tiny_base(keras), harness.tiny_base(keras)
    way = tapes.optimizer(keras, 1e-4)
    before, kernels = harness.statistics(f) + harness.statistics(h), harness.kernels(f) + harness.kernels(h)

    def train(inputs, targets):
        with tf.GradientTape() as tape:
            loss = keras.losses.MeanSquaredError()(targets, h(f(inputs, **call), **call))
        variables = f.trainable_variables + h.trainable_variables
        if how == "f + h":
            gradients = tape.gradient(loss, variables)
        else:
            of_f, of_h = tape.gradient(loss, [f.trainable_variables, h.trainable_variables])
            gradients = of_f + of_h
        way.apply_gradients(zip(gradients, variables, strict=True))

    tapes.epoch(train)
    change = harness.moved(before, harness.statistics(f) + harness.statistics(h))
    words = "training=True" if call else "nothing said"
    measured(keras, f"gradients over the variables of {how}, {words}: statistics moved", change)
    assert harness.moved(kernels, harness.kernels(f) + harness.kernels(h)) > 0
    assert (change == 0) is (not call)


@pytest.mark.parametrize("call", [{}, {"training": True}])
def test_dropout_drops_only_with_training(keras, call, measured):
    base = harness.tiny_base(keras, dropout=0.5)
    inputs, _ = harness.examples()
    one, two = (np.asarray(base(inputs, **call)) for _ in range(2))
    words = "training=True" if call else "nothing said"
    measured(keras, f"two passes differ by, {words}", float(np.max(np.abs(one - two))))
    assert np.array_equal(one, two) is (not call)


def test_a_train_step_is_no_exception(keras, measured):
    import tensorflow as tf

    class Trainer(keras.Model):
        def train_step(self, data):
            inputs, targets = data[0], data[1]
            with tf.GradientTape() as tape:
                loss = keras.losses.MeanSquaredError()(targets, self(inputs))
            pairs = zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            self.optimizer.apply_gradients(pairs)
            return {"loss": loss}

    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    model = Trainer(inputs, keras.layers.Dense(1)(base(inputs)))
    harness.compile_anew(keras, model, 1e-4)
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, "self(x) in train_step: statistics moved in fit", change)
    assert change == 0
