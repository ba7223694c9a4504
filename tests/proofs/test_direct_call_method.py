"""direct-call-method: `layer.call(x)` goes round Keras, and the training mode never reaches the layer."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def model(keras, run):
    """A model whose `call` is `run(self, x, training)`, with BatchNorm and a Dropout that drops nearly everything."""

    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(8)
            self.norm = keras.layers.BatchNormalization(momentum=0.9)
            self.norm.build((None, 8))
            self.drop = keras.layers.Dropout(0.9)
            self.head = keras.layers.Dense(1)

        def call(self, inputs, training=None):
            return self.head(run(self, self.dense(inputs), training))

    keras.utils.set_random_seed(0)
    made = Classifier()
    harness.compile_anew(keras, made, 1e-3)
    made(harness.examples()[0])
    return made


CALLS = {
    "self.norm.call(x)": lambda self, x, training: self.norm.call(x),
    "self.norm(x)": lambda self, x, training: self.norm(x),
    "self.norm.call(x, training=training)": lambda self, x, training: self.norm.call(x, training=training),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_statistics_move_only_if_the_mode_gets_there(keras, call, measured):
    classifier = model(keras, CALLS[call])
    before = harness.copies(classifier.norm.non_trainable_weights)
    harness.fit(classifier)
    change = harness.moved(before, harness.copies(classifier.norm.non_trainable_weights))
    measured(keras, f"{call}: statistics moved in fit", change)
    assert (change == 0) is (call == "self.norm.call(x)")


@pytest.mark.parametrize("direct", [True, False])
def test_dropout_drops_nothing(keras, direct, measured):
    seen = []

    def run(self, x, training):
        dropped = self.drop.call(x) if direct else self.drop(x)
        seen.append((x, dropped))
        return dropped

    classifier = model(keras, run)
    inputs, _ = harness.examples()
    seen.clear()
    classifier(inputs, training=True)
    (before, after) = seen[0]
    share = float(np.mean(np.asarray(before) == np.asarray(after)))
    measured(keras, f"self.drop{'.call' if direct else ''}(x): values that pass unchanged in training", share)
    assert (share == 1) is direct
