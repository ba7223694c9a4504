"""Which layers a model is made of, and what is known about them."""

from __future__ import annotations

import pytest

from freezelint.source.building import contains_batchnorm
from freezelint.source.values import Layer, Layers, Length, Model, Optimizer, Stretch
from tests.source.programs import model_of, run_of, value_of

IMPORTS = """
import keras
from keras import layers
from keras.applications import MobileNetV2, VGG16, NASNetMobile
"""


def parts(model: Model | Layers) -> list[str]:
    """The parts of a model by class or architecture, with the stretch where it is not the whole."""
    return [_part(part) for part in model.parts]


def _part(part: Layer | Stretch) -> str:
    if isinstance(part, Stretch):
        chosen = part.selection
        name = part.model.title or part.model.known_as
        return name if chosen.whole else f"{name}[{chosen.start}:{chosen.stop}]"
    if isinstance(part, Model):
        return f"<{part.title or part.known_as}>"
    return part.class_name.removeprefix("keras.layers.")


def parts_of(text: str, name: str = "model") -> list[str]:
    return parts(model_of(IMPORTS + text, name))


def sliced(text: str) -> list[str]:
    found = value_of(IMPORTS + text, "found")
    assert isinstance(found, Layers)
    return parts(found)


# Graphs


def test_a_functional_model_has_the_layers_that_lead_to_its_output() -> None:
    assert parts_of("""
inputs = keras.Input((8,))
x = layers.Dense(4)(inputs)
unused = layers.Dense(9)(x)
x = layers.BatchNormalization()(x)
model = keras.Model(inputs, layers.Dense(1)(x))
""") == ["InputLayer", "Dense", "BatchNormalization", "Dense"]


def test_a_nested_base_is_one_part() -> None:
    assert parts_of("""
base = MobileNetV2(include_top=False, pooling="avg")
inputs = keras.Input((160, 160, 3))
model = keras.Model(inputs, layers.Dense(1)(base(inputs)))
""") == ["InputLayer", "<MobileNetV2>", "Dense"]


def test_a_graph_extension_has_the_layers_of_the_base_itself() -> None:
    assert parts_of("""
base = MobileNetV2(include_top=False)
x = layers.GlobalAveragePooling2D()(base.output)
model = keras.Model(inputs=base.input, outputs=layers.Dense(1)(x))
""") == ["MobileNetV2", "GlobalAveragePooling2D", "Dense"]


def test_a_graph_from_an_inner_layer_has_the_layers_before_it() -> None:
    assert parts_of("""
base = VGG16(include_top=False, input_shape=(224, 224, 3))
x = layers.Flatten()(base.get_layer("block3_pool").output)
model = keras.Model(base.input, x)
""") == ["VGG16[None:11]", "Flatten"]


def test_operations_of_keras_and_tensorflow_do_not_end_the_graph() -> None:
    model = model_of("""
import tensorflow as tf
from tensorflow import keras
inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(4, 3)(inputs)
x = tf.nn.relu(x) * 2 + x[:, 1:]
model = keras.Model(inputs, keras.layers.Dense(1)(x))
""")
    assert parts(model) == ["InputLayer", "Conv2D", "Dense"]
    assert model.complete


def test_an_unknown_function_on_the_way_makes_the_model_incomplete() -> None:
    model = model_of(
        IMPORTS
        + """
from blocks import attention
inputs = keras.Input((8, 8, 3))
x = attention(layers.Conv2D(4, 3)(inputs))
model = keras.Model(inputs, layers.Dense(1)(x))
"""
    )
    assert parts(model) == ["InputLayer", "Conv2D", "Dense"]
    assert not model.complete


def test_several_inputs_and_outputs_in_lists_and_dicts() -> None:
    assert parts_of("""
a, b = keras.Input((4,)), keras.Input((4,))
both = layers.Concatenate()([layers.Dense(2, name="one")(a), layers.Dense(2, name="two")(b)])
model = keras.Model([a, b], {"x": layers.Dense(1)(both), "y": layers.Dense(3)(both)})
""") == ["InputLayer", "Dense", "InputLayer", "Dense", "Concatenate", "Dense", "Dense"]


def test_a_layer_called_twice_is_one_part() -> None:
    assert (
        parts_of("""
shared = layers.Dense(4)
a, b = keras.Input((4,)), keras.Input((4,))
model = keras.Model([a, b], layers.Subtract()([shared(a), shared(b)]))
""").count("Dense")
        == 1
    )


def test_a_loop_builds_as_many_layers_as_it_has_rounds() -> None:
    assert parts_of("""
x = inputs = keras.Input((8,))
for units in (64, 32, 16):
    x = layers.Dense(units)(x)
    x = layers.Dropout(0.1)(x)
model = keras.Model(inputs, x)
""") == ["InputLayer", *["Dense", "Dropout"] * 3]


