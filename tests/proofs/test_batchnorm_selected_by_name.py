"""batchnorm-selected-by-name: what BatchNorm layers are called differs from backbone to backbone."""

import pytest

pytestmark = pytest.mark.keras


def names(keras, title):
    if title == "MobileNetV2":
        model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    else:
        model = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize(("title", "found", "total"), [("InceptionV3", 0, 94), ("MobileNetV2", 2, 52)])
def test_the_letters_bn_find_some_or_none(keras, title, found, total, measured):
    every = names(keras, title)
    by_name = [name for name in every if "bn" in name]
    measured(keras, f"{title}: BatchNorm layers with 'bn' in the name, of {total}", len(by_name))
    assert (len(by_name), len(every)) == (found, total)
