"""What is decoded late, or told at a glance, is the same as if everything had been looked at in full."""

import pytest

from freezelint.graph.saved_model.messages import DamagedNode, Nodes, Reference, map_entry, producer, reference, string
from freezelint.graph.saved_model.wire import Budget, Message
from tests.graph.saved_model.encoder import attribute, entry, node, number, part


def nodes_of(*encoded):
    places, buffer = [], b""
    for data in encoded:
        places.append((len(buffer), len(buffer) + len(data)))
        buffer += data
    return Nodes(Message(buffer, 0, len(buffer), Budget()), places)


def one(data, name="n"):
    return nodes_of(data).get(name)


LONG = "k" * 200
USUAL = part(1, "shared_name") + part(2, attribute("v"))


@pytest.mark.parametrize(
    "content",
    [
        USUAL,
        part(2, attribute("v")) + part(1, "shared_name"),
        part(1, "T") + USUAL,
        part(1, "T") + part(2, attribute("w")) + USUAL,
        USUAL + number(3, 1),
        part(1, LONG) + USUAL,
        b"\x0a\x8b\x00shared_name" + part(2, attribute("v")),
        part(1, "shared_name") + part(2, attribute("w") + part(9, LONG) + attribute("v")),
    ],
    ids=["usual", "value first", "key twice", "all twice", "more fields", "long", "length in two bytes", "long value"],
)
def test_an_attribute_is_found_however_its_entry_is_written(content):
    value = one(node("n", "VarHandleOp") + part(5, content)).attributes["shared_name"]
    assert string(value) in ("v", "w")
    key, other = map_entry(Message(content, 0, len(content), Budget()))
    assert (key, string(other)) == ("shared_name", string(value))


def test_attributes_that_nobody_looks_at_are_left_out():
    attributes = {"T": b"", "_output_shapes": b"", "f": b"", "dtype": b""}
    assert set(one(node("n", "PartitionedCall", **attributes)).attributes) == {"f"}
    assert set(one(node("n", "Mean", **attributes)).attributes) == {"f", "_output_shapes"}
    assert set(one(node("n", "VariableV2", **attributes)).attributes) == {"f", "dtype"}
    assert not one(node("n", "ReadVariableOp", **attributes)).attributes


def test_attributes_may_stand_before_the_operation():
    data = part(5, entry("dtype", b"")) + part(3, "x") + part(2, "VarHandleOp") + part(1, "n")
    found = one(data)
    assert (found.name, found.operation, set(found.attributes)) == ("n", "VarHandleOp", {"dtype"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a/b", ("a/b", 0)),
        ("a:2", ("a", 2)),
        ("a:y:1", ("a", 1)),
        ("a:batch_variance:0", ("a", 2)),
        ("a:", ("a", 0)),
        ("a:9999999", ("a", 0)),
        (":::", ("", 0)),
    ],
)
def test_references(written, expected):
    assert reference(written) == Reference(written, *expected)


def test_what_runs_before_a_node_without_being_its_operand():
    found = one(node("n", "AddV2", "a:y:0", "^guard", "b"))
    assert [operand.producer for operand in found.operands] == ["a", "b"]
    assert found.needed == ("a", "b", "guard")
    assert producer("^guard") == "guard"


def test_of_two_nodes_of_one_name_the_first_counts():
    nodes = nodes_of(node("n", "Relu"), node("n", "Rsqrt"), node("m", "Mul"))
    assert [found.operation for found in nodes.all()] == ["Relu", "Mul"]
    assert nodes.get("n") is nodes.get("n")
    assert nodes.get("other") is None


@pytest.mark.parametrize(
    "data",
    [
        node("n", "Relu") + b"\x1a\x05x",
        node("n", "Relu") + part(1, "m"),
        part(1, "n") + part(5, b"\x0a\x09short"),
    ],
    ids=["cut off", "two names", "damaged attribute"],
)
def test_damage_is_found_where_a_node_is_asked_for(data):
    nodes = nodes_of(node("whole", "Relu"), data)
    assert nodes.get("whole").operation == "Relu"
    with pytest.raises(DamagedNode):
        nodes.get("n")
    with pytest.raises(DamagedNode):
        nodes.all()
