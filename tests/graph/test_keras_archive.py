import json
import shutil
import zipfile

import pytest

from freezelint.graph import keras_archive
from freezelint.graph.model_graph import Unreadable
from tests.hostile import KERAS3, MODELS


def rewritten(path, **members):
    """A copy of the example archive in which members have other contents; None leaves one out."""
    names = {"config": "config.json", "metadata": "metadata.json", "weights": "model.weights.h5"}
    changed = {names[key]: value for key, value in members.items()}
    with zipfile.ZipFile(KERAS3) as original, zipfile.ZipFile(path, "w") as copy:
        for name in original.namelist():
            data = changed.get(name, original.read(name))
            if data is not None:
                copy.writestr(name, data)
    return path


def test_a_model_of_keras_3():
    graph = keras_archive.read(KERAS3)
    assert (graph.format, graph.keras_version, graph.writer) == ("keras", "3.15.1", "Keras 3.15.1")
    assert graph.compiled is True
    assert graph.optimizer_slots == 0
    weights = {weight.role: weight for weight in graph.layer("backbone/block2_bn").weights}
    assert list(weights) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert weights["gamma"].shape == (4,)
    assert graph.layer("backbone").own_trainable is False
    assert graph.layer("backbone/block2_bn").own_trainable is True
    assert not graph.inconsistencies
    assert not graph.gaps


def test_a_model_of_keras_2():
    graph = keras_archive.read(MODELS / "flowers_fine_tuned_keras2.keras")
    assert graph.keras_version.startswith("2.")
    assert [call.training for call in graph.calls_of("backbone")] == [False]
    assert graph.layer("backbone/block1_conv").weights[0].shape == (3, 3, 3, 4)


def test_state_of_the_optimizer_shows_that_a_model_was_trained():
    assert keras_archive.read(MODELS / "birds_trained_then_frozen.keras").optimizer_slots > 0


def test_an_archive_without_a_configuration_is_inconsistent(tmp_path):
    graph = keras_archive.read(rewritten(tmp_path / "x.keras", config=None))
    assert graph.root is None
    assert "config.json is missing" in graph.inconsistencies[0]


def test_metadata_may_be_missing(tmp_path):
    graph = keras_archive.read(rewritten(tmp_path / "x.keras", metadata=None))
    assert graph.keras_version is None
    assert graph.root is not None
    assert graph.inconsistencies == ["metadata.json is missing"]


def test_damaged_weights_leave_the_rest_readable(tmp_path):
    graph = keras_archive.read(rewritten(tmp_path / "x.keras", weights=b"hello"))
    assert graph.layer("backbone/block2_bn") is not None
    assert graph.not_read[0].wholly is False
    assert "model.weights.h5" in graph.gaps[0]


def test_compressed_weights_are_read_too(tmp_path):
    with zipfile.ZipFile(KERAS3) as original, zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as copy:
        for name in original.namelist():
            copy.writestr(name, original.read(name))
    assert len(keras_archive.read(tmp_path / "x.keras").variables) == len(keras_archive.read(KERAS3).variables)


def test_an_archive_behind_other_data_is_read_where_it_lies(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"#!/bin/sh\n" + KERAS3.read_bytes())
    assert len(keras_archive.read(tmp_path / "x.keras").variables) == len(keras_archive.read(KERAS3).variables)


def test_members_that_keras_never_writes_are_reported(tmp_path):
    shutil.copy(KERAS3, tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras", "a") as archive:
        archive.writestr("../../outside.txt", "x")
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/")
    said = " ".join(keras_archive.read(tmp_path / "x.keras").inconsistencies)
    assert "leads out of the folder" in said
    assert "symbolic link" in said


def test_of_two_configurations_the_one_keras_would_load_is_read():
    graph = keras_archive.read(MODELS / "faces_two_configurations.keras")
    assert graph.layer("mirrors") is not None
    assert "2 times" in graph.inconsistencies[0]


def test_a_configuration_that_is_none_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as error:
        keras_archive.read(rewritten(tmp_path / "x.keras", config=json.dumps([1])))
    assert "not an object" in error.value.reason
