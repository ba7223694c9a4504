"""trainable-after-trace: a traced step keeps the flags of the moment of the trace."""

import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("anew", [False, True])
def test_the_flags_of_the_trace_stay(keras, value, anew, measured):
    import tensorflow as tf

    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = not value
    optimizer = tapes.optimizer(keras)
    optimizer.build(model.variables if value else model.trainable_variables)
    step = tapes.step(keras, model, optimizer, lambda: model.trainable_variables, training=True)
    traced = tf.function(step)
    tapes.epoch(traced)
    base.trainable = value
    before = harness.kernels(base)
    tapes.epoch(tf.function(step) if anew else traced)
    change = harness.moved(before, harness.kernels(base))
    words = f"{'thawed' if value else 'frozen'} after the trace, {'traced anew' if anew else 'same function'}"
    measured(keras, f"{words}: kernels moved", change)
    assert (change > 0) is (value if anew else not value)
