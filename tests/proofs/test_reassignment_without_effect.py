"""reassignment-without-effect: Keras 3 skips `model.trainable = v` where the model's own flag is `v` already."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def moved_kernels(keras, base):
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    before = harness.kernels(base)
    harness.fit(model)
    return harness.moved(before, harness.kernels(base))


def test_thawing_a_model_whose_layers_were_frozen_one_by_one(keras, measured):
    base = harness.tiny_base(keras)
    for layer in base.layers:
        layer.trainable = False
    base.trainable = True
    change = moved_kernels(keras, base)
    measured(keras, "layers frozen one by one, then base.trainable = True: kernels moved", change)
    assert (change > 0) is harness.behaviour(keras).same_value_assignment_propagates


def test_freezing_a_frozen_model_whose_layers_were_thawed_one_by_one(keras, measured):
    base = harness.tiny_base(keras)
    base.trainable = False
    for layer in base.layers[-4:]:
        layer.trainable = True
    base.trainable = False
    change = moved_kernels(keras, base)
    measured(keras, "frozen, last layers thawed, frozen again: kernels moved", change)
    assert (change == 0) is harness.behaviour(keras).same_value_assignment_propagates


@pytest.mark.parametrize("value", [True, False])
def test_going_through_the_other_value_works(keras, value):
    base = harness.tiny_base(keras)
    base.trainable = value
    for layer in base.layers:
        layer.trainable = not value
    base.trainable = not value
    base.trainable = value
    assert (moved_kernels(keras, base) > 0) is value
