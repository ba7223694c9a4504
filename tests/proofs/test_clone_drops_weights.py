"""clone-drops-weights: a clone has the layers and not the numbers."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("copied", [False, True])
def test_a_clone_starts_from_random_numbers(keras, copied, measured):
    base = harness.tiny_base(keras)
    clone = keras.models.clone_model(base)
    if copied:
        clone.set_weights(base.get_weights())
    difference = harness.moved(harness.kernels(base), harness.kernels(clone))
    measured(keras, "weights copied" if copied else "cloned", difference)
    assert difference == 0 if copied else difference > 0.1


def test_the_flags_are_copied(keras):
    base = harness.tiny_base(keras)
    base.layers[1].trainable = False
    assert keras.models.clone_model(base).layers[1].trainable is False
