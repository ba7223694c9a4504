"""Rates and optimizers, as people write them."""

from __future__ import annotations

import textwrap

import pytest

from freezelint.api import check_source
from tests.source.programs import check, variants

BOTH = pytest.mark.parametrize("keras", ["2", "3", "any"])
THAWED = """
import keras
base = keras.applications.VGG16(include_top=False, pooling="avg")
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(10)])
model.compile("adam", "mse")
model.fit(x)
base.trainable = True
model.compile("adam", "mse")
model.fit(x, callbacks=[{callback}])
"""


def told(program: str, keras: str) -> set[str]:
    return {finding.name for finding in check_source(textwrap.dedent(program), keras=keras)}


# fine-tuning-learning-rate


@BOTH
@pytest.mark.parametrize("callback", ["", "keras.callbacks.EarlyStopping()", "keras.callbacks.ReduceLROnPlateau()"])
def test_a_rate_that_stays_or_falls_later_is_told(callback: str, keras: str) -> None:
    assert "fine-tuning-learning-rate" in told(THAWED.format(callback=callback), keras)


@BOTH
@pytest.mark.parametrize("callback", ["keras.callbacks.LearningRateScheduler(warm_up)", "OneCycle(1e-4)"])
def test_a_rate_that_a_callback_sets_is_not(callback: str, keras: str) -> None:
    assert "fine-tuning-learning-rate" not in told(THAWED.format(callback=callback), keras)


@BOTH
def test_what_a_step_of_the_models_own_does_not_train_is_not_told(keras: str) -> None:
    program = """
        import keras
        import tensorflow as tf
        teacher = keras.applications.VGG16(include_top=False, pooling="avg")
        teacher.trainable = False
        teacher.trainable = True
        class Distiller(keras.Model):
            def __init__(self):
                super().__init__()
                self.teacher = teacher
                self.student = keras.layers.Dense(10)
            def train_step(self, data):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((self.student(data) - self.teacher(data)) ** 2)
                gradients = tape.gradient(loss, self.student.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables))
        model = Distiller()
        model.compile(keras.optimizers.Adam(0.01))
        model.fit(x)
    """
    assert "fine-tuning-learning-rate" not in told(program, keras)


@BOTH
@pytest.mark.parametrize(
    "program",
    variants("""
    # weights that the program saved itself
    base = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    model = keras.Sequential([base, keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.save_weights("start.weights.h5")
    model.fit(x)
    model.load_weights("start.weights.h5")
    base.trainable = False
    base.trainable = True
    model.compile("sgd", "mse")
    model.fit(x)

    # a model that another one takes the place of before it was trained
    base = keras.applications.InceptionV3(include_top=False, pooling="avg")
    base.trainable = False
    base.trainable = True
    model = keras.Sequential([base, keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(x)
    """),
)
def test_what_was_not_learned_elsewhere_or_is_not_trained_is_not_told(program: str, keras: str) -> None:
    assert not told("import keras\n" + program, keras) & {"fine-tuning-learning-rate", "unfrozen-batchnorm"}


# optimizer-reused-after-unfreeze

GAN = """
{imports}
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import Adam
optimizer = Adam(0.0002, 0.5)
critic = Sequential([Dense(1, input_shape=(4,))])
critic.compile(loss="mse", optimizer=optimizer)
generator = Sequential([Dense(4, input_shape=(3,))])
noise = Input((3,))
critic.trainable = False
both = Model(noise, critic(generator(noise)))
both.compile(loss="mse", optimizer=optimizer){mark}
while True:
    critic.train_on_batch(x, y)
    both.train_on_batch(z, y)
"""


def test_one_optimizer_for_two_models_is_told() -> None:
    check(GAN.format(imports="import tensorflow", mark="  # error: optimizer-reused-after-unfreeze"), "2")


@pytest.mark.parametrize(
    "imports", ["from keras.layers.advanced_activations import LeakyReLU", "from keras_contrib.layers import CRF"]
)
def test_a_program_of_a_time_when_that_worked_is_left_alone(imports: str) -> None:
    check(GAN.format(imports=imports, mark=""), "auto")


TAPES = """
import tensorflow as tf
first = tf.keras.Sequential([tf.keras.layers.Dense(1)])
second = tf.keras.Sequential([tf.keras.layers.Dense(1)])
first.trainable = {trainable}
optimizer = tf.keras.optimizers.Adam()
def step(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x, training=True))
    weights = model.trainable_variables
    {apply}
"""
APPLY = "optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))"
REUSED = "  # error: optimizer-reused-after-unfreeze"


@BOTH
@pytest.mark.parametrize(
    ("trainable", "then"),
    [(True, "step(first)\nstep(second)"), (False, "step(second)\nstep(first)\nfirst.trainable = True\nstep(first)")],
)
def test_one_optimizer_for_the_loops_of_two_models_is_told(trainable: bool, then: str, keras: str) -> None:
    program = TAPES.format(trainable=trainable, apply=APPLY + REUSED) + then
    check(program, keras, "optimizer-reused-after-unfreeze")


@BOTH
@pytest.mark.parametrize(
    ("apply", "then"),
    [
        (APPLY, "step(first)\nstep(first)"),
        (APPLY, "step(first)\noptimizer = tf.keras.optimizers.Adam()\nstep(second)"),
        (APPLY, "optimizer.build(first.trainable_variables + second.trainable_variables)\nstep(first)\nstep(second)"),
        (APPLY.replace("optimizer", "optimizers[model]"), "step(first)\nstep(second)"),
        (APPLY.replace("optimizer", "tf.compat.v1.train.AdamOptimizer()"), "step(first)\nstep(second)"),
        (APPLY.replace("zip(", "list(zip(") + ")", "step(first)\nstep(first)"),
    ],
)
def test_an_optimizer_that_knows_what_it_is_given_is_not(apply: str, then: str, keras: str) -> None:
    check(TAPES.format(trainable=True, apply=apply) + then, keras, "optimizer-reused-after-unfreeze")
