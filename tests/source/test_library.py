"""What builtins and other libraries do to the values that matter."""

from __future__ import annotations

import pytest

from freezelint.source.values import External, Items, Known, Model, Unknown, Value
from tests.source.programs import model_of, story, value_of

IMPORTS = """
import keras
from keras import layers
base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
"""


def result(text: str) -> Value:
    return value_of(IMPORTS + f"found = {text}\n", "found")


def constant(text: str) -> object:
    found = result(text)
    assert isinstance(found, Known), f"{text} is {found}"
    return found.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("len([1, 2, 3])", 3),
        ("len('abc')", 3),
        ("len(base.layers)", 155),
        ("len(base.layers) - 20", 135),
        ("len(base.layers) // 2", 77),
        ("int(0.5 * len(base.layers))", 77),
        ("int('100')", 100),
        ("float('1e-3')", 0.001),
        ("bool(0)", False),
        ("str(5)", "5"),
        ("'Block5'.lower().startswith('block')", True),
        ("'a' + 'b'", "ab"),
        ("10 % 3", 1),
        ("2 * 3 - 1", 5),
        ("'x' in ('x', 'y')", True),
        ("3 not in [1, 2]", True),
        ("None is None", True),
        ("base is not None", True),
        ("base is base", True),
        ("1 < 2 < 3", True),
        ("not []", True),
        ("isinstance(base, keras.Model)", True),
        ("isinstance(base, layers.Dense)", False),
        ("isinstance(layers.Dense(1), layers.Layer)", True),
        ("isinstance(layers.Dense(1), keras.layers.BatchNormalization)", False),
        ("isinstance(layers.BatchNormalization(), layers.BatchNormalization)", True),
        ("isinstance(keras.Sequential(), keras.Sequential)", True),
        ("isinstance('a', str)", True),
        ("isinstance([base], (list, tuple))", True),
        ("hasattr(base, 'layers')", True),
        ("hasattr(layers.Dense(1), 'layers')", False),
        ("hasattr(layers.Dense(1), 'trainable')", True),
        ("type(layers.Dense(1)) == layers.BatchNormalization", False),
        ("layers.Dense(1, name='head').name == 'head'", True),
        ("layers.Dense(1, name='head').name.startswith('bn')", False),
        ("{'a': 1, 'b': 2}['b']", 2),
        ("{'a': 1}.get('a', 5)", 1),
        ("dict(a=1)['a']", 1),
        ("[1, 2, 3][-1]", 3),
        ("list((1, 2))[0]", 1),
        ("[x for x in (1, 2)][1]", 2),
    ],
)
def test_a_value_is_known(text: str, expected: object) -> None:
    assert constant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "int('many')",
        "[1, 2][5]",
        "{'a': 1}['b']",
        "10 ** 10 ** 10",
        "'a' * 10 ** 9",
        "'a' < 1",
        "open('file').read()",
        "os.environ['EPOCHS']",
        "int(input())",
        "unknown.attribute[0].more()",
        "eval('1')",
        "len(unknown)",
        "(lambda: undefined)()",
        "'%d' % 3",
    ],
)
def test_what_cannot_be_told_is_unknown_and_harmless(text: str) -> None:
    assert not isinstance(result(text), Known)


def test_numbers_stay_small_enough_to_be_computed() -> None:
    text = "x = 99999\n" + "x = x * x\n" * 40
    assert isinstance(value_of(text, "x"), Unknown)


def test_lists_are_followed_through_their_methods() -> None:
    found = value_of("a = [1]\na.append(2)\na.extend([3, 4])\na.insert(0, 0)\na.pop()\na += (5,)\na[0] = 9\n", "a")
    assert isinstance(found, Items)
    assert [item.value for item in found.items if isinstance(item, Known)] == [9, 1, 2, 3, 5]


def test_dicts_are_followed_through_their_methods() -> None:
    text = """
import keras
zoo = {"small": keras.applications.MobileNetV2}
zoo.update({"large": keras.applications.ResNet50})
zoo["huge"] = keras.applications.DenseNet201
picked = [build for name, build in zoo.items() if name == "huge"][0]
"""
    assert value_of(text, "picked") == External("keras.applications.DenseNet201")


def test_zip_and_enumerate_give_what_they_are_given() -> None:
    text = """
found = []
for i, (name, units) in enumerate(zip(["a", "b"], [1, 2]), 1):
    found.append((i, name, units))
"""
    found = value_of(text, "found")
    assert isinstance(found, Items)
    assert [[part.value for part in item.items] for item in found.items] == [[1, "a", 1], [2, "b", 2]]


def test_unpacking() -> None:
    assert value_of("a, (b, c) = 1, (2, 3)\n", "c") == Known(3)
    assert not isinstance(value_of("a, b = read()\n", "b"), Known)


@pytest.mark.parametrize("wrapper", ["tqdm.tqdm", "list", "reversed", "tuple"])
def test_layers_go_through_a_wrapper(wrapper: str) -> None:
    text = IMPORTS + f"import tqdm\nfor layer in {wrapper}(base.layers):\n    layer.trainable = False\n"
    assert story(text) == ["freeze base"]


# Functions that are not known


def test_a_model_handed_to_an_unknown_function_may_be_compiled_there() -> None:
    text = (
        IMPORTS
        + """
from tools import prepare
model = keras.Sequential([base])
model.compile("adam")
prepare(model)
base.trainable = False
model.fit(x)
"""
    )
    assert story(text) == ["compile model", "freeze base", "fit model"]
    assert model_of(text).compiled is None


@pytest.mark.parametrize("function", ["print", "keras.utils.plot_model", "np.shape", "len", "id"])
def test_a_model_handed_to_a_known_function_is_as_before(function: str) -> None:
    text = IMPORTS + f"import numpy as np\nmodel = keras.Sequential([base])\nmodel.compile('adam')\n{function}(model)\n"
    assert model_of(text).compiled is not None


def test_a_function_that_freezes_by_its_name_is_believed_to_change_flags() -> None:
    text = IMPORTS + "from tools import freeze_bn\nfreeze_bn(base)\n"
    assert model_of(text, "base").disturbed is not None
    text = IMPORTS + "from tools import show\nshow(base)\n"
    assert model_of(text, "base").disturbed is None


# Tests on names


@pytest.mark.parametrize(
    "test",
    [
        "layer.name.startswith('block_1_')",
        "layer.name.endswith('_BN')",
        "'expand' in layer.name",
        "layer.name == 'Conv1'",
        "layer.name in ('Conv1', 'bn_Conv1')",
        "not layer.name.startswith('block_')",
    ],
)
def test_names_of_a_known_backbone_are_told_exactly(test: str) -> None:
    model = value_of(IMPORTS + f"for layer in base.layers:\n    if {test}:\n        layer.trainable = False\n", "base")
    assert isinstance(model, Model) and model.layout is not None and model.interior is not None
    flags = [not eval(test, {"layer": layer}) for layer in model.layout.layers]
    assert model.interior.state() == tuple(flags)
    assert False in flags
