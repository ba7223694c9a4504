"""Frozen variables on the gradient path, from operations and the saved list of what trains."""

import pytest

from freezelint.graph.saved_model import read
from tests.graph.saved_model.encoder import (
    Model,
    concrete_function,
    function,
    function_attribute,
    node,
    signature,
    user_object,
    variable_object,
)

NAMES = ("first/kernel", "middle/kernel", "last/kernel")


def chain(training, *, stop=False):
    """A chain x → first → middle → last, of which `training` are in the list of trainable variables."""
    arguments = ["x", "first", "middle", "last"]
    nodes = [node(f"{name}_read", "ReadVariableOp", name) for name in arguments[1:]]
    nodes.append(node("a", "MatMul", "x", "first_read"))
    if stop:
        nodes.append(node("stop", "StopGradient", "a"))
    nodes.append(node("b", "MatMul", "stop" if stop else "a", "middle_read"))
    nodes.append(node("c", "MatMul", "b", "last_read"))
    listed = {str(place): 4 + NAMES.index(name) for place, name in enumerate(training)}
    every = {str(place): 4 + place for place in range(3)}
    return Model(
        nodes=[node("x", "Placeholder"), node("call", "PartitionedCall", "x", f=function_attribute("model"))],
        functions=[function("model", arguments, nodes, {"y": "c:product:0"})],
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": "call:0"})],
        objects=[
            user_object(variables=1, trainable_variables=2, _all_variables=3),
            user_object(**every),
            user_object(**listed),
            user_object(),
            *(variable_object(name, 4, 4) for name in NAMES),
        ],
        concrete_functions={"model": concrete_function([4, 5, 6])},
    )


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (NAMES, []),
        (["last/kernel"], []),
        (["first/kernel", "last/kernel"], ["middle/kernel"]),
        (["first/kernel"], ["last/kernel", "middle/kernel"]),
        ([], []),
    ],
    ids=["all train", "a frozen start", "a frozen middle", "a frozen end", "none trains"],
)
def test_frozen_layers_after_one_that_trains_are_on_the_path(training, expected, tmp_path):
    hits = read(chain(training).save(tmp_path / "model")).gradient_hits
    assert sorted(hit.variable for hit in hits) == expected
    assert {hit.upstream for hit in hits} <= {"first/kernel"}
    assert {hit.layer for hit in hits} == {name.split("/")[0] for name in expected}


def test_the_gradient_ends_where_the_graph_stops_it(tmp_path):
    assert read(chain(["first/kernel", "last/kernel"], stop=True).save(tmp_path / "model")).gradient_hits == ()


def test_without_a_list_nothing_is_claimed(tmp_path):
    model = chain(NAMES)
    model.objects[0] = user_object(variables=1)
    found = read(model.save(tmp_path / "model"))
    assert found.gradient_hits is None
