"""Whole folders: which writer, which variables, which layers, and what is a gap."""

import json
from pathlib import Path

import pytest

from freezelint.graph.model_graph import LayerKind, Mode, Unreadable
from freezelint.graph.saved_model import read
from tests.graph.saved_model.encoder import (
    Model,
    concrete_function,
    entry,
    function,
    function_object,
    node,
    number,
    part,
    serving,
    shape,
    signature,
    user_object,
    variable_object,
)

MODELS = Path(__file__).parents[3] / "fixtures" / "models"


def keras_2(*, frozen_parent=True, live_batchnorm=True, inline=False, config=True, training_config=False):
    """A Keras 2 `model.save` of model(base(conv, bn), head), reduced to what is read."""
    conv = {"class_name": "Conv2D", "name": "conv", "trainable": not frozen_parent, "config": {"name": "conv"}}
    bn = {"class_name": "BatchNormalization", "name": "bn", "trainable": live_batchnorm, "config": {"name": "bn"}}
    head = {"class_name": "Dense", "name": "head", "trainable": True, "config": {"name": "head", "trainable": True}}
    base = {
        "class_name": "Functional",
        "name": "base",
        "trainable": not frozen_parent,
        "is_graph_network": True,
        "config": {"name": "base"},
    }
    model_config = {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [
                {"class_name": "InputLayer", "name": "x", "config": {"name": "x"}, "inbound_nodes": []},
                {
                    "class_name": "Functional",
                    "name": "base",
                    "config": {
                        "name": "base",
                        "layers": [
                            {"class_name": "InputLayer", "name": "i", "config": {"name": "i"}, "inbound_nodes": []},
                            {**conv, "inbound_nodes": [[["i", 0, 0, {}]]]},
                            {**bn, "inbound_nodes": [[["conv", 0, 0, {}]]]},
                        ],
                        "input_layers": [["i", 0, 0]],
                        "output_layers": [["bn", 0, 0]],
                    },
                    "inbound_nodes": [[["x", 0, 0, {"training": False}]]],
                },
                {**head, "inbound_nodes": [[["base", 1, 0, {}]]]},
            ],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["head", 0, 0]],
        },
    }
    root = {
        "class_name": "Functional",
        "name": "model",
        "trainable": True,
        "is_graph_network": config,
        "keras_version": "2.15.0",
        "build_input_shape": {"class_name": "TensorShape", "items": [None, 8]},
    }
    if config:
        root["model_config"] = model_config
    if training_config:
        root["training_config"] = {"loss": "mse"}
    facts = {0: root, 1: base, 2: head, 3: conv, 4: bn}
    places = {0: "root", 1: "root.layer_with_weights-0", 2: "root.layer_with_weights-1"}
    places |= {3: "root.layer_with_weights-0.layer_with_weights-0", 4: "root.layer_with_weights-0.layer_with_weights-1"}
    kinds = {0: "_tf_keras_network", 1: "_tf_keras_network"}
    text = {key: json.dumps(value) if inline else "" for key, value in facts.items()}
    children = {
        0: {"layer-1": 1, "layer_with_weights-0": 1, "layer-2": 2, "variables": 5, "trainable_variables": 6},
        1: {"layer-1": 3, "layer-2": 4},
        2: {"kernel": 11},
        3: {"kernel": 7},
        4: {"gamma": 8, "moving_mean": 9, "moving_variance": 10},
    }
    objects = [user_object(kinds.get(key, "_tf_keras_layer"), text[key], **children[key]) for key in range(5)]
    objects += [
        user_object(**{str(place): 7 + place for place in range(5)}),
        user_object(**{"0": 11}),
        variable_object("conv/kernel", 3, 3),
        variable_object("bn/gamma", 4),
        variable_object("bn/moving_mean", 4, trainable=False),
        variable_object("bn/moving_variance", 4, trainable=False),
        variable_object("head/kernel", 4, 2),
    ]
    entries = [(key, places[key], kinds.get(key, "_tf_keras_layer"), json.dumps(facts[key])) for key in facts]
    return Model(objects=objects, metadata=None if inline else entries)


