import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.keras

TOOL = Path(__file__).parents[2] / "tools" / "measure_applications.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("measure_applications", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_small_residual_model_is_written_down(tool, library):
    keras = pytest.importorskip(library)
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    branch = layers.BatchNormalization(name="block1_bn")(stem)
    branch = layers.Dropout(0.1, name="block1_drop")(branch)
    joined = layers.Add(name="block1_add")([stem, branch])
    outputs = layers.GlobalAveragePooling2D()(layers.ReLU()(joined))
    tokens = list(tool.layer_tokens(keras.Model(inputs, outputs)))
    blocks = {}
    first, second = tool.as_references(tokens, blocks)
    assert blocks[first] == "i~input wstem"
    key, _, name = second.partition(":")
    assert (name, blocks[key]) == ("block1", "(B$_bn d$_drop +$_add) .~re_lu .~global_average_pooling2d")


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_pretrained_models_are_built_without_files(tool, library):
    keras = pytest.importorskip(library)
    blocks = {}
    facts = tool.measure(keras, keras.applications.EfficientNetB0, blocks)
    assert facts["channels"] == 1280
    assert facts["no_top_random"] != facts["no_top"]
    stems = [blocks[facts[variant].split()[0]].split() for variant in ("no_top", "no_top_random")]
    assert [len(stem) for stem in stems] == [8, 7]


def test_generations_that_agree_are_written_once(tool):
    facts = {"no_top": "abcd 1234:block1", "top": "@0-2"}
    data = {"measured": {}, "blocks": {"abcd": "i~input", "1234": "w$", "dead": "w"}, "backbones": {}}
    data["backbones"]["Net"] = {"keras2": dict(facts), "keras3": dict(facts)}
    text = tool.dumps(data)
    assert '"keras2": "keras3"' in text
    assert '"dead"' not in text and '"abcd"' in text and '"1234"' in text


def test_stretches_that_were_seen_before_are_referred_to(tool):
    assert list(tool.relative(["a", "b", "c", "x"], ["a", "b", "c", "d"])) == ["@0-3", "x"]
    assert list(tool.relative(["y", "b", "c"], ["a", "b", "c"])) == ["y", "@1-3"]
