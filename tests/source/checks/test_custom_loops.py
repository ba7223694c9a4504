"""Training loops with a tape, as people write them."""

from __future__ import annotations

import pytest

from tests.source.programs import check, variants

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
