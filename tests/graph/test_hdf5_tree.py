import io

import h5py
import numpy as np
import pytest

from freezelint.graph.hdf5_tree import read_tree
from freezelint.graph.model_graph import Unreadable


def tree_of(fill):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    buffer.seek(0)
    return read_tree(buffer)


def test_groups_attributes_and_shapes():
    def fill(file):
        file.attrs["keras_version"] = b"2.4.0"
        file.attrs["private"] = "not asked for"
        group = file.create_group("model_weights/head")
        group.attrs["weight_names"] = ["kernel:0", "bias:0"]
        group["kernel:0"] = np.zeros((3, 2), "float32")
        group["count"] = 7

    root = tree_of(fill).root
    assert root.attributes == {"keras_version": "2.4.0"}
    head = root.groups["model_weights"].groups["head"]
    assert head.texts("weight_names") == ["kernel:0", "bias:0"]
    assert (head.datasets["kernel:0"].shape, head.datasets["kernel:0"].dtype) == ((3, 2), "float32")
    assert head.datasets["count"].shape == ()
    assert root.find("model_weights/head/kernel:0").path == "model_weights/head/kernel:0"
    assert root.find("model_weights/nobody/kernel:0") is None
    assert [dataset.path for dataset in root.walk()] == ["model_weights/head/count", "model_weights/head/kernel:0"]


def test_a_long_list_spread_over_several_attributes_is_one_list():
    def fill(file):
        file.attrs["layer_names0"] = [b"a", b"b"]
        file.attrs["layer_names1"] = [b"c"]

    assert tree_of(fill).root.texts("layer_names") == ["a", "b", "c"]


def test_links_are_reported_and_not_followed(tmp_path):
    def fill(file):
        file["group/own"] = h5py.SoftLink("/elsewhere")
        file["outside"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
        file["again"] = file["group"]

    tree = tree_of(fill)
    assert "outside" not in tree.root.groups
    assert len(tree.inconsistencies) == 3


def test_a_dataset_in_another_file_is_reported_and_not_read(tmp_path):
    def fill(file):
        file.create_dataset("secret", shape=(8,), dtype="u1", external=[(str(tmp_path / "secret"), 0, 8)])

    tree = tree_of(fill)
    assert tree.root.datasets["secret"].shape == (8,)
    assert "another file" in tree.inconsistencies[0]


def test_attributes_of_another_type_are_nothing():
    root = tree_of(lambda file: file.attrs.update(model_config=np.zeros(3), name=5)).root
    assert root.attributes == {"model_config": None, "name": None}
    assert root.text("model_config") is None


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89HDF\r\n\x1a\n"])
def test_damage_is_unreadable(data):
    with pytest.raises(Unreadable):
        read_tree(io.BytesIO(data))


def test_numbers_are_read_only_if_the_optimizer_has_counted_steps(tmp_path):
    for steps, expected in ((0, None), (5, (-1.0, 2.0))):
        path = tmp_path / f"{steps}.h5"
        with h5py.File(path, "w") as file:
            file["layers/bn/vars/2"] = np.array([-1, 2], "float32")
            file["layers/conv/vars/0"] = np.ones((3, 3), "float32")
            file["optimizer/vars/0"] = np.int64(steps)
        with path.open("rb") as file:
            tree = read_tree(file)
        assert tree.steps == steps
        assert tree.root.find("layers/bn/vars/2").range == expected
        assert tree.root.find("layers/conv/vars/0").range is None
