"""weights-order-depends-on-trainable: a legacy `.h5` lists a nested model's weights trainable first."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def network(keras):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = inputs
    for number in range(3):
        x = keras.layers.Dense(8, name=f"d{number}", bias_initializer="normal")(x)
    base = keras.Model(inputs, x, name="base")
    outer = keras.Input((8,))
    return base, keras.Model(outer, keras.layers.Dense(1, name="head")(base(outer)))


def wrong_after_loading(keras, path):
    base, model = network(keras)
    kept = {layer.name: layer.get_weights() for layer in base.layers}
    if path.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    base.get_layer("d0").trainable = False
    model.load_weights(path)
    pairs = [
        (old, new) for layer in base.layers for old, new in zip(kept[layer.name], layer.get_weights(), strict=True)
    ]
    return sum(not np.array_equal(old, new) for old, new in pairs)


def test_legacy_h5_misassigns_silently(keras, tmp_path, measured):
    wrong = wrong_after_loading(keras, str(tmp_path / "model.h5"))
    measured(keras, "wrong of 6, .h5", wrong)
    assert wrong == 6


def test_names_keep_them_apart(keras, tmp_path, measured):
    wrong = wrong_after_loading(keras, str(tmp_path / "model.weights.h5"))
    measured(keras, "wrong of 6, .weights.h5", wrong)
    assert wrong == 0
