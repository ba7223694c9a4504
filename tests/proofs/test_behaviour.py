"""The rows of `freezelint/keras/behaviour.py` that no rule's proof measures yet: one test per row, named after it.

A row is compared with what the Keras that runs does, so the tests hold for every version that the table covers.
"""

import functools

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.fixture
def holds(keras):
    """What the table says about the Keras that runs, row by row."""
    return harness.behaviour(keras)


def trains(keras, part):
    """How far the weights of `part` move when it is trained inside an outer model, below a head of its own."""
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(part(inputs)))
    harness.compile_anew(keras, model, learning_rate=1e-4)
    before = harness.copies(part.weights)
    harness.fit(model)
    change = harness.moved(before, harness.copies(part.weights))
    assert np.isfinite(change)
    return change


def dense_in_a_model(keras, **arguments):
    inputs = keras.Input((8,))
    return keras.Model(inputs, keras.layers.Dense(8)(inputs), **arguments)


def dense_inside(keras, made_in):
    """A composite layer that makes a Dense in its `__init__` or in its `build`."""

    class Composite(keras.layers.Layer):
        def __init__(self, **arguments):
            super().__init__(**arguments)
            if made_in == "init":
                self.inner = keras.layers.Dense(8)

        def build(self, shape):
            if made_in == "build":
                self.inner = keras.layers.Dense(8)
            self.inner.build(shape)
            super().build(shape)

        def call(self, x):
            return self.inner(x)

        def compute_output_shape(self, shape):
            return (shape[0], 8)

    return Composite


# Which mode BatchNorm and Dropout run in


def share_dropped_in_fit(keras, **call):
    """The share of the outputs of a frozen base, called with `call`, that its Dropout changes during `fit`.

    All weights are identities, and a Dropout of one half makes 0 or 2 of every 1: the squared error counts them.
    """
    inputs = keras.Input((8,))
    base = keras.Model(inputs, keras.layers.Dropout(0.5)(identity(keras)(inputs)))
    base.trainable = False
    outer = keras.Input((8,))
    model = keras.Model(outer, identity(keras)(base(outer, **call)))
    harness.compile_anew(keras, model, learning_rate=0.0)
    ones = np.ones((64, 8), "float32")
    return model.fit(ones, ones, batch_size=8, verbose=0).history["loss"][0]


def identity(keras):
    return keras.layers.Dense(8, use_bias=False, kernel_initializer="identity")


def test_wired_false_silences_frozen_dropout(keras, holds, measured):
    share = share_dropped_in_fit(keras, training=False)
    measured(keras, "Dropout in a frozen base(x, training=False): share of values changed in fit", share)
    assert (share == 0) is holds.wired_false_silences_frozen_dropout


def test_freezing_stops_dropout_in_fit(keras, holds, measured):
    share = share_dropped_in_fit(keras)
    measured(keras, "Dropout in a frozen base(x): share of values changed in fit", share)
    assert (share == 0) is holds.freezing_stops_dropout


@pytest.mark.parametrize(
    ("kind", "amount"), [("Dropout", 0.5), ("GaussianNoise", 1.0), ("RandomRotation", 0.5), ("RandomZoom", 0.5)]
)
def test_freezing_stops_dropout_noise_and_augmentation(keras, holds, kind, amount):
    layer = getattr(keras.layers, kind)(amount)
    layer.trainable = False
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    noisy = np.asarray(layer(images, training=True))
    assert np.array_equal(noisy, images) is holds.freezing_stops_dropout


def statistics_moved_by_a_plain_call(keras, before_batchnorm, shape):
    """How far BatchNorm statistics move when a model, `before_batchnorm` first, is called without `training`."""
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.9)(before_batchnorm(inputs)))
    before = harness.statistics(model)
    model(np.random.default_rng(0).normal(5.0, 3.0, (16, *shape)).astype("float32"))
    return harness.moved(before, harness.statistics(model))


def test_call_default_leaks_training(keras, holds, measured):
    class TrueByDefault(keras.layers.Layer):
        def call(self, x, training=True):
            return x

    change = statistics_moved_by_a_plain_call(keras, TrueByDefault(), (8,))
    measured(keras, "model(x) behind a call with training=True by default: statistics moved", change)
    assert (change > 0) is holds.call_default_leaks_training


@pytest.mark.parametrize("kind", ["Resizing", "CenterCrop"])
def test_preprocessing_leaks_training(keras, holds, measured, kind):
    change = statistics_moved_by_a_plain_call(keras, getattr(keras.layers, kind)(4, 4), (8, 8, 3))
    measured(keras, f"model(x) behind {kind}: statistics moved", change)
    assert (change > 0) is holds.preprocessing_leaks_training


def test_positional_training_is_accepted(keras, holds):
    layer = keras.layers.BatchNormalization()
    inputs = harness.examples()[0]
    layer(inputs)
    if holds.positional_training_is_accepted:
        before = harness.statistics(layer)
        layer(inputs, True)
        assert harness.moved(before, harness.statistics(layer)) > 0
    else:
        with pytest.raises(ValueError, match="positional"):
            layer(inputs, True)


