"""trainable-in-callback: the training step was made before the callback runs, and keeps its flags."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

STRANGE_TO_THE_OPTIMIZER = (KeyError, ValueError, NotImplementedError)
"""Keras 2: KeyError. Keras 3: ValueError "Unknown variable", of which 3.12 fails to write the message."""

METHODS = ["on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end", "on_batch_end"]


def compiled(keras, trainable):
    base = harness.tiny_base(keras)
    base.trainable = trainable
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    return base, model


def fit(model, *callbacks, epochs=3, initial_epoch=0):
    inputs, targets = harness.examples()
    return model.fit(
        inputs,
        targets,
        batch_size=harness.BATCH,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def setter(keras, base, method, value, first_call=1, after=None):
    """A callback that sets the flag of the base in the given method, from its second call on."""

    class Setter(keras.callbacks.Callback):
        calls = 0

    def hook(self, number=None, logs=None):
        if self.calls >= first_call:
            base.trainable = value
            if after is not None:
                after(self.model)
        self.calls += 1

    setattr(Setter, method, hook)
    return Setter()


class Movement:
    """How far the kernels and the statistics of the base move in each epoch of `fit`."""

    def __init__(self, keras, base):
        outer = self
        self.kernels, self.statistics = [], []

        class Watch(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.kernels, self.statistics = harness.kernels(base), harness.statistics(base)

            def on_epoch_end(self, epoch, logs=None):
                outer.kernels.append(harness.moved(self.kernels, harness.kernels(base)))
                outer.statistics.append(harness.moved(self.statistics, harness.statistics(base)))

        self.callback = Watch()


@pytest.mark.parametrize("method", METHODS)
def test_a_thaw_does_nothing(keras, method, measured):
    base, model = compiled(keras, trainable=False)
    movement = Movement(keras, base)
    fit(model, setter(keras, base, method, True), movement.callback)
    measured(keras, f"thawed in {method}: kernels moved, third epoch", movement.kernels[2])
    measured(keras, f"thawed in {method}: statistics moved, third epoch", movement.statistics[2])
    assert movement.kernels == movement.statistics == [0, 0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_a_freeze_does_nothing(keras, method, measured):
    base, model = compiled(keras, trainable=True)
    movement = Movement(keras, base)
    fit(model, setter(keras, base, method, False), movement.callback)
    measured(keras, f"frozen in {method}: kernels moved, third epoch", movement.kernels[2])
    measured(keras, f"frozen in {method}: statistics moved, third epoch", movement.statistics[2])
    assert movement.kernels[2] > 1e-4
    assert movement.statistics[2] > 0.01


def test_the_next_fit_goes_on_with_the_old_flags_too(keras, measured):
    base, model = compiled(keras, trainable=False)
    fit(model, setter(keras, base, "on_epoch_begin", True))
    movement = Movement(keras, base)
    fit(model, movement.callback, epochs=1)
    measured(keras, "thawed in on_epoch_begin: kernels moved in the next fit", movement.kernels[0])
    assert movement.kernels == [0]


@pytest.mark.parametrize("method", ["on_train_begin", "on_epoch_begin"])
@pytest.mark.parametrize("value", [True, False], ids=["thaw", "freeze"])
def test_before_the_first_step_of_the_first_fit_it_counts(keras, method, value, measured):
    base, model = compiled(keras, trainable=not value)
    movement = Movement(keras, base)
    fit(model, setter(keras, base, method, value, first_call=0), movement.callback, epochs=1)
    measured(keras, f"{value} set in the first {method}: kernels moved", movement.kernels[0])
    assert (movement.kernels[0] > 1e-4) is value
    assert (movement.statistics[0] > 1) is value


def test_making_the_training_function_again_freezes_at_once(keras, measured):
    base, model = compiled(keras, trainable=True)
    movement = Movement(keras, base)
    again = setter(keras, base, "on_epoch_begin", False, after=lambda model: model.make_train_function(force=True))
    fit(model, again, movement.callback)
    measured(keras, "frozen and the training function made again: kernels moved, third epoch", movement.kernels[2])
    assert movement.kernels[0] > 1e-4
    assert movement.kernels[2] == movement.statistics[2] == 0


def test_making_the_training_function_again_cannot_thaw(keras):
    base, model = compiled(keras, trainable=False)
    again = setter(keras, base, "on_epoch_begin", True, after=lambda model: model.make_train_function(force=True))
    with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
        fit(model, again)


def test_a_callback_that_stops_the_first_phase_and_a_second_phase(keras, measured):
    def stop(model):
        model.stop_training = True

    base, model = compiled(keras, trainable=False)
    fit(model, setter(keras, base, "on_epoch_end", True, after=stop), epochs=5)
    harness.compile_anew(keras, model)
    movement = Movement(keras, base)
    fit(model, movement.callback, epochs=3, initial_epoch=2)
    measured(keras, "stopped, compiled and trained again: kernels moved", movement.kernels[0])
    assert len(movement.kernels) == 1
    assert movement.kernels[0] > 1e-4
