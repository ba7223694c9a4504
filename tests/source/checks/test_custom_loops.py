"""Training loops with a tape, as people write them."""

from __future__ import annotations

import pytest

from freezelint.edit import apply
from tests.source.programs import check, findings, variants

BOTH = pytest.mark.parametrize("keras", ["2", "3", "any"])
NET = """
import tensorflow as tf
from tensorflow import keras
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()
        self.head = keras.layers.Dense(1)
    {call}
net = Net()
optimizer = keras.optimizers.SGD()
for x, y in data:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((net(x) - y) ** 2){mark}
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
"""


# tape-call-without-training


@BOTH
@pytest.mark.parametrize(
    "call",
    variants("""
    # with the parameter
    def call(self, x, training=None): return self.head(self.norm(x, training=training))

    # without it
    def call(self, x): return self.head(self.norm(x))
    """),
)
def test_a_class_in_inference_mode_is_told_whatever_its_call_takes(call: str, keras: str) -> None:
    check(NET.format(call=call.strip(), mark="  # error: tape-call-without-training"), keras)


@BOTH
@pytest.mark.parametrize(
    "call",
    variants("""
    # pinned inside
    def call(self, x): return self.head(self.norm(x, training=False))

    # pinned inside, with the parameter
    def call(self, x, training=None): return self.head(self.norm(x, training=True))
    """),
)
def test_what_is_pinned_inside_does_not_wait_for_the_caller(call: str, keras: str) -> None:
    check(NET.format(call=call.strip(), mark=""), keras)


# The variables of several models

TWO_MODELS = """
import tensorflow as tf
from tensorflow import keras
f = keras.Sequential([keras.layers.Dense(8), keras.layers.BatchNormalization()])
h = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])
optimizer = keras.optimizers.SGD()
"""


@BOTH
@pytest.mark.parametrize(
    "step",
    variants("""
    # both called
    with tf.GradientTape() as tape:
        z = f(x)  # error: tape-call-without-training
        loss = tf.reduce_mean(h(z) ** 2)  # error: tape-call-without-training
    gf, gh = tape.gradient(loss, [f.trainable_variables, h.trainable_variables])
    optimizer.apply_gradients([*zip(gf, f.trainable_variables), *zip(gh, h.trainable_variables)])

    # their variables added
    with tf.GradientTape() as tape:
        z = f(x)  # error: tape-call-without-training
        loss = tf.reduce_mean(h(z) ** 2)  # error: tape-call-without-training
    params = f.trainable_variables + h.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, params), params))

    # two views of each example, as in SimSiam
    with tf.GradientTape() as tape:
        z1 = f(a)  # error: tape-call-without-training
        z2 = f(b)  # error: tape-call-without-training
        p1 = h(z1)  # error: tape-call-without-training
        p2 = h(z2)  # error: tape-call-without-training
        loss = distance(p1, tf.stop_gradient(z2)) + distance(p2, tf.stop_gradient(z1))
    params = [*f.trainable_variables, *h.trainable_variables]
    optimizer.apply_gradients(zip(tape.gradient(loss, params), params))

    # one says what mode it wants
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(h(f(x, training=True)) ** 2)  # error: tape-call-without-training
    params = [f.trainable_variables, h.trainable_variables]
    optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))

    # the other model's variables are not in the list
    with tf.GradientTape() as tape:
        z = f(x)
        loss = tf.reduce_mean(h(z) ** 2)  # error: tape-call-without-training
    params = [h.trainable_variables, [temperature]]
    optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))

    # the rest of the list is not known
    with tf.GradientTape() as tape:
        z = f(x)  # error: tape-call-without-training
        loss = tf.reduce_mean(h(z) ** 2)
    params = [f.trainable_variables, others()]
    optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))

    # one of them is frozen
    f.trainable = h.trainable = False
    g = keras.Sequential([keras.layers.Dense(1), keras.layers.BatchNormalization()])
    with tf.GradientTape() as tape:
        z = h(f(x))
        loss = tf.reduce_mean(g(z) ** 2)  # error: tape-call-without-training
    params = [f.trainable_variables, h.trainable_variables, g.trainable_variables]
    optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))

    # filtered
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(h(f(x)) ** 2)
    params = [v for v in f.trainable_variables if "gamma" not in v.name]
    optimizer.apply_gradients(zip(tape.gradient(loss, params), params))
    """),
)
def test_a_call_of_each_model_whose_variables_are_in_the_list_is_told(step: str, keras: str) -> None:
    check(TWO_MODELS + step, keras)