@pytest.fixture
def spectral_normalization(keras, monkeypatch):
    """A frozen, built SpectralNormalization.

    That of tf_keras takes its InputSpec from `tf.keras`, which is Keras 3 unless TF_USE_LEGACY_KERAS is set.
    """
    import tensorflow.compat.v2 as tf

    monkeypatch.setattr(tf.keras.layers, "InputSpec", keras.layers.InputSpec)
    keras.utils.set_random_seed(0)
    layer = keras.layers.SpectralNormalization(keras.layers.Dense(8))
    layer(harness.examples()[0])
    layer.trainable = False
    return layer


def test_spectral_normalization_can_be_frozen(keras, holds, measured, spectral_normalization):
    kernel = spectral_normalization.layer.kernel
    before = harness.copies([kernel])
    spectral_normalization(harness.examples()[0], training=True)
    change = harness.moved(before, harness.copies([kernel]))
    measured(keras, "kernel under a frozen SpectralNormalization: moved by a call with training=True", change)
    assert (change == 0) is holds.spectral_normalization_can_be_frozen


def test_spectral_normalization_can_be_frozen_in_fit(keras3, measured):
    layer = keras3.layers.SpectralNormalization(keras3.layers.Dense(8))
    layer.trainable = False
    inputs = keras3.Input((8,))
    model = keras3.Model(inputs, keras3.layers.Dense(1)(layer(inputs)))
    harness.compile_anew(keras3, model, learning_rate=1e-4)
    before = harness.copies([layer.layer.kernel])
    harness.fit(model)
    change = harness.moved(before, harness.copies([layer.layer.kernel]))
    measured(keras3, "kernel under a frozen SpectralNormalization: moved in fit", change)
    assert (change == 0) is harness.behaviour(keras3).spectral_normalization_can_be_frozen


# What a flag covers


@pytest.mark.parametrize("value", [False, True])
def test_same_value_assignment_propagates(keras, holds, value):
    base = harness.tiny_base(keras)
    base.trainable = value
    base.get_layer("d0").trainable = not value
    base.trainable = value
    assert (base.get_layer("d0").trainable is value) is holds.same_value_assignment_propagates


@pytest.mark.parametrize("kind", ["functional model", "composite layer"])
def test_constructor_flag_freezes_children(keras, holds, measured, kind):
    make = functools.partial(dense_in_a_model, keras) if kind == "functional model" else dense_inside(keras, "init")
    part = make(trainable=False)
    change = trains(keras, part)
    measured(keras, f"{kind} made with trainable=False: weights moved", change)
    assert (change == 0) is holds.constructor_flag_freezes_children


def test_constructor_flag_never_stops_batchnorm(keras, measured):
    inputs = keras.Input((8,))
    part = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.9)(inputs), trainable=False)
    change = trains(keras, part)
    measured(keras, "BatchNorm in a model made with trainable=False: moved", change)
    assert change > 0.1


def test_flag_before_sublayers_freezes_them(keras, holds, measured):
    class FrozenFirst(keras.Model):
        def __init__(self):
            super().__init__()
            self.trainable = False
            self.inner = keras.layers.Dense(8)

        def call(self, x):
            return self.inner(x)

    part = FrozenFirst()
    part(harness.examples()[0])
    change = trains(keras, part)
    measured(keras, "sub-layer assigned after self.trainable = False: weights moved", change)
    assert (change == 0) is holds.flag_before_sublayers_freezes_them


def test_sequential_takes_trainable(keras, holds, measured):
    layers = [keras.Input((8,)), keras.layers.Dense(8)]
    if not holds.sequential_takes_trainable:
        with pytest.raises(TypeError):
            keras.Sequential(layers, trainable=False)
        return
    change = trains(keras, keras.Sequential(layers, trainable=False))
    measured(keras, "Sequential made with trainable=False: weights moved", change)
    assert (change == 0) is holds.constructor_flag_freezes_children


def test_sublayers_created_after_freeze_train(keras, holds, measured):
    part = dense_inside(keras, "build")()
    part.trainable = False
    change = trains(keras, part)
    measured(keras, "sub-layer created in build, after the freeze: weights moved", change)
    assert (change > 0) is holds.sublayers_created_after_freeze_train


def test_unbuilt_layer_can_be_frozen(keras, holds, measured):
    layer = keras.layers.Dense(8)
    layer.trainable = False
    change = trains(keras, layer)
    measured(keras, "Dense frozen before it was built: weights moved", change)
    assert (change == 0) is holds.unbuilt_layer_can_be_frozen


def layer_with(keras, value):
    """An otherwise empty layer with `value` in an attribute."""
    layer = keras.layers.Layer()
    layer.kept = value
    return layer


def test_set_of_layers_is_tracked(keras, holds, measured):
    inner = keras.layers.Dense(8)
    inner.build((None, 8))
    layer = layer_with(keras, {inner})
    measured(keras, "weights of a layer that keeps a Dense in a set", len(layer.weights))
    layer.trainable = False
    assert (len(layer.weights) == 2) is (not inner.trainable) is holds.set_of_layers_is_tracked


