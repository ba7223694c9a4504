"""oversized-head: what a Dense layer on a flattened feature map weighs."""

import pytest

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("pooled", [False, True])
def test_the_head_outweighs_the_backbone_unless_it_is_pooled(keras, pooled, measured):
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(224, 224, 3))
    layers = keras.layers
    head = layers.Dense(512)
    keras.Model(base.input, head((layers.GlobalAveragePooling2D() if pooled else layers.Flatten())(base.output)))
    words = "GlobalAveragePooling2D" if pooled else "Flatten"
    measured(keras, f"{words}, Dense(512): millions of weights", head.count_params() / 1e6)
    measured(keras, "MobileNetV2: millions of weights", base.count_params() / 1e6)
    assert (head.count_params() > 10 * base.count_params()) is not pooled
