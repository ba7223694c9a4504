"""Model configurations of every generation become the same facts."""

import json

import pytest

from freezelint.graph.keras_config import MAX_DEPTH, read_model_config
from freezelint.graph.model_graph import LayerKind, TensorRef, Unreadable
from tests.graph.build import base, call, functional, layer, sequential, source, with_head


def old(class_name, name, *nodes, **config):
    """A layer as Keras 2 writes it."""
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": list(nodes)}


def old_model(name, layers, output, **extra):
    config = {"name": name, "layers": layers, "input_layers": [[layers[0]["name"], 0, 0]], "output_layers": output}
    return {"class_name": "Functional", "name": name, "config": config, **extra}


def calls(graph):
    """(layer, the calls it takes its inputs from, training) in the order of the graph."""
    return [(call.layer, [(ref.layer, ref.call) for ref in call.inputs], call.training) for call in graph.calls]


def paths(graph):
    return [one.path for one in graph.root.walk()]


def test_a_nested_model_of_keras_3():
    graph = read_model_config(with_head(base(calls=(call("in", training=False),))))
    assert paths(graph) == ["", "in", "base", "base/base_in", "base/conv", "base/bn", "head"]
    assert calls(graph) == [
        ("base/conv", [("base/base_in", 0)], None),
        ("base/bn", [("base/conv", 0)], None),
        ("base", [("in", 0)], False),
        ("head", [("base", 0)], None),
    ]
    assert graph.inputs == {"": (TensorRef("in", 0),), "base": (TensorRef("base/base_in", 0),)}
    assert graph.outputs == {"": (TensorRef("head", 0),), "base": (TensorRef("base/bn", 0),)}
    assert not graph.inconsistencies


def test_keras_3_counts_the_calls_of_a_nested_model_from_1_where_a_model_ends():
    part = base(calls=("in", ("base", 0, 0)))
    graph = read_model_config(functional("outer", source(), part, outputs=[["base", 1, 0], ["base", 2, 0]]))
    assert graph.outputs[""] == (TensorRef("base", 0), TensorRef("base", 1))
    assert not graph.inconsistencies


def test_a_nested_model_of_keras_2_counts_its_calls_from_1():
    inner = old_model("base", [old("InputLayer", "a"), old("Dense", "d", [["a", 0, 0, {}]])], [["d", 0, 0]])
    inner["inbound_nodes"] = [[["in", 0, 0, {"training": False}]], [["base", 1, 0, {}]]]
    layers = [old("InputLayer", "in"), inner, old("Add", "sum", [["base", 1, 0, {}], ["base", 2, 0, {}]])]
    graph = read_model_config(old_model("outer", layers, [["sum", 0, 0]]))
    assert calls(graph)[1:] == [
        ("base", [("in", 0)], False),
        ("base", [("base", 0)], None),
        ("sum", [("base", 0), ("base", 1)], None),
    ]
    assert not graph.inconsistencies


def test_a_sequential_of_keras_2_without_an_input_counts_from_0():
    inner = {"class_name": "Sequential", "name": "seq", "config": {"name": "seq", "layers": [old("Dense", "d")]}}
    inner["inbound_nodes"] = [[["in", 0, 0, {}]]]
    layers = [old("InputLayer", "in"), inner, old("Dense", "head", [["seq", 0, 0, {}]])]
    graph = read_model_config(old_model("outer", layers, [["head", 0, 0]]))
    assert calls(graph)[-1] == ("head", [("seq", 0)], None)
    assert not graph.inconsistencies


def test_a_sequential_is_a_chain():
    graph = read_model_config(sequential("s", source(), layer("Dense", "a"), layer("Dense", "b")))
    assert graph.root.kind is LayerKind.SEQUENTIAL
    assert calls(graph) == [("a", [("in", 0)], None), ("b", [("a", 0)], None)]
    assert graph.outputs == {"": (TensorRef("b", 0),)}


def test_the_bare_list_of_keras_2_0_is_a_sequential():
    config = {
        "class_name": "Sequential",
        "config": [old("Lambda", "scale", function=["4wE", None, None]), old("Dense", "d")],
    }
    graph = read_model_config(config)
    assert calls(graph) == [("scale", [], None), ("d", [("scale", 0)], None)]
    assert graph.embedded_code == ["scale"]


def test_the_class_model_of_keras_2_0_is_a_functional_model():
    config = old_model("m", [old("InputLayer", "in"), old("Dense", "d", [["in", 0, 0, {}]])], [["d", 0, 0]])
    assert read_model_config({**config, "class_name": "Model"}).root.kind is LayerKind.FUNCTIONAL


def test_raw_operations_of_keras_2_hide_tensors_in_their_arguments():
    flat = ["a", 0, 0, {"y": ["b", 0, 0], "name": None}]
    layers = [
        old("InputLayer", "a"),
        old("InputLayer", "b"),
        old("TFOpLambda", "tf.math.add", flat, function="math.add"),
    ]
    graph = read_model_config(old_model("m", layers, [["tf.math.add", 0, 0]]))
    assert calls(graph) == [("tf.math.add", [("a", 0), ("b", 0)], None)]
    assert graph.root.children[2].kind is LayerKind.OPERATION


def test_data_in_arguments_is_not_taken_for_a_tensor():
    layers = [old("InputLayer", "a"), old("TFOpLambda", "op", ["a", 0, 0, {"names": ["nobody", 1, 2]}])]
    graph = read_model_config(old_model("m", layers, [["op", 0, 0]]))
    assert calls(graph) == [("op", [("a", 0)], None)]
    assert not graph.inconsistencies


