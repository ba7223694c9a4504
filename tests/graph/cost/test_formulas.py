import pytest

from freezelint.graph.cost.formulas import NotCounted, parts_of
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.output_shapes import output_shapes
from tests.graph.build import call, functional, layer, source


def parts(class_name, *inputs, **config):
    names = [f"in{number}" for number in range(len(inputs))]
    written = functional("m", *map(source, names), layer(class_name, "one", call(*names), **config))
    found = next(one for one in read_model_config(written).root.walk() if one.name == "one")
    return parts_of(found, inputs, output_shapes(found, inputs) or [None], in_training=True)


def flops(*args, **config):
    return sum(part.forward.flops for part in parts(*args, use_bias=False, **config))


def weights(*args, **config):
    return sum(part.weights for part in parts(*args, use_bias=False, **config))


PICTURE = (2, 10, 10, 6)


@pytest.mark.parametrize(
    ("class_name", "shape", "config", "count", "held"),
    [
        ("Dense", (2, 7), {"units": 3}, 2 * 2 * 7 * 3, 21),
        ("Dense", (2, 5, 7), {"units": 3}, 2 * 10 * 7 * 3, 21),
        ("Conv2D", PICTURE, {"filters": 8, "kernel_size": [3, 3]}, 2 * 9 * 6 * 8 * 2 * 64, 9 * 6 * 8),
        ("Conv2D", PICTURE, {"filters": 8, "kernel_size": [3, 3], "groups": 2}, 9 * 6 * 8 * 2 * 64, 9 * 3 * 8),
        ("DepthwiseConv2D", PICTURE, {"kernel_size": [3, 3]}, 2 * 9 * 6 * 2 * 64, 54),
        (
            "Conv2DTranspose",
            PICTURE,
            {"filters": 4, "kernel_size": [2, 2], "strides": [2, 2]},
            2 * 4 * 6 * 4 * 2 * 100,
            4 * 6 * 4,
        ),
        ("EinsumDense", (2, 5, 7), {"equation": "abc,cd->abd", "output_shape": [5, 3]}, 2 * 10 * 7 * 3, 21),
    ],
)
def test_a_kernel_is_multiplied_once_for_every_place(class_name, shape, config, count, held):
    assert flops(class_name, shape, **config) == count
    assert weights(class_name, shape, **config) == held


@pytest.mark.parametrize(("class_name", "gates"), [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)])
def test_a_recurrent_layer_multiplies_its_input_and_its_state(class_name, gates):
    [own, back, _] = parts(class_name, (2, 9, 7), units=5, use_bias=False)
    assert own.forward.flops == 2 * 18 * 7 * 5 * gates
    assert back.forward.flops == 2 * 18 * 5 * 5 * gates


def test_attention_projects_four_times_and_mixes_twice():
    found = parts("MultiHeadAttention", (2, 5, 16), (2, 9, 16), num_heads=4, key_dim=8, use_bias=False)
    projections = [part for part in found if part.weights]
    mixing = [part for part in found if part.kind.value == "attention"]
    assert [part.weights for part in projections] == [16 * 32] * 4
    assert [part.forward.flops for part in mixing] == [2 * 2 * 5 * 9 * 32] * 2


def test_bias_and_activation_are_parts_of_their_own():
    kinds = [part.kind.value for part in parts("Dense", (2, 7), units=3, activation="gelu")]
    assert kinds == ["dense", "elementwise", "elementwise with an exponential"]


def test_an_input_of_unknown_size_is_not_counted():
    with pytest.raises(NotCounted, match="shape"):
        parts("Conv2D", (2, None, 10, 3), filters=8, kernel_size=[3, 3])


@pytest.mark.parametrize("value", [None, -1, 0, "3", [3], [3, 3, 3], {}])
def test_nonsense_is_not_counted(value):
    with pytest.raises(NotCounted):
        parts("Conv2D", PICTURE, filters=8, kernel_size=value)