def test_a_pinned_call_is_part_of_the_graph() -> None:
    model = model_of(
        IMPORTS
        + """
base = MobileNetV2(include_top=False, pooling="avg")
inputs = keras.Input((160, 160, 3))
model = keras.Model(inputs, layers.Dense(1)(base(inputs, training=False)))
"""
    )
    assert [call.pinned for call in model.calls] == [False, None]


# Sequential


@pytest.mark.parametrize(
    "text",
    [
        "model = keras.Sequential([layers.Dense(4), layers.Dropout(0.1), layers.Dense(1)])",
        "model = keras.Sequential(layers=[layers.Dense(4), layers.Dropout(0.1), layers.Dense(1)])",
        "model = keras.Sequential()\nmodel.add(layers.Dense(4))\nmodel.add(layers.Dropout(0.1))\n"
        "model.add(layers.Dense(1))",
        "model = keras.Sequential([layers.Dense(4)] + [layers.Dropout(0.1), layers.Dense(1)])",
        "stack = [layers.Dense(4)]\nstack.append(layers.Dropout(0.1))\nstack += [layers.Dense(1)]\n"
        "model = keras.Sequential(stack)",
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dropout(0.1), layers.Dense(1)])",
        "model = keras.Sequential([layers.InputLayer((4,)), layers.Dense(4), layers.Dropout(0.1), layers.Dense(1)])",
        "model = keras.Sequential([layers.Dense(4), layers.Dropout(0.1), layers.Dense(2), layers.Dense(1)])\n"
        "model.pop()\nmodel.pop()\nmodel.add(layers.Dense(1))",
    ],
)
def test_a_sequential_has_its_layers_however_they_are_added(text: str) -> None:
    assert parts_of(text) == ["Dense", "Dropout", "Dense"]


def test_layers_of_a_base_in_a_sequential() -> None:
    assert parts_of("""
base = VGG16(include_top=False, input_shape=(32, 32, 3))
model = keras.Sequential([layers.Rescaling(1 / 255), *base.layers[1:-4], layers.Dense(1)])
""") == ["Rescaling", "VGG16[1:15]", "Dense"]


# Backbones and models from elsewhere


def test_a_backbone_is_pretrained_unless_it_says_otherwise() -> None:
    assert model_of(IMPORTS + "model = MobileNetV2()").pretrained is True
    assert model_of(IMPORTS + "model = MobileNetV2(weights=None)").pretrained is False
    assert model_of(IMPORTS + "model = MobileNetV2(weights='imagenet')").pretrained is True
    assert model_of(IMPORTS + "model = MobileNetV2(weights='/weights/own.h5')").pretrained is True
    assert model_of(IMPORTS + "import config\nmodel = MobileNetV2(weights=config.weights)").pretrained is None


def test_a_backbone_has_or_has_not_batchnorm() -> None:
    assert contains_batchnorm(model_of(IMPORTS + "model = MobileNetV2()")) is True
    assert contains_batchnorm(model_of(IMPORTS + "model = VGG16()")) is False


def test_a_backbone_has_its_number_of_layers() -> None:
    interior = model_of(IMPORTS + "model = VGG16(include_top=False, input_shape=(32, 32, 3))").interior
    assert interior is not None
    assert (interior.size, interior.batchnorms) == (19, frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "from tensorflow.keras.applications.mobilenet_v2 import MobileNetV2\nmodel = MobileNetV2()",
        "from keras.applications.mobilenet_v2 import MobileNetV2 as Net\nmodel = Net()",
        "import tensorflow as tf\nmodel = tf.keras.applications.MobileNetV2()",
        "import tensorflow as tf\nmodel = tf.keras.applications.mobilenet_v2.MobileNetV2()",
        "from tensorflow import keras\nmodel = keras.applications.MobileNetV2()",
        "from tensorflow.python.keras.applications import MobileNetV2\nmodel = MobileNetV2()",
        "import tf_keras\nmodel = tf_keras.applications.MobileNetV2()",
        "import tf_keras as keras\nmodel = keras.applications.MobileNetV2()",
        "import keras.applications as zoo\nmodel = zoo.MobileNetV2()",
        "from keras import applications\nmodel = applications.MobileNetV2()",
        "from keras.src.applications.mobilenet_v2 import MobileNetV2\nmodel = MobileNetV2()",
        "import tensorflow.keras.applications.mobilenet_v2 as m\nmodel = m.MobileNetV2()",
        "import tensorflow as tf\nkeras = tf.keras\nmodel = keras.applications.MobileNetV2()",
        "import tensorflow as tf\nnet = getattr(tf.keras.applications, 'MobileNetV2')\nmodel = net()",
        "from tensorflow.keras import *\nmodel = applications.MobileNetV2()",
        "from keras.applications import *\nmodel = MobileNetV2()",
    ],
)
def test_keras_is_known_under_every_name(text: str) -> None:
    assert model_of(text).title == "MobileNetV2"


