"""trainable-in-traced-step: what a traced step does in Python it does once."""

import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("traced", [True, False])
def test_a_thaw_after_some_steps_never_happens_in_a_traced_step(keras, traced, measured):
    import tensorflow as tf

    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    optimizer = tapes.optimizer(keras)
    optimizer.build(model.variables)
    base.trainable = False
    inner = tapes.step(keras, model, optimizer, lambda: model.trainable_variables, training=True)
    counter = {"step": 0}

    def step(inputs, targets):
        if counter["step"] >= 4:
            base.trainable = True
        inner(inputs, targets)

    run = tf.function(step) if traced else step

    def counted(inputs, targets):
        run(inputs, targets)
        counter["step"] += 1

    before = harness.kernels(base)
    tapes.epoch(counted)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, f"thawed from step 4 on, {'traced' if traced else 'eager'}: kernels moved", change)
    assert (change == 0) is traced
