"""training-true-at-inference: in training mode an answer depends on who else is asked about."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("training", [True, False])
def test_batch_mates_and_statistics(keras, training, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    harness.fit(model)

    before = harness.statistics(model)
    apart = harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs, training=training)))
    change = harness.moved(before, harness.statistics(model))
    measured(keras, f"training={training}: answers differ by", apart)
    measured(keras, f"training={training}: statistics moved", change)
    assert (apart > 0.05 and change > 0.05) if training else (apart < 1e-5 and change == 0)
