"""freeze-misses-nested-batchnorm: `model.layers` holds a nested model as one layer."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("inside", [False, True])
def test_the_statistics_of_a_nested_base_move_unless_the_loop_goes_in(keras, inside, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    for layer in base.layers if inside else model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    harness.compile_anew(keras, model)
    before = harness.statistics(base)
    harness.fit(model)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, f"loop over {'base' if inside else 'model'}.layers: statistics moved", change)
    assert (change == 0) is inside
