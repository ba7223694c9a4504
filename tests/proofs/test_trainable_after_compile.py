"""trainable-after-compile: a flag set too late does nothing; compiling again makes it count."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

STRANGE_TO_THE_OPTIMIZER = (KeyError, ValueError, NotImplementedError)
"""Keras 2: KeyError. Keras 3: ValueError "Unknown variable", of which 3.12 fails to write the message."""


def compiled(keras, trainable, fitted, steps_per_execution=1):
    base = harness.tiny_base(keras)
    base.trainable = trainable
    model = harness.with_head(keras, base)
    model.compile(keras.optimizers.SGD(1e-2), "mse", steps_per_execution=steps_per_execution)
    if fitted:
        harness.fit(model)
    return base, model


def base_trains(base, model):
    before = harness.kernels(base)
    harness.fit(model)
    return harness.moved(before, harness.kernels(base))


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_a_thaw_after_compile_and_fit_is_ignored(keras, measured, steps_per_execution):
    base, model = compiled(keras, trainable=False, fitted=True, steps_per_execution=steps_per_execution)
    base.trainable = True
    change = base_trains(base, model)
    measured(keras, "thawed after fit: kernels moved", change)
    assert change == 0


def test_a_freeze_after_compile_and_fit_is_ignored(keras, measured):
    base, model = compiled(keras, trainable=True, fitted=True)
    base.trainable = False
    statistics = harness.statistics(base)
    change = base_trains(base, model)
    measured(keras, "frozen after fit: kernels moved", change)
    measured(keras, "frozen after fit: statistics moved", harness.moved(statistics, harness.statistics(base)))
    assert change > 1e-4
    assert harness.moved(statistics, harness.statistics(base)) > 0.1


@pytest.mark.parametrize("trainable", [True, False])
def test_a_loaded_model_that_was_trained_keeps_its_flags_too(keras, trainable, measured, tmp_path):
    _, saved = compiled(keras, trainable=trainable, fitted=False)
    saved.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    base = model.get_layer("base")
    harness.fit(model)
    base.trainable = not trainable
    change = base_trains(base, model)
    words = "frozen" if trainable else "thawed"
    measured(keras, f"loaded, fitted, {words}: kernels moved", change)
    assert (change > 1e-4) is trainable


def test_a_thaw_between_compile_and_the_first_fit(keras, measured):
    base, model = compiled(keras, trainable=False, fitted=False)
    base.trainable = True
    change = base_trains(base, model)
    measured(keras, "thawed between compile and the first fit: kernels moved", change)
    assert (change == 0) is harness.behaviour(keras).flags_are_read_at_compile


def test_a_freeze_between_compile_and_the_first_fit(keras, measured):
    base, model = compiled(keras, trainable=True, fitted=False)
    base.trainable = False
    change = base_trains(base, model)
    measured(keras, "frozen between compile and the first fit: kernels moved", change)
    assert (change > 0) is harness.behaviour(keras).flags_are_read_at_compile


def test_evaluate_and_predict_do_not_fix_the_flags_in_keras_3(keras3):
    base, model = compiled(keras3, trainable=False, fitted=False)
    model.evaluate(*harness.examples(), verbose=0)
    harness.predict(model, harness.examples()[0])
    base.trainable = True
    assert base_trains(base, model) > 1e-4


def test_train_on_batch_counts_as_a_first_fit(keras):
    base, model = compiled(keras, trainable=False, fitted=False)
    model.train_on_batch(*harness.examples())
    base.trainable = True
    before = harness.kernels(base)
    model.train_on_batch(*harness.examples())
    assert harness.moved(before, harness.kernels(base)) == 0


def fit_in_one_batch(model):
    """Batches of another shape than those of `harness.fit`: Keras 3 traces its step again."""
    inputs, targets = harness.examples()
    model.fit(inputs, targets, batch_size=len(inputs), shuffle=False, verbose=0)


def test_whether_a_late_freeze_counts_in_keras_3_hangs_on_the_shape_of_the_batches(keras, measured):
    base, model = compiled(keras, trainable=True, fitted=True)
    base.trainable = False
    before = harness.kernels(base)
    fit_in_one_batch(model)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "frozen after fit, then batches of another shape: kernels moved", change)
    assert (change > 0) is harness.behaviour(keras).flags_are_read_at_compile


def test_a_late_thaw_raises_in_keras_3_when_the_batches_change_shape(keras):
    base, model = compiled(keras, trainable=False, fitted=True)
    base.trainable = True
    before = harness.kernels(base)
    if harness.behaviour(keras).flags_are_read_at_compile:
        fit_in_one_batch(model)
    else:
        with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
            fit_in_one_batch(model)
    assert harness.moved(before, harness.kernels(base)) == 0


def test_compiling_again_makes_a_thaw_count(keras, measured):
    base, model = compiled(keras, trainable=False, fitted=True)
    base.trainable = True
    harness.compile_anew(keras, model)
    change = base_trains(base, model)
    measured(keras, "thawed after fit and compiled again: kernels moved", change)
    assert change > 1e-4


def test_compiling_again_makes_a_freeze_count(keras, measured):
    base, model = compiled(keras, trainable=True, fitted=True)
    base.trainable = False
    harness.compile_anew(keras, model)
    statistics = harness.statistics(base)
    change = base_trains(base, model)
    measured(keras, "frozen after fit and compiled again: kernels moved", change)
    assert change == 0
    assert harness.moved(statistics, harness.statistics(base)) == 0


def test_compiling_again_needs_a_new_optimizer(keras):
    base, model = compiled(keras, trainable=False, fitted=True)
    base.trainable = True
    model.compile(model.optimizer, "mse")
    with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
        harness.fit(model)
