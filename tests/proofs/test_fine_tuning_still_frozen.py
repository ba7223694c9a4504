"""fine-tuning-still-frozen: a smaller learning rate thaws nothing."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("thaw", [False, True])
def test_the_second_phase_moves_the_base_only_if_it_was_thawed(keras, thaw, measured):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model, 1e-2)
    harness.fit(model)
    if thaw:
        base.trainable = True
        harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model, 1e-4)
    before = harness.kernels(base)
    harness.fit(model)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, f"second phase, {'thawed' if thaw else 'still frozen'}: kernels of the base moved", change)
    assert (change > 0) is thaw
