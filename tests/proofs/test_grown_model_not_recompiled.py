"""grown-model-not-recompiled: `fit` keeps the step that it traced for the smaller model."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("compiled_again", [False, True])
def test_new_layers_do_not_train(keras, compiled_again, measured):
    layers = keras.layers
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    harness.fit(model)
    model.pop()
    model.add(layers.Dense(3))
    model.add(layers.Dense(1))
    if compiled_again:
        model.compile(keras.optimizers.Adam(1e-3), "mse")
    before = [harness.copies(layer.weights) for layer in model.layers]
    harness.fit(model)
    after = [harness.copies(layer.weights) for layer in model.layers]
    old, *new = map(harness.moved, before, after)
    measured(keras, "new layers moved" + (", compiled again" if compiled_again else ""), max(new))
    assert old > 0
    assert (min(new) > 0) if compiled_again else max(new) == 0
