"""model-call-without-training: without a `training` parameter, `fit` of Keras 3 runs a model in inference mode."""

import warnings

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


class Parts:
    """Layers for a subclassed model: BatchNorm and Dropout of its own, or inside a base."""

    def __init__(self, keras, nested):
        keras.utils.set_random_seed(0)
        layers = keras.layers
        self.dense = layers.Dense(8)
        self.norm = layers.BatchNormalization(momentum=0.9)
        self.drop = layers.Dropout(0.9)
        if nested:
            self.base = keras.Sequential([self.dense, self.norm, self.drop])
        self.head = layers.Dense(1)

    def run(self, x):
        if hasattr(self, "base"):
            return self.head(self.base(x))
        return self.head(self.drop(self.norm(self.dense(x))))


def classifier(keras, call, kind="own", **methods):
    """A subclassed model with this `call`; `kind` says whether the layers are its own or in a nested base."""

    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            parts = Parts(keras, nested=kind == "nested")
            self.dense, self.norm, self.drop, self.head = parts.dense, parts.norm, parts.drop, parts.head
            if kind == "nested":
                self.base = parts.base

        def run(self, x):
            return Parts.run(self, x)

    Classifier.call = call
    for name, method in methods.items():
        setattr(Classifier, name, method)
    model = Classifier()
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    model(harness.examples()[0])
    return model


def without(self, inputs):
    return self.run(inputs)


def with_keywords(self, inputs, **kwargs):
    return self.run(inputs)


def with_training(self, inputs, training=None):
    return self.run(inputs)


def epoch(model):
    """How far one epoch moves the statistics; silently."""
    before = harness.statistics(model.norm)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        harness.fit(model)
    return harness.moved(before, harness.statistics(model.norm))


@pytest.mark.parametrize("kind", ["own", "nested"])
@pytest.mark.parametrize("call", [without, with_keywords])
def test_fit_never_updates_the_statistics_in_keras_3(keras, call, kind, measured):
    change = epoch(classifier(keras, call, kind))
    measured(keras, f"call {call.__name__}, {kind}: statistics moved", change)
    assert (change > 0.1) is harness.behaviour(keras).call_without_training_follows_fit
    assert change > 0.1 or change == 0


@pytest.mark.parametrize("kind", ["own", "nested"])
def test_a_parameter_in_the_signature_is_enough(keras, kind, measured):
    change = epoch(classifier(keras, with_training, kind))
    measured(keras, f"call with training=None, {kind}: statistics moved", change)
    assert change > 0.1


def dropped(keras, call):
    """The share of zeros behind Dropout(0.9) in a training step."""
    model = classifier(keras, call)
    seen = []

    class Watch(keras.layers.Layer):
        def call(self, inputs):
            import tensorflow as tf

            tf.py_function(lambda values: seen.append(float((values.numpy() == 0).mean())), [inputs], [])
            return inputs

    drop, watch = model.drop, Watch()
    model.run = lambda x: model.head(watch(drop(model.norm(model.dense(x)))))
    harness.fit(model)
    return float(np.mean(seen))


@pytest.mark.parametrize("call", [without, with_training])
def test_dropout_is_off_in_fit_too(keras, call, measured):
    share = dropped(keras, call)
    measured(keras, f"call {call.__name__}: share that Dropout(0.9) drops in fit", share)
    drops = call is with_training or harness.behaviour(keras).call_without_training_follows_fit
    assert (share > 0.8) is drops
    assert (share == 0) is not drops


@pytest.mark.parametrize("kind", ["Layer", "Model"])
def test_inside_another_model_it_takes_the_mode_from_there(keras, kind, measured):
    class Block(keras.Model if kind == "Model" else keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(momentum=0.9)

        def call(self, inputs):
            return self.norm(inputs)

    keras.utils.set_random_seed(0)
    block = Block()
    model = keras.Sequential([keras.Input((8,)), block, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    before = harness.statistics(block.norm)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(block.norm))
    measured(keras, f"a {kind} without the parameter inside a Sequential: statistics moved", change)
    assert change > 0.1


@pytest.mark.parametrize("mode", [True, False])
def test_a_mode_written_at_the_call_needs_no_parameter(keras, mode, measured):
    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(momentum=0.9)
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.norm(inputs, training=mode))

    keras.utils.set_random_seed(0)
    model = Classifier()
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    model(harness.examples()[0])
    change = epoch(model)
    measured(keras, f"the layer is called with training={mode}: statistics moved", change)
    assert (change > 0.1) is mode


def step_with(**arguments):
    def train_step(self, data):
        import tensorflow as tf

        inputs, targets = data[:2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(inputs, **arguments) - targets) ** 2)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))  # noqa: B905
        return {"loss": loss}

    return train_step


def test_a_train_step_that_says_true_is_heard_by_all_but_the_first_versions_of_keras_3(keras, measured):
    version = harness.behaviour(keras).version
    change = epoch(classifier(keras, without, train_step=step_with(training=True)))
    measured(keras, "train_step with self(inputs, training=True): statistics moved", change)
    assert (change > 0.1) is not ((3, 0) <= (version.major, version.minor) < (3, 10))


def test_a_train_step_that_says_nothing_runs_in_inference_mode(keras, measured):
    change = epoch(classifier(keras, without, train_step=step_with()))
    measured(keras, "train_step with self(inputs): statistics moved", change)
    assert change == 0


def test_what_has_no_mode_trains_as_well_without(keras):
    class Perceptron(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.head = keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    model = Perceptron()
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    model(harness.examples()[0])
    before = harness.copies(model.weights)
    harness.fit(model)
    assert harness.moved(before, harness.copies(model.weights)) > 1e-4
