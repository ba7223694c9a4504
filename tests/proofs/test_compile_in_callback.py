"""compile-in-callback: `compile` throws away the training function that `fit` is about to call."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def prepared(keras):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    return base, model


def compiler(keras, base, method, first_call=1, optimizer=None):
    """A callback that thaws the base and compiles the model, in the given method from its second call on."""

    class Compiler(keras.callbacks.Callback):
        calls = 0

    def hook(self, number=None, logs=None):
        if self.calls == first_call:
            base.trainable = True
            self.model.compile(optimizer or keras.optimizers.SGD(1e-2), "mse")
        self.calls += 1

    setattr(Compiler, method, hook)
    return Compiler()


def fit(model, *callbacks, epochs=2):
    inputs, targets = harness.examples()
    model.fit(
        inputs, targets, batch_size=harness.BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)
    )


@pytest.mark.parametrize(
    "method", ["on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end", "on_batch_end"]
)
def test_fit_stops_with_an_error(keras, method):
    base, model = prepared(keras)
    assert harness.behaviour(keras).compile_in_callback_crashes
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        fit(model, compiler(keras, base, method), epochs=3)


def test_after_the_last_step_nothing_is_left_to_stop(keras, measured):
    base, model = prepared(keras)
    fit(model, compiler(keras, base, "on_epoch_end"), epochs=2)
    before = harness.kernels(base)
    fit(model, epochs=1)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "compiled in the last on_epoch_end: kernels moved in the next fit", change)
    assert change > 1e-4


@pytest.mark.parametrize("method", ["on_train_begin", "on_epoch_begin"])
def test_it_stops_in_the_first_call_too(keras, method):
    base, model = prepared(keras)
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        fit(model, compiler(keras, base, method, first_call=0))


def test_at_the_end_of_training_it_works_and_counts_in_the_next_fit(keras, measured):
    base, model = prepared(keras)
    fit(model, compiler(keras, base, "on_train_end", first_call=0))
    before = harness.kernels(base)
    fit(model, epochs=1)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "compiled in on_train_end: kernels moved in the next fit", change)
    assert change > 1e-4


def test_compiling_another_model_is_fine(keras, measured):
    _, model = prepared(keras)
    other = harness.with_head(keras, harness.tiny_base(keras))

    class CompileTheOther(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            other.compile(keras.optimizers.SGD(1e-2), "mse")

    head = model.get_layer("head").get_weights()
    fit(model, CompileTheOther())
    assert harness.moved(head, model.get_layer("head").get_weights()) > 1e-3


def test_two_phases_train_the_base(keras, measured):
    base, model = prepared(keras)
    fit(model, epochs=1)
    base.trainable = True
    harness.compile_anew(keras, model)
    before = harness.kernels(base)
    inputs, targets = harness.examples()
    history = model.fit(inputs, targets, batch_size=harness.BATCH, epochs=2, initial_epoch=1, shuffle=False, verbose=0)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "two phases: kernels moved in the second", change)
    assert history.epoch == [1]
    assert change > 1e-4
