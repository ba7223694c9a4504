"""The same flags and arguments mean different things to Keras 2 and 3."""

import pytest

from freezelint.graph.model_graph import BatchNormCall, Mode, Signature
from freezelint.graph.training import traced_modes, trains, wired_training
from tests.graph.build import KERAS2, KERAS3, base, call, functional, layer, model, source, with_head


@pytest.mark.parametrize(("keras", "expected"), [(KERAS2, False), (KERAS3, True)])
def test_a_frozen_parent_holds_its_children_back_in_keras_2_only(keras, expected):
    graph = model(with_head(base(own=False, bn=True)))
    assert trains(graph, graph.layer("base/bn"), keras) is expected
    assert trains(graph, graph.layer("base/conv"), keras) is False
    assert trains(graph, graph.layer("head"), keras) is True


@pytest.mark.parametrize("keras", [KERAS2, KERAS3])
def test_the_model_that_is_trained_holds_its_layers_back_in_both(keras):
    graph = model(functional("m", source(), layer("Dense", "d", "in"), own=False))
    assert trains(graph, graph.layer("d"), keras) is False


def test_the_innermost_literal_training_counts():
    inner = functional(
        "inner",
        source("a"),
        layer("BatchNormalization", "plain", "a"),
        layer("BatchNormalization", "own", call("plain", training=True)),
        calls=(call("in", training=False),),
    )
    wired = wired_training(model(with_head(inner)))
    assert wired["inner/plain"] == {False}
    assert wired["inner/own"] == {True}
    assert wired["head"] == {None}


def test_a_layer_called_twice_has_both_values():
    graph = model(with_head(base(calls=(call("in", training=False), "in"))))
    assert wired_training(graph)["base/bn"] == {False, None}


def test_what_keras_3_writes_for_dropout_is_no_literal():
    graph = model(functional("m", source(), layer("Dropout", "d", call("in", training=False), rate=0.5)))
    assert wired_training(graph)["d"] == {None}


def test_the_training_trace_knows_the_mode():
    trace = Signature("train", batchnorms=(BatchNormCall("outer/base/bn/FusedBatchNormV3", Mode.TRAINING),))
    graph = model(with_head(base()), training_trace=trace)
    assert traced_modes(graph, graph.layer("base/bn")) == {Mode.TRAINING}
    assert traced_modes(graph, graph.layer("head")) == set()