@BOTH
def test_the_tape_of_a_discriminator_does_not_train_the_generator(keras: str) -> None:
    check(
        """
        import tensorflow as tf
        from tensorflow import keras
        generator = keras.Sequential([keras.layers.Dense(8), keras.layers.BatchNormalization()])
        encoder = keras.Sequential([keras.layers.Dense(8), keras.layers.BatchNormalization()])
        discriminator = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])
        g_optimizer, d_optimizer = keras.optimizers.Adam(), keras.optimizers.Adam()

        @tf.function
        def step(images):
            with tf.GradientTape() as g_tape:
                g_loss = loss_of(discriminator(generator(encoder(images), training=True)))  # error: tape-call-without-training
            with tf.GradientTape() as d_tape:
                fake = generator(encoder(images))
                real = discriminator(images)  # error: tape-call-without-training
                d_loss = loss_of(real, discriminator(fake, training=True))
            trained = generator.trainable_variables + encoder.trainable_variables
            g_optimizer.apply_gradients(zip(g_tape.gradient(g_loss, trained), trained))
            variables = discriminator.trainable_variables
            d_optimizer.apply_gradients(zip(d_tape.gradient(d_loss, variables), variables))

        for images in data:
            step(images)
        """,
        keras,
    )


@BOTH
def test_tapes_whose_variables_are_swapped_train_what_they_are_given(keras: str) -> None:
    check(
        TWO_MODELS
        + """
with tf.GradientTape() as first, tf.GradientTape() as second:
    z = f(x, training=True)
    loss = tf.reduce_mean(h(x) ** 2)  # error: tape-call-without-training
optimizer.apply_gradients(pairs(first.gradient(loss, [h.trainable_variables]), h.trainable_variables))
optimizer.apply_gradients(pairs(second.gradient(z, [f.trainable_variables]), f.trainable_variables))
""",
        keras,
    )


@BOTH
def test_frozen_variables_in_a_list_of_lists_are_told_without_a_fix(keras: str) -> None:
    program = (
        TWO_MODELS
        + """
h.trainable = False
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(h(f(x, training=True), training=True) ** 2)
params = [f.weights, h.weights]  # error: gradients-over-all-weights
optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))
"""
    )
    check(program.replace("Dropout(0.5)", "Dense(1)"), keras)
    (finding,) = findings(program.replace("Dropout(0.5)", "Dense(1)"), keras)
    assert finding.fix is None
    assert "`h`" in finding.message


@BOTH
def test_a_list_of_lists_from_before_the_freeze_is_old(keras: str) -> None:
    check(
        TWO_MODELS
        + """
params = [f.trainable_variables, h.trainable_variables]
f.trainable = False  # error: stale-trainable-variables
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(h(f(x, training=True), training=True) ** 2)
optimizer.apply_gradients(pairs(tape.gradient(loss, params), params))
""",
        keras,
    )


# A training step of a model that is given its parts

DISTILLER = """
import tensorflow as tf

class Distiller(tf.keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student = student
        self.teacher = teacher

    def train_step(self, data):
        x, y = data
        wanted = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.student({call}) - wanted) ** 2){mark}
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables))
        return {{"loss": loss}}

student = tf.keras.Sequential([tf.keras.layers.Dense(8), {layer}])
teacher = tf.keras.Sequential([tf.keras.layers.Dense(8), tf.keras.layers.BatchNormalization()])
model = Distiller(student, teacher)
model.compile("adam")
model.fit(train)
"""


@BOTH
def test_a_step_is_that_of_the_model_that_the_program_makes(keras: str) -> None:
    mark = "  # error: tape-call-without-training"
    check(DISTILLER.format(call="x", layer="tf.keras.layers.BatchNormalization()", mark=mark), keras)


@BOTH
@pytest.mark.parametrize(("call", "layer"), [("x, training=True", "Dropout(0.5)"), ("x", "LayerNormalization()")])
def test_a_step_that_says_its_mode_or_has_no_need_of_one_is_right(call: str, layer: str, keras: str) -> None:
    check(DISTILLER.format(call=call, layer=f"tf.keras.layers.{layer}", mark=""), keras)


# gradients-over-all-weights

TWO_OPTIMIZERS = """
import tensorflow as tf
f = tf.keras.Sequential([tf.keras.layers.Dense(8)])
h = tf.keras.Sequential([tf.keras.layers.Dense(8), tf.keras.layers.Dense(8)])
h.layers[0].trainable = False
one, two = tf.keras.optimizers.SGD(), tf.keras.optimizers.SGD()
with tf.GradientTape() as first, tf.GradientTape() as second:
    a, b = tf.reduce_mean(f(x)), tf.reduce_mean(h(x))
of_f = first.gradient(a, f.weights)
of_h = second.gradient(b, h.{list})
one.apply_gradients(zip(of_f, f.weights))
two.apply_gradients(zip(of_h, h.{list}))
"""


@BOTH
def test_the_fix_changes_the_lists_of_the_model_that_is_partly_frozen(keras: str) -> None:
    program = TWO_OPTIMIZERS.format(list="weights")
    fixes = [finding.fix for finding in findings(program, keras) if finding.name == "gradients-over-all-weights"]
    fixed, _ = apply(program.encode(), "program.py", [fix for fix in fixes if fix is not None])
    assert fixed.decode() == TWO_OPTIMIZERS.format(list="trainable_weights")
