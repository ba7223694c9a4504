import pytest

from freezelint.graph.embedded_code import is_embedded

MODERN = {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA", "defaults": None, "closure": None}}}
KERAS_2 = {"function": {"class_name": "__tuple__", "items": ["4wEAAAA", None, None]}, "function_type": "lambda"}


@pytest.mark.parametrize(
    "config",
    [
        MODERN,
        KERAS_2,
        {"function": ["4wEAAAA", None, None], "function_type": "lambda"},
        {"function": ["\u00e3\u0001\u0000", None, None]},
        {"function": "relu6", "output_shape": ["4wEAAAA", None, None], "output_shape_type": "lambda"},
    ],
)
def test_byte_code_in_a_lambda_is_seen_in_every_spelling(config):
    assert is_embedded("Lambda", config)


@pytest.mark.parametrize("config", [{"function": "relu6", "function_type": "function"}, {"function": None}, {}])
def test_a_function_by_name_is_no_code(config):
    assert not is_embedded("Lambda", config)


def imported(module, name, class_name="function"):
    return {"activation": {"module": module, "class_name": class_name, "config": name, "registered_name": name}}


@pytest.mark.parametrize(
    "config",
    [
        imported("os", "system"),
        imported("subprocess", "run"),
        imported("builtins", "exec"),
        imported("keras.src.utils.file_utils", "get_file"),
        imported("shutil", {}, class_name="rmtree"),
    ],
)
def test_a_function_of_the_standard_library_is_an_import_at_will(config):
    assert is_embedded("Dense", config)


@pytest.mark.parametrize(
    "config",
    [
        {"activation": "relu"},
        imported("builtins", "relu"),
        imported("keras.activations", "relu"),
        imported("my_package.layers", "swish"),
        {"kernel_initializer": {"module": "keras.initializers", "class_name": "Zeros", "config": {}}},
    ],
)
def test_what_keras_writes_is_no_import_at_will(config):
    assert not is_embedded("Dense", config)


def test_the_code_of_a_wrapped_layer_is_not_the_code_of_its_wrapper():
    inner = {"class_name": "Lambda", "config": {"name": "inner", "trainable": True, **MODERN}}
    assert not is_embedded("TimeDistributed", {"layer": inner})
