import io
import math
import random

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freezelint.graph import hdf5_tree
from freezelint.graph.hdf5_tree import read_tree
from freezelint.graph.model_graph import Unreadable
from tests import hostile
from tests.graph.hdf5_format.build import written


def tree_of(fill, **settings):
    return read_tree(written(fill, **settings))


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


def test_numbers_that_are_not_finite_are_told_as_such():
    def fill(file):
        file["layers/bn/vars/2"] = np.array([1, np.inf], "float32")
        file["optimizer/vars/0"] = np.int64(1)

    assert all(map(math.isnan, tree_of(fill).root.find("layers/bn/vars/2").range))


def test_numbers_in_chunks_are_not_read():
    def fill(file):
        file.create_dataset("layers/bn/vars/2", data=np.ones(100, "float32"), chunks=(10,), compression="gzip")
        file["optimizer/vars/0"] = np.int64(1)

    dataset = tree_of(fill).root.find("layers/bn/vars/2")
    assert (dataset.shape, dataset.dtype, dataset.range) == ((100,), "float32", None)


def test_a_stretch_of_a_file_is_read_where_it_lies():
    content = hostile.KERAS2.read_bytes()
    around = io.BytesIO(b"before" + content + b"behind")
    assert read_tree(around, 6, len(content)) == read_tree(io.BytesIO(content))


def test_a_file_on_which_the_hdf5_library_never_ends_is_damaged():
    with pytest.raises(Unreadable):
        read_tree(io.BytesIO(hostile.endless_hdf5()))


def test_dense_storage_is_told():
    many = written(lambda file: [file.create_group(f"layer{number}") for number in range(20)], libver="latest")
    large = written(lambda file: file.attrs.update(model_config=np.bytes_("x" * 100_000)), libver="latest")
    for buffer in (many, large):
        with pytest.raises(Unreadable, match="dense storage"):
            read_tree(buffer)


def test_a_group_with_too_many_names_is_given_up(monkeypatch):
    monkeypatch.setattr(hdf5_tree, "MAX_OBJECTS", 50)
    with pytest.raises(Unreadable, match="more than 50 objects"):
        tree_of(lambda file: [file.create_group(f"layer{number}") for number in range(60)])


# ------------------------------------------------------------------ the HDF5 library says the same

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0."), min_size=1, max_size=6)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["name", "layer_names", "weight_names0", "model_config", "backend", "other"]),
    st.one_of(
        TEXTS,
        TEXTS.map(lambda text: text.encode()),
        TEXTS.map(lambda text: np.bytes_(text.encode())),
        st.lists(TEXTS, min_size=1, max_size=5),
        st.lists(TEXTS.filter(bool).map(str.encode), max_size=5).map(np.array),
        st.integers(-5, 5),
        st.just(np.zeros((2, 2))),
    ),
    max_size=4,
)
DATASETS = st.builds(
    lambda shape, dtype, chunked: (tuple(shape), dtype, chunked and bool(shape) and 0 not in shape),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(["float16", "float32", "float64", "int8", "int64", "uint32", ">f4", ">i8", "bool"]),
    st.booleans(),
)
GROUPS = st.recursive(
    st.tuples(ATTRIBUTES, st.dictionaries(NAMES, DATASETS, max_size=4)),
    lambda inner: st.tuples(ATTRIBUTES, st.dictionaries(NAMES, DATASETS | inner, max_size=4)),
    max_leaves=8,
)


def fill_group(group, content):
    attributes, members = content
    group.attrs.update(attributes)
    for name, member in members.items():
        if isinstance(member[0], dict):
            fill_group(group.create_group(name), member)
        else:
            shape, dtype, chunked = member
            group.create_dataset(name, data=np.ones(shape, dtype), chunks=shape if chunked else None)


def by_library(group):
    """What h5py sees in a group, in the words of `hdf5_tree`."""
    groups = {name: by_library(item) for name, item in group.items() if isinstance(item, h5py.Group)}
    datasets = {
        name: (item.shape, item.dtype.newbyteorder("=").name)
        for name, item in group.items()
        if isinstance(item, h5py.Dataset)
    }
    attributes = {name: attribute_of(value) for name, value in group.attrs.items() if name != "other"}
    return attributes, groups, datasets


def attribute_of(value):
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        texts = [attribute_of(item) for item in value]
        return texts if all(isinstance(text, str) for text in texts) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def by_freezelint(group):
    groups = {name: by_freezelint(inner) for name, inner in group.groups.items()}
    datasets = {name: (dataset.shape, dataset.dtype) for name, dataset in group.datasets.items()}
    return group.attributes, groups, datasets


@given(
    GROUPS,
    st.sampled_from(["earliest", "latest", "v108", "v110"]),
    st.sampled_from([0, 512, 2048]),
    st.booleans(),
)
@settings(deadline=None)
def test_any_file_is_read_as_the_hdf5_library_reads_it(content, libver, userblock_size, track_order):
    buffer = written(
        lambda file: fill_group(file, content), libver=libver, userblock_size=userblock_size, track_order=track_order
    )
    with h5py.File(buffer, "r") as file:
        expected = by_library(file)
    assert by_freezelint(read_tree(buffer).root) == expected


@given(st.binary(max_size=300), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_bytes_are_a_tree_or_unreadable(head, choose: random.Random):
    damaged = bytearray(hostile.KERAS2.read_bytes())
    for _ in range(choose.randint(1, 30)):
        damaged[choose.randrange(len(damaged))] = choose.randrange(256)
    for data in (head, hdf5_tree.headers.SIGNATURE + head, bytes(damaged)):
        try:
            read_tree(io.BytesIO(data))
        except Unreadable as error:
            assert "HDF5" in error.reason