def test_a_loaded_model_is_pretrained_and_its_flags_are_not_known() -> None:
    model = model_of(IMPORTS + "model = keras.models.load_model('classifier.keras')")
    assert (model.kind, model.pretrained, model.flag.value) == ("opaque", True, None)


def test_a_clone_has_the_layers_and_not_the_weights() -> None:
    model = model_of(IMPORTS + "base = MobileNetV2()\nmodel = keras.models.clone_model(base)")
    assert contains_batchnorm(model) is True
    assert model.pretrained is not True


def test_a_model_of_unknown_make_is_taken_for_one_where_it_is_used_like_one() -> None:
    model = model_of(
        "import keras\nimport nets\nmodel = nets.build\nmodel = net\nmodel.compile('adam')\nmodel.fit(x)\n"
    )
    assert not model.certain


# Layers


def test_a_wrapper_holds_its_layer() -> None:
    model = model_of(IMPORTS + "model = keras.Sequential([layers.TimeDistributed(MobileNetV2(include_top=False))])")
    (wrapper,) = model.parts
    assert isinstance(wrapper, Layer)
    assert isinstance(wrapper.wrapped, Model)
    assert contains_batchnorm(model) is True


def test_a_flag_in_the_constructor() -> None:
    layer = value_of(IMPORTS + "layer = layers.Embedding(9, 4, trainable=False)", "layer")
    assert isinstance(layer, Layer)
    assert layer.flag.value is False


def test_an_optimizer_has_its_learning_rate() -> None:
    optimizer = value_of(IMPORTS + "from keras.optimizers import Adam\noptimizer = Adam(1e-4)", "optimizer")
    assert isinstance(optimizer, Optimizer)
    assert list(optimizer.arguments) == ["learning_rate"]


def test_a_layer_is_named_after_the_first_name_it_gets() -> None:
    assert model_of(IMPORTS + "base = VGG16()\nbackbone = base\n", "backbone").known_as == "base"


def test_a_name_in_a_function_that_has_returned_is_followed_by_the_next() -> None:
    text = IMPORTS + "def make():\n    base = VGG16()\n    return base\nbackbone = make()\nagain = backbone\n"
    assert model_of(text, "backbone").known_as == "backbone"


# Slices of layers


def test_slices_of_a_base() -> None:
    base = "base = VGG16(include_top=False, input_shape=(32, 32, 3))\n"
    assert sliced(base + "found = base.layers[:10]") == ["VGG16[None:10]"]
    assert sliced(base + "found = base.layers[-4:]") == ["VGG16[15:None]"]
    assert sliced(base + "found = base.layers") == ["VGG16"]
    assert sliced(base + "n = 7\nfound = base.layers[n:]") == ["VGG16[7:None]"]


def test_slices_of_an_extended_model_count_its_head() -> None:
    text = """
base = VGG16(include_top=False, input_shape=(32, 32, 3))
x = layers.Flatten()(base.output)
model = keras.Model(base.input, layers.Dense(1)(x))
"""
    assert sliced(text + "found = model.layers[:19]") == ["VGG16"]
    assert sliced(text + "found = model.layers[19:]") == ["Flatten", "Dense"]
    assert sliced(text + "found = model.layers[-3:]") == ["VGG16[18:None]", "Flatten", "Dense"]
    assert sliced(text + "found = model.layers[:len(base.layers)]") == ["VGG16"]
    assert sliced(text + "found = model.layers[len(base.layers):]") == ["Flatten", "Dense"]


def test_slices_of_a_nesting_model_count_the_base_as_one() -> None:
    text = """
base = VGG16(include_top=False)
inputs = keras.Input((32, 32, 3))
model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(base(inputs))))
"""
    assert sliced(text + "found = model.layers[:-2]") == ["InputLayer", "<VGG16>"]
    assert sliced(text + "found = model.layers[-1:]") == ["Dense"]


def test_the_length_of_an_unknown_list_stays_open() -> None:
    length = value_of(IMPORTS + "base = NASNetMobile(include_top=False, pooling=p)\nn = len(base.layers) - 5", "n")
    assert isinstance(length, Length)
    assert length.plus == -5


def test_every_model_is_known_to_the_run() -> None:
    run = run_of(IMPORTS + "a = VGG16()\nb = keras.Sequential([a])\n")
    assert [model.known_as for model in run.models] == ["a", "b"]
