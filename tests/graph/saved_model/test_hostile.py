"""Damaged and malicious SavedModels: always a model with its gaps, or a reason; never anything else."""

import json
import os
import random
from pathlib import Path

import pytest

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.saved_model import files, read, reader
from freezelint.graph.saved_model.wire import Budget
from tests.graph.saved_model.encoder import (
    Model,
    concrete_function,
    entry,
    function,
    function_attribute,
    function_object,
    metadata_file,
    node,
    number,
    part,
    serving,
    signature,
    user_object,
    variable_object,
)

MODELS = Path(__file__).parents[3] / "fixtures" / "models"
KERAS_2 = MODELS / "cats_dogs_live_batchnorm_keras2"
EXPORT = MODELS / "ecg_sandwich_export"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21461\nsize 132735373\n"


def folder_with(tmp_path, data, name="saved_model.pb"):
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder


def reason(folder):
    with pytest.raises(Unreadable) as caught:
        read(folder)
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (LFS_POINTER, "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>404</html>", "web page"),
        (b"\x00" * 1000, "damaged or no SavedModel"),
        (random.Random(1).randbytes(100_000), "damaged or no SavedModel"),
        (number(1, 1), "no graph"),
        ((KERAS_2 / "saved_model.pb").read_bytes()[:-1], "longer than what is left"),
        ((KERAS_2 / "saved_model.pb").read_bytes()[:20_000], "longer than what is left"),
    ],
    ids=["empty", "git lfs", "html", "zeros", "random", "no graph", "last byte missing", "half"],
)
def test_what_is_no_model_says_so(data, expected, tmp_path):
    assert expected in reason(folder_with(tmp_path, data))


@pytest.mark.parametrize(("name", "word"), [("saved_model.pbtxt", "text"), ("saved_model.cpb", "chunks")])
def test_other_encodings_are_unsupported_and_not_clean(name, word, tmp_path):
    said = reason(folder_with(tmp_path, b"x", name))
    assert word in said
    assert "not supported" in said


def test_both_encodings_side_by_side(tmp_path):
    folder = serving([node("y", "Identity", "x")]).save(tmp_path / "model")
    (folder / "saved_model.pbtxt").write_text("x")
    assert len(read(folder).signatures) == 1


