"""batchnorm-never-updated: a loop that trains in inference mode leaves the statistics as Keras makes them."""

from pathlib import Path

import numpy as np
import pytest

from freezelint.graph.checks import graph as checks
from freezelint.graph.live.reader import read as read_live
from freezelint.graph.reader import read_model
from tests.proofs import harness

pytestmark = pytest.mark.keras
RULE = "batchnorm-never-updated"


def trained_by_hand(keras, training):
    """A model after eight epochs of a loop that calls it in this mode."""
    import tensorflow as tf

    model = harness.with_head(keras, harness.tiny_base(keras))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    inputs, targets = harness.examples()
    for _ in range(8):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(inputs, training=training) - targets) ** 2)
        model.optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )
    return model


def found(keras, graph):
    return [mistake.layer for mistake in checks.run(graph, "model", harness.behaviour(keras), {RULE})]


def everywhere(keras, model, folder: Path):
    """What is found in memory and in each format, which must be the same."""
    answers = [found(keras, read_live(model))]
    for suffix in (".keras", ".h5"):
        model.save(folder / f"model{suffix}")
        answers.append(found(keras, read_model(folder / f"model{suffix}")))
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


@pytest.mark.filterwarnings("ignore")
def test_a_loop_in_inference_mode_never_moves_the_statistics(keras, measured, tmp_path):
    before = harness.statistics(harness.tiny_base(keras))
    wrong, right = trained_by_hand(keras, False), trained_by_hand(keras, True)
    still, moved = (harness.moved(before, harness.statistics(model)) for model in (wrong, right))
    scales = harness.scales(wrong)
    change = max(min(float(np.max(np.abs(one - first))) for first in (0.0, 1.0)) for one in scales)
    spread = [float(np.std(normalised(keras, model))) for model in (wrong, right)]
    measured(keras, "statistics moved, loop with training=False", still)
    measured(keras, "statistics moved, loop with training=True", moved)
    measured(keras, "gamma and beta moved, loop with training=False", change)
    measured(keras, "standard deviation behind the first BatchNorm in predict, training=False", spread[0])
    measured(keras, "standard deviation behind the first BatchNorm in predict, training=True", spread[1])
    assert still == 0 and moved > 1 and change > 1e-3
    assert spread[0] > 2 * spread[1]
    assert everywhere(keras, wrong, tmp_path) == ["base/bn0"]
    assert everywhere(keras, right, tmp_path) == []


def normalised(keras, model):
    """What the first BatchNorm makes of the examples in `predict`."""
    base = model.get_layer("base")
    return harness.predict(keras.Model(base.input, base.get_layer("bn0").output), harness.examples()[0])


@pytest.mark.filterwarnings("ignore")
def test_one_infinite_number_spoils_the_statistics_for_good(keras, measured, tmp_path):
    model = harness.with_head(keras, harness.tiny_base(keras))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    inputs, targets = harness.examples()
    spoilt = inputs.copy()
    spoilt[3, 0] = np.inf
    model.fit(spoilt[:8], targets[:8], verbose=0)
    model.fit(inputs, targets, verbose=0)
    share = float(np.mean(np.isnan(harness.predict(model, inputs))))
    measured(keras, "share of answers that are NaN after one infinite number", share)
    assert share == 1
    assert everywhere(keras, model, tmp_path) == ["base/bn0"]


@pytest.mark.filterwarnings("ignore")
def test_what_was_not_trained_or_was_frozen_is_silent(keras, tmp_path):
    model = harness.with_head(keras, harness.tiny_base(keras))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    assert everywhere(keras, model, tmp_path) == []
    model.get_layer("base").trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    harness.fit(model)
    assert everywhere(keras, model, tmp_path) == []
