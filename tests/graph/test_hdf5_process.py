"""The HDF5 library runs where it can be stopped."""

import io
import sys

import pytest

from freezelint.graph import hdf5_process
from freezelint.graph.hdf5_process import read_tree_apart
from freezelint.graph.hdf5_tree import read_tree
from freezelint.graph.model_graph import Unreadable
from tests import hostile


def test_a_file_is_read_as_in_this_process():
    content = hostile.KERAS2.read_bytes()
    expected = read_tree(io.BytesIO(content))
    assert read_tree_apart(content) == expected
    with hostile.KERAS2.open("rb") as file:
        assert read_tree_apart(file) == expected


def test_a_stretch_of_a_file_is_read_where_it_lies(tmp_path):
    content = hostile.KERAS2.read_bytes()
    (tmp_path / "x").write_bytes(b"before" + content + b"behind")
    with (tmp_path / "x").open("rb") as file:
        assert read_tree_apart(file, 6, len(content)) == read_tree_apart(content)


def test_damage_is_unreadable_for_the_same_reason():
    with pytest.raises(Unreadable) as apart:
        read_tree_apart(b"hello")
    with pytest.raises(Unreadable) as here:
        read_tree(io.BytesIO(b"hello"))
    assert apart.value.reason == here.value.reason


def test_a_file_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(hdf5_process, "MAX_SECONDS", 3)
    with pytest.raises(Unreadable) as error:
        read_tree_apart(hostile.endless_hdf5())
    assert "within 3 seconds" in error.value.reason


def test_a_crash_is_a_reason(monkeypatch):
    monkeypatch.setattr(hdf5_process, "_START", "import os; os.abort()  # {module}")
    with pytest.raises(Unreadable) as error:
        read_tree_apart(b"")
    assert "breaks the library" in error.value.reason


def test_modules_in_the_working_directory_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit('imported')")
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    assert read_tree_apart(hostile.KERAS2.read_bytes()).root.groups