def test_an_empty_folder_and_a_file(tmp_path):
    assert "no saved_model.pb" in reason(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    assert "not a folder" in reason(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "saved_model.pb")
    assert "not a regular file" in reason(tmp_path)


def test_links_that_leave_the_folder_are_refused(tmp_path):
    inside = serving([node("y", "Identity", "x")]).save(tmp_path / "real")
    outside = tmp_path / "model"
    outside.mkdir()
    (outside / "saved_model.pb").symlink_to(inside / "saved_model.pb")
    assert "leaves the folder" in reason(outside)
    (outside / "saved_model.pb").unlink()
    (outside / "saved_model.pb").symlink_to("saved_model.pb")
    assert "cannot be opened" in reason(outside)


def test_a_link_inside_the_folder_and_a_linked_folder_are_fine(tmp_path):
    folder = serving([node("y", "Identity", "x")]).save(tmp_path / "model")
    (folder / "saved_model.pb").rename(folder / "blob")
    (folder / "saved_model.pb").symlink_to("blob")
    (tmp_path / "link").symlink_to(folder)
    assert len(read(tmp_path / "link").signatures) == 1


def test_a_folder_where_the_file_should_be(tmp_path):
    (tmp_path / "saved_model.pb").mkdir()
    assert "regular file" in reason(tmp_path) or "cannot be opened" in reason(tmp_path)


def test_a_file_larger_than_any_loader_takes(tmp_path):
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.truncate(files.MAX_FILE + 1)
    assert "2 GiB" in reason(tmp_path)


def test_weights_in_the_graph_are_skipped_unread(tmp_path):
    """A constant of 600 MB (a hole in the file) in front of a signature."""
    size = 600 << 20
    wrapped = [(1, "huge"), (2, "Const")]
    inner = b"".join(part(key, text) for key, text in wrapped)
    model = serving([node("y", "Identity", "x")]).encode()
    lengths, prefix = size, b""
    for before, key in ((b"", 4), (b"", 8), (part(1, "value"), 2), (inner, 5), (b"", 1), (b"", 2), (b"", 2)):
        header = part(key, b"")[:-1] + _varint(lengths + len(prefix))
        prefix = before + header + prefix
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.write(model)
        file.write(prefix)
        file.truncate(file.tell() + size)
    assert len(read(tmp_path).signatures) == 1


def _varint(value):
    return number(1, value)[1:]


@pytest.mark.parametrize("source", [KERAS_2, EXPORT], ids=["keras 2", "export"])
def test_a_file_cut_anywhere_is_unreadable(source, tmp_path):
    data = (source / "saved_model.pb").read_bytes()
    for length in range(1, len(data), len(data) // 60):
        assert reason(folder_with(tmp_path, data[:length]))


@pytest.mark.parametrize("source", [KERAS_2, EXPORT], ids=["keras 2", "export"])
def test_flipped_bits_never_end_in_anything_but_a_reason(source, tmp_path):
    data = (source / "saved_model.pb").read_bytes()
    metadata = source / "keras_metadata.pb"
    dice = random.Random(7)
    for _ in range(80):
        bent = bytearray(data)
        for _ in range(dice.choice((1, 5, 50))):
            bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
        folder = folder_with(tmp_path, bytes(bent))
        if metadata.exists():
            other = bytearray(metadata.read_bytes())
            other[dice.randrange(len(other))] ^= 1 << dice.randrange(8)
            (folder / "keras_metadata.pb").write_bytes(bytes(other))
        _read_or_reason(folder)


def _read_or_reason(folder):
    try:
        read(folder)
    except Unreadable as problem:
        assert problem.reason


GOOD_ROOT = {"class_name": "Functional", "name": "m", "trainable": True, "config": {"name": "m"}}


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]", "7", "NaN", "null", '"text"', "{", "", '{"a": ' * 5000 + "1" + "}" * 5000, "[" * 100_000,
        '{"name": ["list"], "class_name": 3, "trainable": "no", "config": [1], "model_config": []}',
        '{"name": "m", "class_name": "F", "units": ' + "9" * 6000 + "}",
        json.dumps({**GOOD_ROOT, "model_config": {"class_name": "Functional", "config": {"layers": 7}}}),
        json.dumps({**GOOD_ROOT, "model_config": {"class_name": "Functional", "config": {"layers": [None, 3]}}}),
    ],
    ids=range(13),
)  # fmt: skip
def test_metadata_that_is_no_metadata(text, tmp_path):
    model = Model(
        objects=[user_object("_tf_keras_network", **{"layer-0": 1}), user_object("_tf_keras_layer")],
        metadata=[(0, "root", "_tf_keras_network", text), (1, "root.layer-0", "_tf_keras_layer", "{}")],
    )
    _read_or_reason(model.save(tmp_path / "model"))


def test_metadata_in_bytes_that_are_no_text(tmp_path):
    folder = Model(objects=[user_object("_tf_keras_network")]).save(tmp_path / "model")
    (folder / "keras_metadata.pb").write_bytes(part(1, part(3, "root") + part(5, b"\xff\xfe\xff{}")))
    assert any("not valid JSON" in one.reason for one in read(folder).not_read)


def test_metadata_about_objects_that_do_not_exist(tmp_path):
    text = json.dumps(GOOD_ROOT)
    entries = [(number_, f"root.layer-{number_}", "_tf_keras_layer", text) for number_ in (-1, 2**31 - 1, 99)]
    model = Model(
        objects=[user_object("_tf_keras_network")], metadata=[(0, "root", "_tf_keras_network", text), *entries]
    )
    found = read(model.save(tmp_path / "model"))
    assert len(found.inconsistencies) == 3


def test_metadata_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path):
    folder = Model(objects=[user_object("_tf_keras_network")]).save(tmp_path / "model")
    data = metadata_file([(0, "root", "_tf_keras_network", json.dumps(GOOD_ROOT))] * 2)
    (folder / "keras_metadata.pb").write_bytes(data[:-1])
    found = read(folder)
    assert found.root.name == "m"
    assert any("damaged" in one.reason for one in found.not_read)


