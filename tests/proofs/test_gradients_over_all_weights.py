"""gradients-over-all-weights: the optimizer updates what it is given, frozen or not."""

import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("which", ["weights", "variables", "trainable_weights", "trainable_variables"])
def test_only_the_trainable_lists_leave_frozen_layers_alone(keras, which, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    before = harness.kernels(base)
    tapes.epoch(tapes.step(keras, model, tapes.optimizer(keras), lambda: getattr(model, which), training=True))
    change = harness.moved(before, harness.kernels(base))
    measured(keras, f"model.{which}: frozen kernels moved", change)
    assert (change == 0) is which.startswith("trainable")
