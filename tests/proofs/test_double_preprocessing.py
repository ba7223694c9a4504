"""double-preprocessing: EfficientNet scales its input itself."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def test_scaled_pixels_reach_efficientnet_as_black(keras, measured):
    model = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3))
    first = next(index for index, layer in enumerate(model.layers) if isinstance(layer, keras.layers.Conv2D))
    inside = [type(layer).__name__ for layer in model.layers[:first]]
    assert "Rescaling" in inside
    scaling = next(layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling))
    entrance = keras.Model(model.input, scaling.output)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    as_they_are, scaled = (np.asarray(entrance(values)) for values in (pixels, pixels / 255))
    measured(keras, "brightest pixel behind the model's own scaling, fed 0 to 255", float(as_they_are.max()))
    measured(keras, "brightest pixel behind the model's own scaling, fed 0 to 1", float(scaled.max()))
    assert as_they_are.max() > 0.9
    assert scaled.max() < 0.01


def test_two_pictures_can_hardly_be_told_apart_then(keras, measured):
    keras.utils.set_random_seed(0)
    model = keras.applications.EfficientNetB0(weights=None, include_top=False, pooling="avg", input_shape=(64, 64, 3))
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    right, wrong = (np.asarray(model(values)) for values in (pictures, pictures / 255))
    apart = [float(np.abs(out[0] - out[1]).max()) for out in (right, wrong)]
    measured(keras, "features of two pictures differ by, fed 0 to 255", apart[0])
    measured(keras, "features of two pictures differ by, fed 0 to 1", apart[1])
    assert apart[1] < apart[0] / 10