@pytest.mark.parametrize("inline", [False, True], ids=["keras_metadata.pb", "inline, as Keras 2.1 to 2.4 wrote it"])
def test_keras_2_metadata_becomes_the_layer_tree(inline, tmp_path):
    model = read(keras_2(inline=inline).save(tmp_path / "model"))
    assert (model.writer, model.keras_version, model.format) == ("Keras 2.15.0 model.save", "2.15.0", "savedmodel")
    flags = {layer.path: (layer.own_trainable, layer.effective_trainable) for layer in model.layers() if layer.weights}
    assert flags == {"base/conv": (False, False), "base/bn": (True, False), "head": (True, True)}
    bn = model.layer("base/bn")
    assert bn.class_name == "BatchNormalization"
    assert [(weight.role, weight.shape, weight.trainable) for weight in bn.weights] == [
        ("gamma", (4,), False),
        ("moving_mean", (4,), False),
        ("moving_variance", (4,), False),
    ]
    assert model.trainable_variables == ("head/kernel",)
    assert len(model.variables) == 5
    assert not model.inconsistencies


def test_calls_come_from_the_model_configuration(tmp_path):
    model = read(keras_2().save(tmp_path / "model"))
    (call,) = model.calls_of("base")
    assert call.training is False
    assert [tensor.layer for tensor in model.outputs[""]] == ["head"]
    assert model.layer("base").kind is LayerKind.FUNCTIONAL
    assert model.layer("base").own_trainable is False


def test_without_a_configuration_the_tree_comes_from_the_objects(tmp_path):
    model = read(keras_2(config=False).save(tmp_path / "model"))
    assert [layer.path for layer in model.layers()] == ["base", "base/conv", "base/bn", "head"]
    assert model.calls == []
    assert any("calls were not recorded" in gap for gap in model.gaps)


def test_a_functional_model_that_could_not_be_serialized_keeps_its_layers(tmp_path):
    """Keras 2 writes an empty configuration if a layer has none; seen in a model of Keras 2.9."""
    model = keras_2()
    root = json.loads(model.metadata[0][3])
    root["model_config"] = {"class_name": "Functional", "config": {}}
    model.metadata[0] = (0, "root", "_tf_keras_network", json.dumps(root))
    found = read(model.save(tmp_path / "model"))
    assert found.root.kind is LayerKind.FUNCTIONAL
    assert found.layer("base/bn").own_trainable is True
    assert any("holds no layers" in gap for gap in found.gaps)


def test_a_compile_configuration_is_noticed(tmp_path):
    assert read(keras_2().save(tmp_path / "one")).compiled is False
    assert read(keras_2(training_config=True).save(tmp_path / "two")).compiled is True


def test_flags_that_contradict_the_list_of_what_trains(tmp_path):
    model = read(keras_2(frozen_parent=False).save(tmp_path / "model"))
    assert any("'base/conv', train, but" in sentence for sentence in model.inconsistencies)


def test_a_folder_without_its_graph_is_read_in_part(tmp_path):
    folder = keras_2().save(tmp_path / "model")
    (folder / "saved_model.pb").unlink()
    model = read(folder)
    assert model.layer("base/bn").own_trainable is True
    assert [one.wholly for one in model.not_read] == [False]
    assert any("without the saved_model.pb" in sentence for sentence in model.inconsistencies)


def test_saved_without_traces_there_is_no_signature_and_that_is_a_gap(tmp_path):
    model = read(keras_2().save(tmp_path / "model"))
    assert model.signatures == []
    assert model.training_trace is None
    assert any("save_traces=False" in gap for gap in model.gaps)
    assert not model.not_read


