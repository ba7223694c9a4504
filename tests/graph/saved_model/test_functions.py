"""How a computation is followed: calls, captured variables, branches, loops and TensorFlow 1 switches."""

import time

import pytest

from freezelint.graph.model_graph import Mode
from freezelint.graph.saved_model import read
from tests.graph.saved_model.encoder import (
    Model,
    concrete_function,
    function,
    function_attribute,
    node,
    serving,
    signature,
    true_or_false,
    user_object,
    variable_handle,
    variable_object,
)

FUSED = {
    mode: function(
        f"batchnorm_{mode.value}",
        ["x", "handle"],
        [
            node("read", "ReadVariableOp", "handle"),
            node("bn", "FusedBatchNormV3", "x", "read", "read", "read", "read", is_training=mode is Mode.TRAINING),
        ],
        {"y": "bn:y:0"},
    )
    for mode in Mode
}


def modes(model, tmp_path):
    return [found.mode for found in read(model.save(tmp_path / "model")).signatures[0].batchnorms]


def test_a_captured_variable_is_followed_into_the_function_that_uses_it(tmp_path):
    count = function(
        "count", ["handle"], [node("write", "AssignAddVariableOp", "handle", "handle")], {}, controls=["write"]
    )
    outer = function(
        "outer",
        ["x", "captured"],
        [node("inner", "StatefulPartitionedCall", "captured", f=function_attribute("count"))],
        {"y": "x"},
        controls=["inner"],
    )
    model = Model(
        nodes=[
            node("x", "Placeholder"),
            node("other", "VarHandleOp", shared_name="misleading"),
            node("call", "StatefulPartitionedCall", "x", "other", f=function_attribute("outer")),
        ],
        functions=[outer, count],
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": "call:0"})],
        objects=[user_object(calls=1), variable_object("calls")],
        concrete_functions={"outer": concrete_function([1])},
    )
    (write,) = read(model.save(tmp_path / "model")).signatures[0].writes
    assert (write.variable, write.purpose) == ("calls", "other")


def test_only_functions_that_the_signature_reaches_count(tmp_path):
    nodes = [variable_handle("v"), node("y", "PartitionedCall", "x", "v", f=function_attribute("batchnorm_inference"))]
    assert modes(serving(nodes, functions=FUSED.values()), tmp_path) == [Mode.INFERENCE]


@pytest.mark.parametrize("operation", ["If", "StatelessIf"])
@pytest.mark.parametrize("training", [True, False])
def test_of_a_branch_that_is_decided_only_one_side_runs(operation, training, tmp_path):
    nodes = [
        variable_handle("v"),
        node("phase", "Const", value=true_or_false(training)),
        node(
            "y",
            operation,
            "phase",
            "x",
            "v",
            then_branch=function_attribute("batchnorm_training"),
            else_branch=function_attribute("batchnorm_inference"),
        ),
    ]
    expected = [Mode.TRAINING if training else Mode.INFERENCE]
    assert modes(serving(nodes, functions=FUSED.values()), tmp_path) == expected


def test_a_placeholder_with_a_default_has_its_default(tmp_path):
    nodes = [
        variable_handle("v"),
        node("false", "Const", value=true_or_false(False)),
        node("keras_learning_phase", "PlaceholderWithDefault", "false"),
        node("training", "LogicalNot", "keras_learning_phase"),
        node("inference", "LogicalNot", "training"),
        node(
            "y",
            "If",
            "inference",
            "x",
            "v",
            then_branch=function_attribute("batchnorm_training"),
            else_branch=function_attribute("batchnorm_inference"),
        ),
    ]
    assert modes(serving(nodes, functions=FUSED.values()), tmp_path) == [Mode.INFERENCE]


def test_a_branch_on_the_data_runs_both_sides(tmp_path):
    nodes = [
        variable_handle("v"),
        node("sum", "Sum", "x", "x"),
        node("large", "Greater", "sum", "sum"),
        node(
            "y",
            "If",
            "large",
            "x",
            "v",
            then_branch=function_attribute("batchnorm_training"),
            else_branch=function_attribute("batchnorm_inference"),
        ),
    ]
    assert set(modes(serving(nodes, functions=FUSED.values()), tmp_path)) == set(Mode)


def test_a_mode_that_the_caller_chooses_is_a_gap_and_no_finding(tmp_path):
    nodes = [
        variable_handle("v"),
        node("training", "Placeholder"),
        node(
            "y",
            "If",
            "training",
            "x",
            "v",
            then_branch=function_attribute("batchnorm_training"),
            else_branch=function_attribute("batchnorm_inference"),
        ),
    ]
    model = serving(nodes, functions=FUSED.values())
    model.signatures = [signature("serving_default", {"x": "x:0", "training": "training:0"}, {"y": "y:0"})]
    read_model = read(model.save(tmp_path / "model"))
    assert read_model.signatures[0].batchnorms == ()
    assert any("chooses what runs" in gap for gap in read_model.gaps)


@pytest.mark.parametrize(("index", "expected"), [(0, Mode.TRAINING), (1, Mode.INFERENCE), (7, Mode.INFERENCE)])
def test_a_case_runs_the_branch_of_its_index_and_the_last_for_any_other(index, expected, tmp_path):
    branches = function_attribute("batchnorm_training", "batchnorm_inference", as_list=True)
    nodes = [
        variable_handle("v"),
        node("index", "Const", value=(index,)),
        node("y", "Case", "index", "x", "v", branches=branches),
    ]
    assert modes(serving(nodes, functions=FUSED.values()), tmp_path) == [expected]


