"""redundant-frozen-batchnorm: the class adds nothing to the stock layer, and one form of it stops Keras 3."""

import functools

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

LOGICAL = ("logical_and, positional", "logical_and, keyword")
PLAIN = ("training and self.trainable", "if not self.trainable")
OUTSIDE_A_GRAPH = ("model(x)", "model(x, training=True)", "model(x, training=False)", "fit, run_eagerly")
IN_A_GRAPH = ("fit", "predict", "evaluate")


@functools.cache
def classes(keras):
    """The subclasses that programs carry, and the stock layer."""
    import tensorflow as tf

    stock = keras.layers.BatchNormalization

    class LogicalAnd(stock):
        def call(self, x, training=False):
            if not training:
                training = tf.constant(False)
            training = tf.logical_and(training, self.trainable)
            return super().call(x, training)

    class LogicalAndByKeyword(stock):
        def call(self, x, training=None):
            if training is None:
                training = tf.constant(False)
            return super().call(x, training=tf.logical_and(training, self.trainable))

    class And(stock):
        def call(self, x, training=None):
            return super().call(x, training=training and self.trainable)

    class If(stock):
        def call(self, x, training=None):
            if not self.trainable:
                training = False
            return super().call(x, training=training)

    class OwnFlag(stock):
        freeze = True

        def call(self, x, training=None):
            return super().call(x, training=False if self.freeze else training)

    return {
        **dict(zip(LOGICAL, (LogicalAnd, LogicalAndByKeyword), strict=True)),
        **dict(zip(PLAIN, (And, If), strict=True)),
        "logical_and, same name": type("BatchNormalization", (LogicalAnd,), {}),
        "own flag": OwnFlag,
        "stock": stock,
    }


def with_batchnorm(keras, name, trainable, eager=False):
    """Dense, the BatchNorm layer of that name, Dense: compiled, not yet trained."""
    keras.utils.set_random_seed(0)
    batchnorm = classes(keras)[name](momentum=0.9)
    batchnorm.trainable = trainable
    layers = keras.layers
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8), batchnorm, layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e-3), "mse", run_eagerly=eager)
    return model


def numbers(keras, name, trainable, mode):
    """Every weight after the layer was used in that mode, and the answer it gave (or gives then)."""
    model = with_batchnorm(keras, name, trainable, eager="eager" in mode)
    inputs, targets = harness.examples()
    if mode.startswith("model"):
        training = {"training": "True" in mode} if "training" in mode else {}
        answer = np.asarray(model(inputs, **training))
    elif mode.startswith("fit"):
        harness.fit(model)
        answer = np.asarray(model(inputs))
    elif mode == "predict":
        answer = harness.predict(model, inputs)
    else:
        answer = np.array([model.evaluate(inputs, targets, verbose=0)])
    return [answer, *harness.copies(model.weights)]


def difference(keras, name, trainable, mode):
    """How far the class and the stock layer are apart; 0 is bit for bit the same."""
    return harness.moved(numbers(keras, "stock", trainable, mode), numbers(keras, name, trainable, mode))


@pytest.mark.parametrize("trainable", [True, False])
def test_the_stock_layer_runs_in_inference_mode_while_it_is_frozen(keras, trainable, measured):
    model = with_batchnorm(keras, "stock", trainable)
    before = harness.statistics(model)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(model))
    measured(keras, f"stock layer, trainable={trainable}: statistics moved by fit", change)
    assert change > 1 if trainable else change == 0


@pytest.mark.parametrize("mode", OUTSIDE_A_GRAPH)
@pytest.mark.parametrize("name", [*LOGICAL, *PLAIN])
def test_outside_a_graph_every_form_gives_the_numbers_of_the_stock_layer(keras, name, mode, measured):
    change = max(difference(keras, name, trainable, mode) for trainable in (True, False))
    measured(keras, f"{name}: apart from the stock layer, {mode}", change)
    assert change == 0


@pytest.mark.parametrize("mode", IN_A_GRAPH)
@pytest.mark.parametrize("name", PLAIN)
def test_so_do_the_forms_in_plain_python_in_fit_and_predict(keras, name, mode, measured):
    change = max(difference(keras, name, trainable, mode) for trainable in (True, False))
    measured(keras, f"{name}: apart from the stock layer, {mode}", change)
    assert change == 0


@pytest.mark.parametrize("mode", IN_A_GRAPH)
@pytest.mark.parametrize("name", LOGICAL)
def test_the_form_with_a_tensor_runs_there_only_in_keras_2(keras, name, mode, measured):
    import tensorflow as tf

    for trainable in (True, False):
        if harness.behaviour(keras).python_condition_on_training_works:
            change = difference(keras, name, trainable, mode)
            measured(keras, f"{name}: apart from the stock layer, {mode}", change)
            assert change == 0
        else:
            with pytest.raises(tf.errors.OperatorNotAllowedInGraphError, match="symbolic"):
                numbers(keras, name, trainable, mode)


@pytest.mark.parametrize("name", [LOGICAL[0], PLAIN[0]])
def test_the_stock_layer_takes_over_the_weights(keras, name):
    old = with_batchnorm(keras, name, trainable=True)
    random = np.random.default_rng(0)
    old.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in old.get_weights()])
    new = with_batchnorm(keras, "stock", trainable=True)
    new.set_weights(old.get_weights())
    inputs, _ = harness.examples()
    assert harness.moved([np.asarray(old(inputs))], [np.asarray(new(inputs))]) == 0


def test_a_weights_file_asks_for_the_name_of_the_class(keras, tmp_path):
    with_batchnorm(keras, LOGICAL[0], trainable=True).save_weights(tmp_path / "old.weights.h5")
    with pytest.raises(ValueError, match=r"could not be loaded|expected 4 variables"):
        with_batchnorm(keras, "stock", trainable=True).load_weights(tmp_path / "old.weights.h5")


def test_a_weights_file_of_a_class_of_the_same_name_loads(keras, tmp_path):
    old, new = (with_batchnorm(keras, name, trainable=True) for name in ("logical_and, same name", "stock"))
    old.layers[-2].gamma.assign(np.arange(8.0))
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    assert harness.moved(harness.copies(old.weights), harness.copies(new.weights)) == 0


def test_a_flag_of_its_own_is_not_redundant(keras, measured):
    model = with_batchnorm(keras, "own flag", trainable=True)
    statistics, scales = harness.statistics(model), harness.scales(model)
    harness.fit(model)
    change = harness.moved(scales, harness.scales(model))
    measured(keras, "own flag set, trainable=True: gamma and beta moved by fit", change)
    assert harness.moved(statistics, harness.statistics(model)) == 0
    assert change > 1e-3


def test_the_layer_of_tensorflow_1_does_need_it(keras2, measured):
    from tf_keras.src.layers.normalization.batch_normalization_v1 import BatchNormalization

    layers = keras2.layers
    model = keras2.Sequential([keras2.Input((8,)), BatchNormalization(trainable=False), layers.Dense(1)])
    change = harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs, training=True)))
    measured(keras2, "layer of TensorFlow 1, trainable=False: answer changed by other examples in the batch", change)
    assert change > 0.1
    model = keras2.Sequential([keras2.Input((8,)), layers.BatchNormalization(trainable=False), layers.Dense(1)])
    assert harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs, training=True))) < 1e-5