def test_tf_variable_is_tracked(keras, holds, measured):
    import tensorflow as tf

    layer = layer_with(keras, tf.Variable(1.0))
    measured(keras, "weights of a layer that keeps a tf.Variable", len(layer.weights))
    assert (len(layer.weights) == 1) is holds.tf_variable_is_tracked


def test_lambda_tracks_a_model(keras, holds, measured):
    base = harness.tiny_base(keras)
    inputs = keras.Input((8,))
    direct = keras.Model(inputs, keras.layers.Lambda(base, output_shape=(8,))(inputs))
    behind_a_function = keras.Model(inputs, keras.layers.Lambda(lambda x: base(x), output_shape=(8,))(inputs))
    measured(keras, f"Lambda(model): weights seen, of {len(base.weights)}", len(direct.weights))
    assert len(behind_a_function.weights) == 0
    assert len(direct.weights) == (len(base.weights) if holds.lambda_tracks_a_model else 0)


def with_frozen_base(keras):
    base = harness.tiny_base(keras)
    base.trainable = False
    return harness.with_head(keras, base)


def only_the_container_may_be_thawed(model, flag_survives):
    base = model.get_layer("base")
    assert base.trainable is (not flag_survives)
    assert not any(layer.trainable for layer in base.layers if layer.weights)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_container_flag_survives_reload(keras, holds, tmp_path, suffix):
    path = str(tmp_path / f"model{suffix}")
    with_frozen_base(keras).save(path)
    only_the_container_may_be_thawed(keras.models.load_model(path), holds.container_flag_survives_reload)


def test_container_flag_survives_cloning(keras, holds):
    clone = keras.models.clone_model(with_frozen_base(keras))
    only_the_container_may_be_thawed(clone, holds.container_flag_survives_cloning)


def test_h5_order_depends_on_flags(keras, holds, measured, tmp_path):
    def model_with(first_frozen):
        inputs = keras.Input((8,))
        x = inputs
        for number in range(3):
            x = keras.layers.Dense(8, name=f"d{number}")(x)
        base = keras.Model(inputs, x, name="base")
        base.get_layer("d0").trainable = not first_frozen
        return base, harness.with_head(keras, base)

    saved_base, saved = model_with(first_frozen=False)
    saved.save(str(tmp_path / "model.h5"))
    wrong = {}
    for first_frozen in (False, True):
        base, model = model_with(first_frozen)
        model.load_weights(str(tmp_path / "model.h5"))
        wrong[first_frozen] = sum(
            not np.array_equal(old.kernel.numpy(), new.kernel.numpy())
            for old, new in zip(saved_base.layers[1:], base.layers[1:], strict=True)
        )
    measured(keras, "kernels misassigned after loading under other flags, of 3", wrong[True])
    assert wrong[False] == 0
    assert (wrong[True] > 0) is holds.h5_order_depends_on_flags


def test_lora_exists(keras, holds):
    layer = keras.layers.Dense(8)
    layer.build((None, 8))
    assert hasattr(layer, "enable_lora") is hasattr(layer, "quantize") is holds.lora_exists
    if holds.lora_exists:
        layer.enable_lora(2)
        assert not layer._kernel.trainable
        layer.trainable = False
        layer.trainable = True
        assert layer._kernel.trainable


# When a flag is read


def test_ema_survives_freeze(keras, holds, measured):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, use_bias=False) for _ in range(3)]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile(keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.9), "mse")
    inputs = harness.examples()[0]
    model.fit(inputs, inputs, verbose=0)
    layers[0].trainable = False
    model.compile(model.optimizer, "mse")
    before = harness.kernels(model)
    model.fit(inputs, inputs, verbose=0)
    after = harness.kernels(model)
    nearest = [int(np.argmin([np.abs(new - old).max() for old in before])) for new in after]
    measured(keras, "kernels that took the place of another, of 3", sum(old != new for new, old in enumerate(nearest)))
    assert (nearest == [0, 1, 2]) is holds.ema_survives_freeze


# What training and saving do


def test_tape_watches_frozen_variables(keras, holds):
    import tensorflow as tf

    frozen = keras.layers.Dense(5)
    model = keras.Sequential([keras.Input((8,)), frozen, keras.layers.Dense(1)])
    frozen.trainable = False
    with tf.GradientTape() as tape:
        model(harness.examples()[0], training=True)
    watched = {tuple(variable.shape) for variable in tape.watched_variables()}
    assert (tuple(frozen.kernel.shape) in watched) is holds.tape_watches_frozen_variables


def test_frozen_regularizers_stay_in_loss(keras, holds, measured):
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(1.0))
    model = keras.Sequential([keras.Input((8,)), layer, keras.layers.Dense(1)])

    def loss():
        harness.compile_anew(keras, model)
        return model.evaluate(*harness.examples(), verbose=0)

    thawed = loss()
    layer.trainable = False
    dropped = thawed - loss()
    measured(keras, "loss that freezing takes away with the regularizer", dropped)
    assert (dropped < 1e-3) is holds.frozen_regularizers_stay_in_loss