def test_the_body_of_a_loop_is_followed_with_what_it_carries(tmp_path):
    body = function(
        "body",
        ["x", "handle"],
        [node("bn", "PartitionedCall", "x", "handle", f=function_attribute("batchnorm_training"))],
        {"x_out": "bn:output:0", "handle_out": "handle"},
    )
    condition = function("condition", ["x", "handle"], [node("less", "Less", "x", "x")], {"go": "less:z:0"})
    nodes = [
        variable_handle("v"),
        node("loop", "While", "x", "v", cond=function_attribute("condition"), body=function_attribute("body")),
        node("y", "Identity", "loop:0"),
    ]
    assert modes(serving(nodes, functions=[body, condition, *FUSED.values()]), tmp_path) == [Mode.TRAINING]


@pytest.mark.parametrize("training", [True, False])
def test_a_tensorflow_1_switch_kills_the_other_side(training, tmp_path):
    nodes = [
        variable_handle("v"),
        node("read", "ReadVariableOp", "v"),
        node("phase", "Const", value=true_or_false(training)),
        node("switch", "Switch", "x", "phase"),
        node("live", "FusedBatchNorm", "switch:1", "read", "read", "read", "read"),
        node("still", "FusedBatchNorm", "switch", "read", "read", "read", "read", is_training=False),
        node("y", "Merge", "still", "live"),
    ]
    assert modes(serving(nodes), tmp_path) == [Mode.TRAINING if training else Mode.INFERENCE]


@pytest.mark.parametrize("training", [True, False])
def test_what_a_switch_throws_away_is_not_told(training, tmp_path):
    """As Keras wrote it for TensorFlow 1: both forms are computed, and the learning phase chooses."""
    nodes = [
        variable_handle("v"),
        node("read", "ReadVariableOp", "v"),
        node("default", "Const", value=true_or_false(training)),
        node("keras_learning_phase", "PlaceholderWithDefault", "default"),
        node("live", "FusedBatchNorm", "x", "read", "read", "read", "read"),
        node("still", "FusedBatchNorm", "x", "read", "read", "read", "read", is_training=False),
        node("switch_live", "Switch", "live", "keras_learning_phase"),
        node("switch_still", "Switch", "still", "keras_learning_phase"),
        node("y", "Merge", "switch_still", "switch_live:1"),
    ]
    assert modes(serving(nodes), tmp_path) == [Mode.TRAINING if training else Mode.INFERENCE]


def test_a_circle_of_nodes_ends(tmp_path):
    nodes = [node("a", "AddV2", "x", "b"), node("b", "NextIteration", "a"), node("y", "Identity", "a")]
    assert read(serving(nodes).save(tmp_path / "model")).signatures[0].batchnorms == ()


def test_functions_that_call_themselves_and_each_other_end(tmp_path):
    calls = {"even": "odd", "odd": "even", "self": "self"}
    functions = [
        function(name, ["x"], [node("c", "PartitionedCall", "x", f=function_attribute(other))], {"y": "c:output:0"})
        for name, other in calls.items()
    ]
    nodes = [
        node("a", "PartitionedCall", "x", f=function_attribute("even")),
        node("y", "PartitionedCall", "a", f=function_attribute("self")),
    ]
    assert not read(serving(nodes, functions=functions).save(tmp_path / "model")).not_read


def test_a_fan_out_of_calls_is_walked_once_per_function(tmp_path):
    depth = 60
    functions = [
        function(
            f"level{level}",
            ["x"],
            [
                node("left", "PartitionedCall", "x", f=function_attribute(f"level{level + 1}")),
                node("right", "PartitionedCall", "x", f=function_attribute(f"level{level + 1}")),
                node("sum", "AddV2", "left:output:0", "right:output:0"),
            ],
            {"y": "sum:z:0"},
        )
        for level in range(depth)
    ]
    functions.append(function(f"level{depth}", ["x"], [], {"y": "x"}))
    nodes = [node("y", "PartitionedCall", "x", f=function_attribute("level0"))]
    started = time.monotonic()
    model = read(serving(nodes, functions=functions).save(tmp_path / "model"))
    assert time.monotonic() - started < 10
    assert not model.not_read


def test_calls_nested_beyond_reason_are_a_gap(tmp_path):
    depth = 400
    functions = [
        function(
            f"level{level}",
            ["x"],
            [node("next", "PartitionedCall", "x", f=function_attribute(f"level{level + 1}"))],
            {"y": "next:output:0"},
        )
        for level in range(depth)
    ]
    nodes = [node("y", "PartitionedCall", "x", f=function_attribute("level0"))]
    model = read(serving(nodes, functions=functions).save(tmp_path / "model"))
    assert any("nested too deeply" in gap for gap in model.gaps)


def test_what_the_graph_names_but_does_not_hold_is_an_inconsistency(tmp_path):
    nodes = [node("y", "PartitionedCall", "missing", f=function_attribute("nowhere"))]
    model = read(serving(nodes).save(tmp_path / "model"))
    assert any("nowhere" in sentence for sentence in model.inconsistencies)
    assert any("missing" in sentence for sentence in model.inconsistencies)


def test_a_mode_that_is_stored_in_a_variable_is_a_gap_and_no_finding(tmp_path):
    nodes = [
        variable_handle("v"),
        variable_handle("is_training"),
        node("training", "ReadVariableOp", "is_training"),
        node(
            "y",
            "If",
            "training",
            "x",
            "v",
            then_branch=function_attribute("batchnorm_training"),
            else_branch=function_attribute("batchnorm_inference"),
        ),
    ]
    found = read(serving(nodes, functions=FUSED.values()).save(tmp_path / "model"))
    assert found.signatures[0].batchnorms == ()
    assert any("chooses what runs" in gap for gap in found.gaps)
