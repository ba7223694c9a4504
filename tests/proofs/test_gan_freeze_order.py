"""gan-freeze-order: when the two models of a GAN read the flags decides whom each of them trains."""

import warnings

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

REAL, NOISE, LABELS = (
    np.random.default_rng(0).normal(3.0, 1.0, (16, 4)).astype("float32"),
    np.random.default_rng(1).normal(size=(16, 3)).astype("float32"),
    np.ones((16, 1), "float32"),
)


@pytest.fixture(autouse=True)
def skip_keras_3_6(request):
    """There the second of two compiled models that share layers stops with an AttributeError."""
    version = harness.behaviour(request.getfixturevalue("keras")).version
    if (version.major, version.minor) == (3, 6):
        pytest.skip("Keras 3.6 cannot train such models at all: keras-team/keras#20474")


def networks(keras):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    discriminator = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8),
            layers.BatchNormalization(momentum=0.9),
            layers.LeakyReLU(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(4)], name="generator")
    return discriminator, generator


def joined(keras, discriminator, generator):
    noise = keras.Input((3,))
    return keras.Model(noise, discriminator(generator(noise)), name="gan")


def compile_anew(keras, model):
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")


def own_step(discriminator):
    """How far a step of the discriminator's own training moves its kernels."""
    before = harness.kernels(discriminator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "does not have any trainable weights"
        discriminator.train_on_batch(REAL, LABELS)
    return harness.moved(before, harness.kernels(discriminator))


def combined_step(gan, discriminator, generator):
    """How far a step of the combined model moves the discriminator's kernels; the generator always learns."""
    before, before_generator = harness.kernels(discriminator), harness.kernels(generator)
    gan.train_on_batch(NOISE, LABELS)
    assert harness.moved(before_generator, harness.kernels(generator)) > 1e-3
    return harness.moved(before, harness.kernels(discriminator))


def both_steps(measured, keras, order, gan, discriminator, generator):
    """The second round of the loop: everything is traced and settled."""
    for _ in range(2):
        own, combined = own_step(discriminator), combined_step(gan, discriminator, generator)
    measured(keras, f"{order}: discriminator moved by its own step", own)
    measured(keras, f"{order}: discriminator moved by the combined step", combined)
    return own, combined


def the_classic_recipe(keras):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    discriminator.trainable = False
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    return gan, discriminator, generator


def test_the_classic_recipe_trains_the_discriminator_in_keras_2_only(keras, measured):
    own, combined = both_steps(measured, keras, "frozen after its own compile", *the_classic_recipe(keras))
    assert (own > 1e-3) is harness.behaviour(keras).discriminator_frozen_after_compile_trains
    assert combined == 0


def test_the_classic_recipe_leaves_the_loss_where_it_is_in_keras_3(keras, measured):
    _, discriminator, _ = the_classic_recipe(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        losses = [float(np.ravel(discriminator.train_on_batch(REAL, LABELS))[0]) for _ in range(20)]
    measured(keras, "frozen after its own compile: loss of the discriminator, first step", losses[0])
    measured(keras, "frozen after its own compile: loss of the discriminator, twentieth step", losses[-1])
    learns = harness.behaviour(keras).discriminator_frozen_after_compile_trains
    assert (losses[-1] < 0.9 * losses[0]) is learns
    assert (losses[-1] == pytest.approx(losses[0], abs=1e-5)) is not learns


def test_keras_3_warns_once_in_the_classic_recipe(keras):
    _, discriminator, _ = the_classic_recipe(keras)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            discriminator.train_on_batch(REAL, LABELS)
    told = sum("does not have any trainable weights" in str(warning.message) for warning in caught)
    assert told == (0 if harness.behaviour(keras).discriminator_frozen_after_compile_trains else 1)


def test_a_frozen_view_of_the_discriminator_freezes_the_discriminator(keras, measured):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    frozen = keras.Model(discriminator.inputs, discriminator.outputs)
    frozen.trainable = False
    gan = joined(keras, frozen, generator)
    compile_anew(keras, gan)
    own, combined = both_steps(measured, keras, "frozen through a second model", gan, discriminator, generator)
    assert (own > 1e-3) is harness.behaviour(keras).discriminator_frozen_after_compile_trains
    assert combined == 0


def test_with_all_but_batchnorm_frozen_only_batchnorm_learns_in_keras_3(keras, measured):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    for layer in discriminator.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    own, combined = both_steps(measured, keras, "all but BatchNorm frozen", gan, discriminator, generator)
    assert (own > 1e-3) is harness.behaviour(keras).discriminator_frozen_after_compile_trains
    assert combined == 0


def test_compiled_while_frozen_it_never_trains(keras, measured):
    discriminator, generator = networks(keras)
    discriminator.trainable = False
    compile_anew(keras, discriminator)
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    own, combined = both_steps(measured, keras, "compiled while frozen", gan, discriminator, generator)
    assert own == combined == 0


def test_never_frozen_it_is_trained_by_the_combined_step_too(keras, measured):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    statistics = harness.statistics(discriminator)
    combined_step(gan, discriminator, generator)
    assert harness.moved(statistics, harness.statistics(discriminator)) > 0.01
    own, combined = both_steps(measured, keras, "never frozen", gan, discriminator, generator)
    assert own > 1e-3
    assert combined > 1e-3


def test_frozen_after_the_combined_compile(keras, measured):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    discriminator.trainable = False
    own, combined = both_steps(measured, keras, "frozen after the combined compile", gan, discriminator, generator)
    if harness.behaviour(keras).flags_are_read_at_compile:
        assert own > 1e-3
        assert combined > 1e-3
    else:
        assert own == combined == 0


def test_restored_after_the_combined_compile(keras, measured):
    discriminator, generator = networks(keras)
    discriminator.trainable = False
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    discriminator.trainable = True
    compile_anew(keras, discriminator)
    own, combined = both_steps(measured, keras, "thawed after the combined compile", gan, discriminator, generator)
    assert own > 1e-3
    assert (combined > 1e-3) is not harness.behaviour(keras).flags_are_read_at_compile


def test_toggles_around_each_step_are_right(keras, measured):
    gan, discriminator, generator = the_classic_recipe(keras)
    for _ in range(2):
        discriminator.trainable = True
        own = own_step(discriminator)
        discriminator.trainable = False
        combined = combined_step(gan, discriminator, generator)
    measured(keras, "toggled around each step: discriminator moved by its own step", own)
    measured(keras, "toggled around each step: discriminator moved by the combined step", combined)
    assert own > 1e-3
    assert combined == 0


def test_one_step_of_its_own_before_the_freeze_is_enough(keras, measured):
    discriminator, generator = networks(keras)
    compile_anew(keras, discriminator)
    discriminator.train_on_batch(REAL, LABELS)
    discriminator.trainable = False
    gan = joined(keras, discriminator, generator)
    compile_anew(keras, gan)
    own, combined = both_steps(measured, keras, "trained once before the freeze", gan, discriminator, generator)
    assert own > 1e-3
    assert combined == 0


def test_a_train_step_with_two_lists_of_weights_needs_no_freezing(keras, measured):
    import tensorflow as tf

    loss_of = keras.losses.BinaryCrossentropy()

    class GAN(keras.Model):
        def __init__(self, discriminator, generator):
            super().__init__()
            self.discriminator = discriminator
            self.generator = generator
            self.own_optimizer = keras.optimizers.Adam(1e-2)
            self.generator_optimizer = keras.optimizers.Adam(1e-2)

        def train_step(self, real):
            noise = tf.random.normal((16, 3))
            with tf.GradientTape() as tape:
                loss = loss_of(LABELS, self.discriminator(real, training=True))
            weights = self.discriminator.trainable_weights
            self.own_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))  # noqa: B905
            after_own.assign(self.discriminator.layers[0].kernel)
            with tf.GradientTape() as tape:
                loss = loss_of(LABELS, self.discriminator(self.generator(noise, training=True), training=True))
            weights = self.generator.trainable_weights
            self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))  # noqa: B905
            return {"loss": loss}

    discriminator, generator = networks(keras)
    after_own = tf.Variable(discriminator.layers[0].kernel)
    before, before_generator = harness.kernels(discriminator), harness.kernels(generator)
    model = GAN(discriminator, generator)
    model.compile()
    model.fit(REAL, batch_size=16, epochs=1, verbose=0)
    own = harness.moved(before[:1], [after_own.numpy()])
    combined = harness.moved([after_own.numpy()], harness.kernels(discriminator)[:1])
    measured(keras, "train_step: discriminator moved by its own step", own)
    measured(keras, "train_step: discriminator moved by the generator's step", combined)
    assert own > 1e-3
    assert combined == 0
    assert harness.moved(before_generator, harness.kernels(generator)) > 1e-3