def structured(value):
    """A StructuredValue: tuples, dictionaries, booleans, None; anything else stands for a tensor."""
    if value is None:
        return part(1, b"")
    if isinstance(value, bool):
        return number(14, int(value))
    if isinstance(value, str):
        return part(13, value)
    if isinstance(value, (tuple, list)):
        return part(52 if isinstance(value, tuple) else 51, b"".join(part(1, structured(item)) for item in value))
    if isinstance(value, dict):
        return part(53, b"".join(part(1, entry(key, structured(item))) for key, item in value.items()))
    return part(33, b"")


def test_the_two_traces_are_told_apart_by_what_they_were_called_with(tmp_path):
    model = keras_2()
    arguments = structured(["self", "inputs", "training", "mask"])
    spec = part(1, part(54, part(1, "FullArgSpec") + part(2, entry("args", arguments))))
    model.objects[0] = user_object(
        "_tf_keras_network",
        **{"layer-1": 1, "layer-2": 2, "variables": 5, "trainable_variables": 6},
        call_and_return_all_conditional_losses=12,
    )
    model.objects.append(function_object("fit", "predict", spec=spec))
    for name, training in (("fit", True), ("predict", False)):
        nodes = [node(f"read_{key}", "ReadVariableOp", key) for key in ("gamma", "mean", "variance")]
        nodes.append(
            node("base/bn/fused", "FusedBatchNormV3", "x", "read_gamma", "read_gamma", "read_mean", "read_variance",
                 is_training=training)
        )  # fmt: skip
        model.functions.append(function(name, ["x", "gamma", "mean", "variance"], nodes, {"y": "base/bn/fused:y:0"}))
        called_with = structured(((object(), training, None), {}))
        model.concrete_functions[name] = concrete_function([8, 9, 10], called_with)
    found = read(model.save(tmp_path / "model"))
    assert [(one.layer, one.mode) for one in found.training_trace.batchnorms] == [("base/bn", Mode.TRAINING)]
    assert [(one.layer, one.mode) for one in found.inference_trace.batchnorms] == [("base/bn", Mode.INFERENCE)]


def export(*extra):
    """An export: no layers, a list of variables and a list of those that train."""
    root = {"variables": 1, "trainable_variables": 2, "_all_variables": 3, **dict.fromkeys(extra, 3)}
    return Model(
        nodes=[node("x", "Placeholder"), node("y", "Identity", "x")],
        signatures=[signature("serve", {"x": "x:0"}, {"y": "y:0"}), signature("__saved_model_init_op", {}, {})],
        objects=[
            user_object(**root),
            user_object(**{"0": 4, "1": 5, "2": 6}),
            user_object(**{"0": 4}),
            user_object(**{"0": 7}),
            variable_object("head/kernel", 4, 2),
            variable_object("bn/moving_mean", 4, trainable=False),
            variable_object("bn/moving_variance", 4, trainable=False),
            variable_object("head/kernel", 4, 2),
        ],
    )


@pytest.mark.parametrize(("extra", "major"), [((), "3"), (("_endpoint_names",), "2")])
def test_exports_of_both_generations(extra, major, tmp_path):
    model = read(export(*extra).save(tmp_path / "model"))
    assert (model.writer, model.keras_version) == (f"Keras {major} model.export", major)
    assert [(layer.path, layer.class_name) for layer in model.layers()] == [
        ("head", "Layer"),
        ("bn", "BatchNormalization"),
    ]
    assert [weight.name for weight in model.variables] == ["head/kernel", "bn/moving_mean", "bn/moving_variance"]
    assert model.trainable_variables == ("head/kernel",)
    assert [one.name for one in model.signatures] == ["serve"]
    assert any("no layers" in gap for gap in model.gaps)


def test_variables_that_share_a_name_but_cannot_be_one_layer_make_none(tmp_path):
    model = export()
    model.objects[4] = variable_object("bn/kernel", 4, 2)
    found = read(model.save(tmp_path / "model"))
    assert found.root is None or list(found.layers()) == []
    assert len(found.variables) == 3


