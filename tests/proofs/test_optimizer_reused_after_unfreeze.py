"""optimizer-reused-after-unfreeze: an optimizer that was built for fewer weights stops the next training run."""

import pytest

from tests.proofs import harness, tapes

pytestmark = pytest.mark.keras

STRANGE_TO_THE_OPTIMIZER = (KeyError, ValueError, NotImplementedError)
"""Keras 2: KeyError. Keras 3: ValueError "Unknown variable", of which 3.12 fails to write the message."""


def trained_once(keras, optimizer, trainable=False):
    """A base with a head, fitted with the base frozen or thawed."""
    base = harness.tiny_base(keras)
    base.trainable = trainable
    model = harness.with_head(keras, base)
    model.compile(optimizer, "mse")
    harness.fit(model)
    return base, model


def fit_again(base, model):
    """How far the base moves in one more epoch."""
    before = harness.kernels(base)
    harness.fit(model)
    return harness.moved(before, harness.kernels(base))


def test_the_same_object_stops_the_second_phase(keras):
    optimizer = keras.optimizers.Adam(1e-3)
    base, model = trained_once(keras, optimizer)
    base.trainable = True
    model.compile(optimizer, "mse")
    before = harness.copies(model.weights)
    assert harness.behaviour(keras).reused_optimizer_raises_after_unfreeze
    with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
        harness.fit(model)
    assert harness.moved(before, harness.copies(model.weights)) == 0


def test_the_optimizer_of_the_model_is_the_same_object(keras):
    base, model = trained_once(keras, keras.optimizers.Adam(1e-3))
    base.trainable = True
    model.compile(model.optimizer, "mse")
    with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
        harness.fit(model)


def test_a_lower_learning_rate_does_not_help(keras):
    optimizer = keras.optimizers.SGD(1e-2)
    base, model = trained_once(keras, optimizer)
    base.trainable = True
    optimizer.learning_rate = 1e-5
    model.compile(optimizer, "mse")
    with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
        harness.fit(model)


@pytest.mark.parametrize("shared", [True, False], ids=["one object", "one each"])
def test_a_discriminator_and_its_combined_model_need_one_each(keras, shared):
    discriminator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    generator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    optimizer = keras.optimizers.Adam(1e-3)
    discriminator.compile(optimizer, "mse")
    discriminator.train_on_batch(*harness.examples())
    discriminator.trainable = False
    gan = keras.Sequential([keras.Input((8,)), generator, discriminator])
    gan.compile(optimizer if shared else keras.optimizers.Adam(1e-3), "mse")
    if shared:
        with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
            gan.train_on_batch(*harness.examples())
    else:
        before = harness.kernels(generator)
        gan.train_on_batch(*harness.examples())
        assert harness.moved(before, harness.kernels(generator)) > 1e-4


@pytest.mark.parametrize("shared", [True, False])
def test_the_loops_of_two_models_need_one_each(keras, shared):
    models = [harness.with_head(keras, harness.tiny_base(keras)) for _ in range(2)]
    first = tapes.optimizer(keras, 1e-4)
    second = first if shared else tapes.optimizer(keras, 1e-4)
    tapes.epoch(tapes.step(keras, models[0], first, lambda: models[0].trainable_variables))
    step = tapes.step(keras, models[1], second, lambda: models[1].trainable_variables)
    if shared:
        with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
            tapes.epoch(step)
    else:
        tapes.epoch(step)


@pytest.mark.parametrize("kind", ["new object", "text"])
def test_a_new_optimizer_trains_the_base(keras, kind, measured):
    base, model = trained_once(keras, keras.optimizers.SGD(1e-2))
    base.trainable = True
    model.compile(keras.optimizers.SGD(1e-2) if kind == "new object" else "sgd", "mse")
    change = fit_again(base, model)
    measured(keras, f"thawed, {kind}: kernels of the base moved", change)
    assert change > 1e-4


def test_freezing_more_is_fine(keras, measured):
    optimizer = keras.optimizers.Adam(1e-3)
    base, model = trained_once(keras, optimizer, trainable=True)
    base.trainable = False
    model.compile(optimizer, "mse")
    head = model.get_layer("head").get_weights()
    change = fit_again(base, model)
    measured(keras, "frozen, same object: kernels of the base moved", change)
    measured(keras, "frozen, same object: head moved", harness.moved(head, model.get_layer("head").get_weights()))
    assert change == 0
    assert harness.moved(head, model.get_layer("head").get_weights()) > 1e-4


def test_freezing_and_thawing_what_it_was_built_for_is_fine(keras, measured):
    optimizer = keras.optimizers.Adam(1e-3)
    base, model = trained_once(keras, optimizer, trainable=True)
    for flag in (False, True):
        base.trainable = flag
        model.compile(optimizer, "mse")
        change = fit_again(base, model)
    measured(keras, "frozen and thawed again, same object: kernels of the base moved", change)
    assert change > 1e-4


def test_an_optimizer_that_has_not_trained_yet_may_be_used_again(keras, measured):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = harness.with_head(keras, base)
    optimizer = keras.optimizers.Adam(1e-3)
    model.compile(optimizer, "mse")
    base.trainable = True
    model.compile(optimizer, "mse")
    change = fit_again(base, model)
    measured(keras, "compiled twice before the first fit: kernels of the base moved", change)
    assert change > 1e-4


def test_an_optimizer_built_for_everything_takes_it(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    base.trainable = False
    model.compile(optimizer, "mse")
    harness.fit(model)
    base.trainable = True
    model.compile(optimizer, "mse")
    change = fit_again(base, model)
    measured(keras, "built for all weights before the freeze: kernels of the base moved", change)
    assert change > 1e-4


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop"])
def test_legacy_optimizers_of_keras_2_take_new_weights(keras2, name, measured):
    optimizer = getattr(keras2.optimizers.legacy, name)(1e-3)
    base, model = trained_once(keras2, optimizer)
    base.trainable = True
    model.compile(optimizer, "mse")
    change = fit_again(base, model)
    measured(keras2, f"thawed, same legacy {name}: kernels of the base moved", change)
    assert change > 1e-4


def test_a_loaded_model_brings_its_built_optimizer_with_it(keras, tmp_path, measured):
    _, model = trained_once(keras, keras.optimizers.Adam(1e-3))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    base = next(layer for layer in loaded.layers if hasattr(layer, "layers"))
    base.trainable = True
    before = harness.kernels(base)
    if harness.behaviour(keras).loaded_optimizer_raises_after_unfreeze:
        with pytest.raises(STRANGE_TO_THE_OPTIMIZER):
            harness.fit(loaded)
    else:
        harness.fit(loaded)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "loaded, thawed, not compiled: kernels of the base moved", change)
    assert change == 0
