"""fine-tuning-learning-rate: at the rate of a new model one epoch wipes out what a base had learned."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.keras

HIGH = {
    "Adam(1e-3)": ("Adam", 1e-3),
    "Adam(5e-4)": ("Adam", 5e-4),
    "RMSprop(1e-3)": ("RMSprop", 1e-3),
    "SGD(1e-2)": ("SGD", 1e-2),
}
LOW = {"Adam(1e-4)": ("Adam", 1e-4), "Adam(1e-5)": ("Adam", 1e-5), "SGD(1e-4)": ("SGD", 1e-4)}
DEFAULTS = {"adam": 1e-3, "rmsprop": 1e-3, "nadam": 1e-3, "adamax": 1e-3, "sgd": 1e-2}


def data():
    """What the base was trained on, and a new set: shifted inputs, another and noisy target."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(8, 16)) / np.sqrt(8)
    old_readout, new_readout = random.normal(size=(16, 4)) / 4, random.normal(size=(16, 1)) / 4
    old = random.normal(size=(2048, 8))
    new = random.normal(0.5, 1.0, (1024, 8))
    noisy = np.maximum(new @ hidden, 0) @ new_readout + random.normal(size=(1024, 1))
    pairs = (old, np.maximum(old @ hidden, 0) @ old_readout), (new, noisy)
    return [tuple(array.astype("float32") for array in pair) for pair in pairs]


def error(model, inputs, targets):
    """The mean squared error, as a share of the variance of the targets."""
    return float(np.mean((np.asarray(model(inputs)) - targets) ** 2) / np.var(targets))


@functools.cache
def ready_for_fine_tuning(keras):
    """A base trained on the old data, with its old head and with a new one that was trained while it was frozen."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    old, new = data()
    hidden = [layers.Dense(32, activation="relu", kernel_initializer="he_normal") for _ in range(4)]
    base = keras.Sequential([keras.Input((8,)), *hidden])
    before = keras.Sequential([keras.Input((8,)), base, layers.Dense(4)])
    before.compile(keras.optimizers.Adam(3e-3), "mse")
    before.fit(*old, batch_size=32, epochs=8, shuffle=False, verbose=0)
    base.trainable = False
    model = keras.Sequential([keras.Input((8,)), base, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.fit(*new, batch_size=32, epochs=3, shuffle=False, verbose=0)
    base.trainable = True
    return SimpleNamespace(base=base, before=before, model=model, old=old, new=new, weights=model.get_weights())


@functools.cache
def fine_tuned(keras, optimizer, rate):
    """One epoch of 256 steps with the base thawed; every call starts from the same weights."""
    tuned = ready_for_fine_tuning(keras)
    tuned.model.set_weights(tuned.weights)
    features, known = np.asarray(tuned.base(tuned.old[0])), error(tuned.before, *tuned.old)
    tuned.model.compile(getattr(keras.optimizers, optimizer)(learning_rate=rate), "mse")
    tuned.model.fit(*tuned.new, batch_size=4, epochs=1, shuffle=False, verbose=0)
    drift = np.linalg.norm(np.asarray(tuned.base(tuned.old[0])) - features) / np.linalg.norm(features)
    return SimpleNamespace(
        drift=float(drift), forgotten=error(tuned.before, *tuned.old) / known, new=error(tuned.model, *tuned.new)
    )


def note(measured, keras, name, result):
    measured(keras, f"{name}: features of the old data moved (relative)", result.drift)
    measured(keras, f"{name}: error on the old data, times what it was", result.forgotten)
    measured(keras, f"{name}: error on the new data, share of the variance", result.new)


def test_the_base_had_learned_something(keras, measured):
    tuned = ready_for_fine_tuning(keras)
    tuned.model.set_weights(tuned.weights)
    known = error(tuned.before, *tuned.old)
    measured(keras, "before fine-tuning: error on the old data, share of the variance", known)
    measured(keras, "before fine-tuning: error on the new data", error(tuned.model, *tuned.new))
    assert known < 0.15


@pytest.mark.parametrize("name", HIGH)
def test_a_high_rate_wipes_out_what_was_learned(keras, name, measured):
    result = fine_tuned(keras, *HIGH[name])
    note(measured, keras, name, result)
    assert result.drift > 0.1
    assert result.forgotten > 1.25


@pytest.mark.parametrize("name", LOW)
def test_a_low_rate_keeps_it(keras, name, measured):
    result = fine_tuned(keras, *LOW[name])
    note(measured, keras, name, result)
    assert result.drift < 0.1
    assert result.forgotten < 1.2


@pytest.mark.parametrize(("high", "low"), [(("Adam", 1e-3), ("Adam", 1e-5)), (("SGD", 1e-2), ("SGD", 1e-4))])
def test_a_hundredth_of_the_rate_moves_the_features_a_tenth_at_most(keras, high, low):
    assert fine_tuned(keras, *high).drift > 10 * fine_tuned(keras, *low).drift


def test_a_low_rate_trains_all_the_same(keras):
    tuned = ready_for_fine_tuning(keras)
    tuned.model.set_weights(tuned.weights)
    assert fine_tuned(keras, "Adam", 1e-5).new < error(tuned.model, *tuned.new)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_text_means_a_high_rate(keras, name):
    optimizer = keras.optimizers.get(name)
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(DEFAULTS[name])