def test_a_module_says_with_its_variables_what_trains(tmp_path):
    model = Model(
        nodes=[node("x", "Placeholder"), node("y", "Identity", "x")],
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": "y:0"})],
        objects=[user_object(w=1, b=2), variable_object("w", 2), variable_object("b", trainable=False)],
    )
    found = read(model.save(tmp_path / "model"))
    assert found.trainable_variables == ("w",)
    assert found.keras_version is None


def test_tensorflow_1_has_variables_in_its_graph_only(tmp_path):
    definition = part(1, "w:0")
    model = Model(
        nodes=[
            node("x", "Placeholder"),
            node("w", "VariableV2", shape=part(7, shape(3, 4)), dtype=number(6, 1)),
            node("y", "MatMul", "x", "w"),
        ],
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": "y:0"})],
        collections={"trainable_variables": part(2, part(1, definition))},
    )
    found = read(model.save(tmp_path / "model"))
    assert found.writer == "TensorFlow 1 or an estimator"
    assert [(weight.name, weight.shape, weight.dtype) for weight in found.variables] == [("w", (3, 4), "float32")]
    assert found.trainable_variables is None


def test_inputs_and_outputs_of_signatures_have_shapes(tmp_path):
    model = read(serving([node("y", "Identity", "x")]).save(tmp_path / "model"))
    assert model.signatures[0].inputs == {"x": (None, 4)}
    assert model.signatures[0].outputs == {"y": (None, 4)}
    assert model.tensorflow_version == "2.15.0"


def test_of_several_graphs_the_one_to_be_served_is_read(tmp_path):
    training = Model(nodes=[node("x", "Placeholder")], tags=("train",))
    served = serving([node("y", "Identity", "x")])
    folder = served.save(tmp_path / "model")
    data = number(1, 1) + part(2, training.meta_graph()) + part(2, served.meta_graph())
    (folder / "saved_model.pb").write_bytes(data)
    model = read(folder)
    assert [one.name for one in model.signatures] == ["serving_default"]
    assert "train" in model.not_read[0].reason


def test_the_file_may_be_named_instead_of_its_folder(tmp_path):
    folder = serving([node("y", "Identity", "x")]).save(tmp_path / "model")
    assert len(read(folder / "saved_model.pb").signatures) == 1


def test_a_layer_with_byte_code_is_named_and_not_run(tmp_path):
    model = keras_2(config=False)
    code = {"class_name": "Lambda", "name": "l", "config": {"name": "l", "function": {"items": ["4wEAAAA", None]}}}
    code["config"]["function"] = {"class_name": "__tuple__", "items": ["4wEAAAA=", None, None]}
    model.metadata[2] = (2, "root.layer_with_weights-1", "_tf_keras_layer", json.dumps(code))
    assert read(model.save(tmp_path / "model")).embedded_code == ["l"]


@pytest.mark.parametrize(
    ("name", "written", "in_training"),
    [
        ("cats_dogs_live_batchnorm_keras2", "Keras 2", False),
        ("pets_pinned_true_export", "Keras 3 model.export", True),
        ("birds_served", "module", False),
        ("birds_served_in_training", "module", True),
    ],
)
def test_the_models_that_come_with_the_project(name, written, in_training):
    model = read(MODELS / name)
    assert written in model.writer
    modes = {one.mode for signature in model.signatures for one in signature.batchnorms}
    assert modes == {Mode.TRAINING if in_training else Mode.INFERENCE}


def test_the_gradient_path_of_an_export():
    hits = read(MODELS / "ecg_sandwich_export").gradient_hits
    assert {hit.layer for hit in hits} == {"encoder1", "encoder1_bn", "encoder2"}


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(Unreadable):
        read(tmp_path / "does not exist")
