"""learning-phase-api: Keras 3 has no learning phase, and in Keras 2 it reaches neither `fit` nor `predict`."""

import contextlib

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

FUNCTIONS = ("set_learning_phase", "learning_phase", "learning_phase_scope", "in_train_phase", "in_test_phase")
MOMENTS = ("before the model is built", "after compile", "around fit")


@pytest.fixture(autouse=True)
def no_phase_is_left_behind(request):
    yield
    if "keras2" in request.fixturenames or "keras" in request.fixturenames:
        request.getfixturevalue("keras2").backend.clear_session()


@contextlib.contextmanager
def model_in_phase(keras, phase, moment):
    """A compiled model, and the learning phase set to 0 or 1 at that moment of its life."""
    backend = keras.backend
    with contextlib.ExitStack() as scope:
        scope.enter_context(pytest.warns(UserWarning, match="learning_phase"))
        if moment == MOMENTS[0]:
            backend.set_learning_phase(phase)
        model = harness.with_head(keras, harness.tiny_base(keras))
        harness.compile_anew(keras, model)
        if moment == MOMENTS[1]:
            backend.set_learning_phase(phase)
        if moment == MOMENTS[2]:
            scope.enter_context(backend.learning_phase_scope(phase))
        assert backend.learning_phase() == phase
        yield model


def statistics_moved_by(action, model):
    before = harness.statistics(model)
    action()
    return harness.moved(before, harness.statistics(model))


def test_whether_it_exists(keras):
    exists = harness.behaviour(keras).learning_phase_exists
    assert [hasattr(keras.backend, name) for name in FUNCTIONS] == [exists] * len(FUNCTIONS)


def test_keras_3_stops_under_every_name(keras3):
    import tensorflow as tf

    for backend in (keras3.backend, tf.keras.backend):
        with pytest.raises(AttributeError):
            backend.set_learning_phase(0)
        with pytest.raises(AttributeError):
            backend.learning_phase()


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("moment", MOMENTS)
def test_fit_trains_batchnorm_whatever_the_phase(keras2, moment, phase, measured):
    with model_in_phase(keras2, phase, moment) as model:
        change = statistics_moved_by(lambda: harness.fit(model), model)
    measured(keras2, f"phase {phase} set {moment}: statistics moved by fit", change)
    assert change > 1


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("moment", MOMENTS)
def test_predict_and_evaluate_do_not_heed_it_either(keras2, moment, phase, measured):
    inputs, targets = harness.examples()
    with model_in_phase(keras2, phase, moment) as model:
        change = statistics_moved_by(lambda: harness.predict(model, inputs), model)
        measured(keras2, f"phase {phase} set {moment}: statistics moved by predict", change)
        assert change == 0
        assert statistics_moved_by(lambda: model.evaluate(inputs, targets, verbose=0), model) == 0


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_changes_a_plain_call(keras2, moment, phase, measured):
    inputs, _ = harness.examples()
    with model_in_phase(keras2, phase, moment) as model:
        change = statistics_moved_by(lambda: model(inputs), model)
        measured(keras2, f"phase {phase} set {moment}: statistics moved by model(x)", change)
        assert (change > 0.5) is (phase == 1)
        assert statistics_moved_by(lambda: model(inputs, training=False), model) == 0


def exported(model, path):
    model.export(path)


def saved_by_keras(model, path):
    model.save(path, save_format="tf")


def saved_by_tensorflow(model, path):
    import tensorflow as tf

    tf.saved_model.save(model, str(path))


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("save", [exported, saved_by_keras, saved_by_tensorflow])
def test_only_export_writes_it_into_what_is_served(keras2, save, phase, tmp_path, measured):
    with model_in_phase(keras2, phase, MOMENTS[0]) as model:
        save(model, tmp_path / "served")
    served = harness.Served(tmp_path / "served")
    before = served.statistics()
    change = harness.batch_mates_matter(served)
    measured(keras2, f"phase {phase}, {save.__name__}: answer changed by other examples in the batch", change)
    moved = harness.moved(before, served.statistics())
    measured(keras2, f"phase {phase}, {save.__name__}: statistics moved by requests", moved)
    training = save is exported and phase == 1
    assert (change > 0.1) is training
    assert (moved > 0.1) is training


def test_in_train_phase_is_right_in_keras_2(keras2):
    class Offset(keras2.layers.Layer):
        def call(self, inputs, training=None):
            return keras2.backend.in_train_phase(inputs + 100.0, inputs, training=training)

    model = keras2.Sequential([keras2.Input((8,)), Offset()])
    model.compile("sgd", "mse")
    inputs, _ = harness.examples()
    assert np.array_equal(harness.predict(model, inputs), inputs)
    assert model.fit(inputs, inputs, batch_size=64, verbose=0).history["loss"][0] == pytest.approx(100.0**2, rel=1e-3)


def test_a_frozen_batchnorm_keeps_its_statistics(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.freeze_batchnorm(keras, base)
    harness.compile_anew(keras, model)
    change = statistics_moved_by(lambda: harness.fit(model), model)
    measured(keras, "BatchNorm layers frozen: statistics moved by fit", change)
    assert change == 0


@pytest.mark.parametrize("training", [True, False])
def test_the_argument_of_the_call_says_it_in_both_generations(keras, training, measured):
    model = harness.with_head(keras, harness.tiny_base(keras))
    inputs, _ = harness.examples()
    change = statistics_moved_by(lambda: model(inputs, training=training), model)
    measured(keras, f"model(x, training={training}): statistics moved", change)
    assert (change > 0.5) is training
