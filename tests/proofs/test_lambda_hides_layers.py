"""lambda-hides-layers: Keras does not look into a Lambda."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def hidden(keras):
    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    features = keras.layers.Lambda(lambda x: base(x), output_shape=(8,))(inputs)
    return base, keras.Model(inputs, keras.layers.Dense(1)(features))


def test_keras_3_trains_the_head_only_and_saves_nothing_of_it(keras3, measured):
    base, model = hidden(keras3)
    harness.compile_anew(keras3, model)
    before = harness.kernels(base)
    harness.fit(model)
    measured(keras3, "weights of the base in the model", len(model.weights) - 2)
    measured(keras3, "kernels of the base moved", harness.moved(before, harness.kernels(base)))
    assert len(model.weights) == 2
    assert harness.moved(before, harness.kernels(base)) == 0


def test_keras_2_does_not_track_it_either(keras2, measured):
    try:
        _, model = hidden(keras2)
    except ValueError as error:
        measured(keras2, "refused with an error", 1)
        assert "tracked" in str(error) or "Variable" in str(error)
        return
    measured(keras2, "weights of the base in the model", len(model.weights) - 2)
    assert len(model.weights) == 2
