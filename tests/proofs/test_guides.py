"""The recipe of the guide, its very text, run on a small base: the statistics stay, the kernels train."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from freezelint.catalogue import examples_in
from tests.proofs import harness

pytestmark = pytest.mark.keras

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "fine-tune-with-batchnorm.md"
THAW = re.compile(r"(?=^base\.trainable = True)", re.MULTILINE)


def small_base(keras, include_top=False, input_shape=None, pooling=None):
    """Stands for a pretrained backbone; one of its blocks is a model of its own."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    block_input = keras.Input((8, 8, 4))
    block = keras.Model(block_input, layers.BatchNormalization()(layers.Conv2D(4, 3)(block_input)), name="block")
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(block(x)), name="base")


def run(code, keras, monkeypatch):
    """Runs a block of the guide with small images; what `base` held before and after the thaw."""
    import tensorflow as tf

    images = np.random.default_rng(0).uniform(0, 255, (32, 16, 16, 3)).astype("float32")
    labels = np.arange(32, dtype="float32").reshape(-1, 1) % 2
    train = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **given: small_base(keras, **given))
    code = code.replace("(160, 160, 3)", "(16, 16, 3)").replace("1e-5", "1e-2")
    frozen, thawed = THAW.split(code)
    names = {"train": train}
    exec(compile(frozen, str(GUIDE), "exec"), names)
    base = names["base"]
    before = [measure(base) for measure in (harness.statistics, harness.scales, harness.kernels)]
    exec(compile(thawed, str(GUIDE), "exec"), names)
    after = [measure(base) for measure in (harness.statistics, harness.scales, harness.kernels)]
    return [harness.moved(old, new) for old, new in zip(before, after, strict=True)]


@pytest.fixture
def recipe():
    if not GUIDE.exists():
        pytest.skip("a source distribution has no guides")
    return next(examples_in(GUIDE.read_text("utf-8"), "")).code


def test_the_recipe_keeps_the_statistics_and_trains_the_rest(keras, recipe, monkeypatch, measured):
    statistics, scales, kernels = run(recipe, keras, monkeypatch)
    measured(keras, "statistics moved by the recipe", statistics)
    measured(keras, "kernels moved by the recipe", kernels)
    assert (statistics, scales) == (0, 0)
    assert kernels > 1e-3


def test_without_its_second_line_it_does_not(keras, recipe, monkeypatch):
    """The line is what does it; the `training=False` of the recipe alone holds only in some versions."""
    line = "freeze_batchnorm(base)\n"
    assert recipe.count(line) == 1
    statistics, _, _ = run(recipe.replace(line, ""), keras, monkeypatch)
    assert (statistics == 0) is harness.behaviour(keras).wired_training_holds
