"""frozen-prefix-recomputed: a frozen front gives the same features in every epoch; stored, they spare its forward pass."""

import numpy as np
import pytest

from freezelint.graph.checks import graph as checks
from freezelint.graph.live.reader import read
from tests.proofs import harness

pytestmark = pytest.mark.keras
RULE = "frozen-prefix-recomputed"


def built(keras, first=None):
    """A head on a frozen base of Dense layers, `first` before it."""
    base = harness.tiny_base(keras)
    base.trainable = False
    inputs = keras.Input((8,))
    x = first(inputs) if first is not None else inputs
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(base(x)))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model


def found(keras, model, share=0.5):
    options = {RULE: {"min-share": share}}
    return [one.layer for one in checks.run(read(model), "model", harness.behaviour(keras), {RULE}, options)]


def test_the_features_are_the_same_after_training_and_need_not_be_computed_again(keras, measured):
    model = built(keras)
    inputs, targets = harness.examples()
    base = model.get_layer("base")
    before = harness.predict(base, inputs)
    harness.fit(model)
    after = harness.predict(base, inputs)
    measured(keras, "features changed by training", float(np.max(np.abs(after - before))))
    assert np.array_equal(before, after)
    head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    head.compile(keras.optimizers.SGD(1e-3), "mse")
    whole = harness.operations_of_a_step(keras, model, inputs, targets)["MatMul"]
    stored = harness.operations_of_a_step(keras, head, before, targets)["MatMul"]
    measured(keras, "MatMul per step, frozen front in the model", whole)
    measured(keras, "MatMul per step, features computed once", stored)
    assert (whole, stored) == (5, 2)
    assert found(keras, model) == ["base/bn2"]
    assert found(keras, model, share=0.999) == []


def test_noise_or_training_before_the_frozen_layers_changes_their_features(keras):
    assert found(keras, built(keras, keras.layers.GaussianNoise(0.1))) == []
    assert found(keras, built(keras, keras.layers.Dense(8))) == []


def test_a_thawed_batchnorm_changes_what_follows(keras):
    model = built(keras)
    model.get_layer("base").get_layer("bn0").trainable = True
    assert found(keras, model, share=0.9) == []
