"""stale-trainable-variables: a list of variables is a list; freezing later takes nothing out of it."""

import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("again", [False, True])
def test_a_list_from_before_the_freeze_trains_what_is_frozen(keras, again, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    old = model.trainable_variables
    base.trainable = False
    before = harness.kernels(base)
    variables = (lambda: model.trainable_variables) if again else (lambda: old)
    tapes.epoch(tapes.step(keras, model, tapes.optimizer(keras), variables, training=True))
    change = harness.moved(before, harness.kernels(base))
    measured(keras, f"{'taken again' if again else 'the old list'}: frozen kernels moved", change)
    assert (change == 0) is again


def test_a_list_from_before_the_thaw_leaves_the_thawed_layers_out(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    old = model.trainable_variables
    base.trainable = True
    before = harness.kernels(base)
    tapes.epoch(tapes.step(keras, model, tapes.optimizer(keras), lambda: old, training=False))
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "taken before the thaw: kernels moved", change)
    assert change == 0
