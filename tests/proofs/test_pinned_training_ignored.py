"""pinned-training-ignored: Keras 3.0 to 3.15 overrule a `training=` that is wired into a Functional graph."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def thawed_and_pinned(keras, freeze_batchnorm=False):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base, training=False)
    base.trainable = True
    if freeze_batchnorm:
        harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    return base, model


def test_fit_moves_the_statistics_of_a_thawed_base_that_is_pinned(keras, measured):
    base, model = thawed_and_pinned(keras)
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, "statistics moved in fit, base(x, training=False)", change)
    if harness.behaviour(keras).wired_training_holds:
        assert change == 0
    else:
        assert change > 1


def test_the_pin_and_its_absence_train_alike_where_it_is_ignored(keras):
    base, model = thawed_and_pinned(keras)
    harness.fit(model)
    pinned = harness.statistics(base)
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    harness.fit(model)
    alike = harness.moved(pinned, harness.statistics(base)) < 1e-5
    assert alike is not harness.behaviour(keras).wired_training_holds


def test_a_pin_on_one_layer_is_ignored_too(keras, measured):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    layer = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs, training=False)))
    harness.compile_anew(keras, model)
    before = harness.statistics(layer)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(layer))
    measured(keras, "statistics moved in fit, BatchNormalization()(x, training=False)", change)
    assert (change == 0) is harness.behaviour(keras).wired_training_holds


def test_a_saved_model_changes_meaning_with_the_keras_that_loads_it(keras, measured, tmp_path):
    _, model = thawed_and_pinned(keras)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    harness.compile_anew(keras, model)
    before = harness.statistics(model)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(model))
    measured(keras, "statistics moved in fit after save and load", change)
    assert (change == 0) is harness.behaviour(keras).wired_training_holds


@pytest.mark.parametrize("nested", [False, True])
def test_monte_carlo_dropout_is_off_in_predict(keras, nested, measured):
    inputs = keras.Input((8,))
    dropout = keras.layers.Dropout(0.5)
    part = keras.Sequential([keras.Input((8,)), dropout]) if nested else dropout
    model = keras.Model(inputs, part(inputs, training=True))
    ones = np.ones((64, 8), "float32")
    spread = float(np.std([harness.predict(model, ones) for _ in range(8)], axis=0).mean())
    words = "a Sequential with Dropout(.5)" if nested else "Dropout(.5)"
    measured(keras, f"spread of 8 predictions, {words}(x, training=True)", spread)
    if harness.behaviour(keras).wired_training_holds:
        assert spread > 0.5
    else:
        assert spread == 0


def test_a_frozen_base_with_dropout_is_noisy_in_spite_of_the_pin(keras, measured):
    base = harness.tiny_base(keras, dropout=0.5)
    base.trainable = False
    model = harness.with_head(keras, base, training=False)
    inputs, _ = harness.examples()
    first, second = (np.asarray(model(inputs, training=True)) for _ in range(2))
    difference = float(np.linalg.norm(first - second) / np.linalg.norm(first))
    measured(keras, "difference of two passes of a pinned frozen base with Dropout (relative)", difference)
    if harness.behaviour(keras).wired_training_holds:
        assert difference == 0
    else:
        assert difference > 0.1


def test_a_frozen_base_without_dropout_needs_no_pin(keras):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base, training=False)
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    assert harness.moved(before, harness.statistics(base)) == 0


def test_frozen_batchnorm_layers_hold_in_every_keras(keras, measured):
    base, model = thawed_and_pinned(keras, freeze_batchnorm=True)
    statistics, kernels = harness.statistics(base), harness.kernels(base)
    harness.fit(model)
    change = harness.moved(statistics, harness.statistics(base))
    measured(keras, "statistics moved in fit, BatchNorm layers frozen", change)
    assert change == 0
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4


def test_a_dropout_subclass_stays_on_in_every_keras(keras, measured):
    class MonteCarloDropout(keras.layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    inputs = keras.Input((8,))
    model = keras.Model(inputs, MonteCarloDropout(0.5)(inputs))
    ones = np.ones((64, 8), "float32")
    spread = float(np.std([harness.predict(model, ones) for _ in range(8)], axis=0).mean())
    measured(keras, "spread of 8 predictions, MonteCarloDropout(.5)(x)", spread)
    assert spread > 0.5


def test_a_training_argument_inside_call_holds_in_every_keras(keras):
    class Features(keras.layers.Layer):
        def __init__(self, base):
            super().__init__()
            self.base = base

        def call(self, inputs):
            return self.base(inputs, training=False)

    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Features(base)(inputs)))
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    assert harness.moved(before, harness.statistics(base)) == 0
