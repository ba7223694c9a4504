"""freeze-lost-on-reload: Keras 2 does not save the own flag of a nested model."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def saved_and_loaded(keras, folder):
    base = harness.tiny_base(keras)
    base.trainable = False
    base.get_layer("d2").trainable = True
    model = harness.with_head(keras, base)
    path = str(folder / "model.keras")
    model.save(path)
    return len(model.trainable_weights), keras.models.load_model(path, compile=False)


def test_keras_2_trains_what_was_frozen(keras2, tmp_path, measured):
    before, loaded = saved_and_loaded(keras2, tmp_path)
    measured(keras2, "trainable weights once loaded", len(loaded.trainable_weights))
    assert before == 2
    assert len(loaded.trainable_weights) == 4
    harness.compile_anew(keras2, loaded)
    old = harness.kernels(loaded)
    harness.fit(loaded)
    assert harness.moved(old, harness.kernels(loaded)) > 0


def test_keras_3_keeps_the_flags(keras3, tmp_path, measured):
    before, loaded = saved_and_loaded(keras3, tmp_path)
    measured(keras3, "trainable weights once loaded", len(loaded.trainable_weights))
    assert len(loaded.trainable_weights) == before