def test_metadata_without_a_graph_and_without_content(tmp_path):
    assert "says nothing" in reason(folder_with(tmp_path, b"\x0a\x00", "keras_metadata.pb"))
    assert "empty" in reason(folder_with(tmp_path, b"", "keras_metadata.pb"))


def test_objects_that_point_at_each_other_and_nowhere(tmp_path):
    model = Model(
        objects=[
            user_object("_tf_keras_model", a=1, b=0, c=-5, d=2**31, variables=1, trainable_variables=-3),
            user_object("_tf_keras_layer", back=0, self=1, list=2),
            user_object(x=1, y=2),
            variable_object("v"),
        ],
        concrete_functions={"f": concrete_function([-1, 2**40, 0, 1])},
        functions=[function("f", ["x"], [], {"y": "x"})],
        nodes=[node("x", "Placeholder"), node("y", "PartitionedCall", "x", f=function_attribute("f"))],
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": "y:0"})],
    )
    found = read(model.save(tmp_path / "model"))
    assert [layer.name for layer in found.layers()] == ["a"]


def test_layers_that_share_everything_below_do_not_multiply(tmp_path):
    """Sixty levels with two ways to the next: 2^60 paths."""
    objects = [
        user_object("_tf_keras_layer", json.dumps({"name": f"l{level}"}), a=level + 1, b=61 + level + 1)
        for level in range(61)
    ]
    objects += [
        user_object("_tf_keras_layer", json.dumps({"name": f"r{level}"}), a=level + 1, b=61 + level + 1)
        for level in range(61)
    ]
    found = read(Model(objects=objects).save(tmp_path / "model"))
    assert any("layers: the rest was not read" in gap for gap in found.gaps)


def test_a_trace_signature_nested_beyond_reason(tmp_path):
    nested = b""
    for _ in range(3000):
        nested = part(51, part(1, nested))
    model = Model(
        objects=[user_object("_tf_keras_model", __call__=1), function_object("f", spec=part(1, nested))],
        functions=[function("f", ["x"], [], {"y": "x"})],
        concrete_functions={"f": concrete_function([], nested)},
    )
    assert read(model.save(tmp_path / "model")).training_trace is None


def test_names_that_occur_twice(tmp_path):
    model = serving([node("y", "Identity", "x"), node("y", "Rsqrt", "x")])
    model.functions = [function("f", ["x"], [], {"y": "x"})] * 2
    assert any("two functions" in sentence for sentence in read(model.save(tmp_path / "model")).inconsistencies)


def test_a_signature_of_a_tensor_that_does_not_exist(tmp_path):
    model = Model(signatures=[signature("serving_default", {"x": ":::"}, {"y": "nowhere:99999999999999999999"})])
    assert any("nowhere" in sentence for sentence in read(model.save(tmp_path / "model")).inconsistencies)


def test_operations_of_wrong_arity_and_unknown_kind(tmp_path):
    operations = [
        "If", "While", "Case", "PartitionedCall", "Merge", "Switch", "Mean", "Sum", "Rsqrt", "Pow", "SelectV2", "Fill",
        "FusedBatchNormV3", "ReadVariableOp", "AssignVariableOp", "RngReadAndSkip", "StatelessRandomUniformV2",
        "Square", "Sub", "RealDiv", "LogicalNot", "IdentityN", "Identity", "NeverHeardOf", "", "VarHandleOp", "Const",
    ]  # fmt: skip
    call = function_attribute("f")
    nodes = []
    for operation in operations:
        for count in (0, 1, 2):
            name = f"{operation or 'none'}_{count}"
            nodes.append(node(name, operation, *["x"] * count, then_branch=call, body=call, value=b"\xff"))
            nodes.append(node(f"{name}_bare", operation, *["x"] * count))
    every = [f"{operation or 'none'}_{count}{tail}" for operation in operations for count in (0, 1, 2)
             for tail in ("", "_bare")]  # fmt: skip
    nodes.append(node("y", "AddN", *every))
    model = serving(nodes, functions=[function("f", ["a"], [], {"y": "a"})])
    _read_or_reason(model.save(tmp_path / "model"))