def test_tensors_at_any_depth_of_a_call_of_keras_3():
    attention = {"args": [{"q": [[{"x": call("in")["args"][0]}]]}], "kwargs": {"value": call("other")["args"][0]}}
    config = functional(
        "m",
        source(),
        source("other"),
        layer("MultiHeadAttention", "mha", attention),
        inputs=[["in", 0, 0], ["other", 0, 0]],
    )
    graph = read_model_config(config)
    assert calls(graph) == [("mha", [("in", 0), ("other", 0)], None)]
    assert graph.calls[0].input_shapes == ((None, 4), (None, 4))


@pytest.mark.parametrize(
    ("class_name", "training", "is_artifact"),
    [
        ("Dropout", False, True),
        ("GaussianNoise", False, True),
        ("LSTM", False, True),
        ("RandomFlip", True, True),
        ("Resizing", True, True),
        ("Dropout", True, False),
        ("BatchNormalization", False, False),
        ("BatchNormalization", True, False),
        ("RandomFlip", False, False),
    ],
)
def test_what_keras_3_writes_for_a_call_without_training_is_told_apart(class_name, training, is_artifact):
    graph = read_model_config(functional("m", source(), layer(class_name, "x", call("in", training=training))))
    assert (graph.calls[0].training, graph.calls[0].training_is_artifact) == (training, is_artifact)


def test_keras_2_writes_training_only_where_the_author_did():
    layers = [old("InputLayer", "in"), old("Dropout", "d", [["in", 0, 0, {"training": False}]])]
    graph = read_model_config(old_model("m", layers, [["d", 0, 0]]))
    assert (graph.calls[0].training, graph.calls[0].training_is_artifact) == (False, False)


def test_wrappers_hold_what_they_wrap():
    inner = layer("Dense", "dense", own=False)
    cells = layer("StackedRNNCells", "cells", cells=[layer("LSTMCell", "c1"), layer("LSTMCell", "c2")])
    both = {"layer": layer("LSTM", "forward"), "backward_layer": layer("LSTM", "backward")}
    config = sequential(
        "s",
        layer("TimeDistributed", "td", layer=inner),
        layer("RNN", "rnn", cell=cells),
        layer("Bidirectional", "bi", **both),
    )
    graph = read_model_config(config)
    assert paths(graph)[1:] == [
        "td",
        "td/dense",
        "rnn",
        "rnn/cells",
        "rnn/cells/c1",
        "rnn/cells/c2",
        "bi",
        "bi/forward",
        "bi/backward",
    ]
    assert {one.kind for one in graph.root.children} == {LayerKind.WRAPPER}
    assert graph.root.children[0].children[0].own_trainable is False


def test_initializers_are_no_layers():
    kernel = {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": None}}
    graph = read_model_config(sequential("s", layer("Dense", "d", kernel_initializer=kernel)))
    assert graph.root.children[0].kind is LayerKind.LAYER


def test_effective_flags_are_those_of_the_layer_and_of_everything_above_it():
    graph = read_model_config(with_head(base(own=False, bn=True)))
    flags = {one.path: (one.own_trainable, one.effective_trainable) for one in graph.root.walk()}
    assert flags["base"] == (False, False)
    assert flags["base/bn"] == (True, False)
    assert flags["head"] == (True, True)


@pytest.mark.parametrize(("first", "expected"), [(False, False), (True, True)])
def test_a_container_without_a_flag_is_frozen_if_everything_in_it_is(first, expected):
    inner = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
    inner["config"]["layers"] = [old("Dense", "a", trainable=first), old("Dense", "b", trainable=False)]
    graph = read_model_config({"class_name": "Sequential", "config": {"name": "m", "layers": [inner]}})
    container = graph.root.children[0]
    assert (container.own_trainable, container.effective_trainable) == (None, expected)
    assert container.children[0].effective_trainable is first


def test_a_subclassed_model_is_a_gap():
    graph = read_model_config({"class_name": "Sub", "registered_name": "zoo>Sub", "config": {"name": "sub"}})
    assert graph.root.kind is LayerKind.SUBCLASSED
    assert "Sub" in graph.gaps[0]


def test_a_subclassed_model_keeps_the_models_in_its_configuration():
    config = {"class_name": "Classifier", "config": {"name": "c", "backbone": base(own=False)}}
    graph = read_model_config(config)
    assert "base/bn" in paths(graph)
    assert graph.outputs == {"base": (TensorRef("base/bn", 0),)}


@pytest.mark.parametrize("config", [None, 3, [], {}, {"class_name": 5}])
def test_what_is_no_model_is_unreadable(config):
    with pytest.raises(Unreadable):
        read_model_config(config)


def test_nesting_ends_somewhere():
    inner = layer("Dense", "d")
    for number in range(MAX_DEPTH + 20):
        inner = sequential(f"s{number}", inner)
    graph = read_model_config(inner)
    assert len(paths(graph)) <= MAX_DEPTH + 2
    assert "too deeply" in graph.inconsistencies[0]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (layer("Dense", "d", ("d", 0, 0)), "circle"),
        (layer("Dense", "d", "nobody"), "does not exist"),
        (layer("Dense", "d", ("in", 4, 0)), "nothing makes"),
        ({**layer("Dense", "d"), "inbound_nodes": 7}, "not a list"),
        ({**layer("Dense", "d"), "inbound_nodes": ["x"]}, "neither a list nor an object"),
        (layer("Dense", "d", "in", own="no"), "not true or false"),
        (source(), "called 'in'"),
    ],
)
def test_what_is_wrong_is_said(part, expected):
    graph = read_model_config(functional("m", source(), part))
    assert expected in " ".join(graph.inconsistencies)


def test_the_result_does_not_depend_on_a_trip_through_json():
    config = with_head(base(calls=(call("in", training=True),)))
    assert calls(read_model_config(json.loads(json.dumps(config)))) == calls(read_model_config(config))
