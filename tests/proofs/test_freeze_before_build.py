"""freeze-before-build: layers that come after the freeze are not frozen by it."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("early", [True, False])
def test_layers_added_to_a_frozen_sequential(keras, early, measured):
    keras.utils.set_random_seed(0)
    block = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    if early:
        block.trainable = False
    added = keras.layers.Dense(8)
    block.add(added)
    if not early:
        block.trainable = False
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(block(inputs)))
    harness.compile_anew(keras, model, 1e-4)
    before = harness.copies(added.weights)
    harness.fit(model)
    change = harness.moved(before, harness.copies(added.weights))
    measured(keras, f"frozen {'before' if early else 'after'} the layer was added: it moved", change)
    assert (change > 0) is (early and not harness.behaviour(keras).frozen_parent_gates_children)