BENT = b"\x1a\x05x"
"""The beginning of an input of a node, cut off."""


def test_a_damaged_function_is_named_and_the_rest_is_read(tmp_path):
    bent = part(1, part(1, "bent")) + b"\x1a\xff\x01"
    model = serving([node("y", "PartitionedCall", "x", f=function_attribute("bent"))], functions=[bent])
    model.nodes.append(node("z", "Identity", "x"))
    model.signatures.append(signature("other", {"x": "x:0"}, {"z": "z:0"}))
    found = read(model.save(tmp_path / "model"))
    assert any("function bent" in sentence for sentence in found.inconsistencies)
    assert [one.name for one in found.signatures] == ["serving_default", "other"]


def test_a_function_with_a_damaged_node_is_damaged_if_the_node_is_reached(tmp_path):
    bodies = {"y": "reached", "z": "spared"}
    functions = [
        function(name, ["a"], [node("used", "Rsqrt", "a"), node("bent", "Relu") + BENT], {"out": wanted})
        for name, wanted in (("reached", "bent:0"), ("spared", "used:0"))
    ]
    model = serving([], functions=functions)
    model.nodes += [node(key, "PartitionedCall", "x", f=function_attribute(name)) for key, name in bodies.items()]
    model.signatures.append(signature("other", {"x": "x:0"}, {"z": "z:0"}))
    found = read(model.save(tmp_path / "model"))
    (sentence,) = found.inconsistencies
    assert "signature serving_default needs 'function reached'" in sentence
    assert not found.not_read


def test_a_damaged_node_of_the_main_graph_ends_the_checking_of_signatures_if_it_is_reached(tmp_path):
    model = serving([node("y", "Identity", "x"), node("z", "Identity", "y") + BENT])
    model.objects = [user_object()]
    assert not read(model.save(tmp_path / "model")).not_read
    model.signatures.append(signature("other", {"x": "x:0"}, {"z": "z:0"}))
    found = read(model.save(tmp_path / "model"))
    assert found.signatures == []
    (sentence,) = found.not_read
    assert "the main graph is damaged" in sentence.reason


def test_without_an_object_graph_every_node_may_be_a_variable(tmp_path):
    model = serving([node("y", "Identity", "x"), node("v", "VariableV2") + BENT])
    found = read(model.save(tmp_path / "model"))
    assert found.signatures == []
    assert "the main graph is damaged" in found.not_read[0].reason


def test_damage_in_what_an_object_keeps_matters_if_it_is_looked_at(tmp_path):
    bent = part(1, b"\x12\x09short")
    stray = Model(objects=[user_object("_tf_keras_model"), bent])
    assert read(stray.save(tmp_path / "stray")).root is not None
    assert "damaged" in reason(Model(objects=[bent + user_object("_tf_keras_model")]).save(tmp_path / "root"))


@pytest.mark.parametrize(
    ("limit", "data"),
    [
        ({"fields": 1000}, number(1, 1) * 5000),
        ({"kept": 100}, part(2, part(2, part(1, b"") * 500))),
        ({"kept": 100}, part(2, part(7, part(1, b"") * 500))),
        ({"kept": 100}, part(2, part(5, entry("s", part(1, b"") * 500)))),
        ({"kept": 100}, part(2, b"") * 500),
        ({"seconds": -1.0}, part(2, b"")),
    ],
    ids=["fields", "nodes", "objects", "inputs", "graphs", "time"],
)
def test_more_than_any_real_model_holds_is_given_up(limit, data, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "Budget", lambda: Budget(**limit))
    assert "given up" in reason(folder_with(tmp_path, data))


def test_a_computation_too_long_to_follow_is_said_to_be_unfinished(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "Budget", lambda: Budget(steps=100))
    nodes = [node("n0", "Identity", "x"), *(node(f"n{i}", "Relu", f"n{i - 1}") for i in range(1, 500))]
    model = read(serving(nodes, "n499:0").save(tmp_path / "model"))
    assert model.signatures == []
    assert "not followed to its end" in model.not_read[0].reason
