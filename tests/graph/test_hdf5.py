import h5py
import numpy as np
import pytest

from freezelint.graph import hdf5
from freezelint.graph.model_graph import Unreadable
from tests.hostile import KERAS2, MODELS


def test_a_model_of_keras_2():
    graph = hdf5.read(KERAS2)
    assert (graph.format, graph.keras_version) == ("hdf5", "2.21.0")
    assert graph.compiled is True
    assert graph.layer("backbone/block2_bn").own_trainable is True
    assert graph.layer("backbone/block2_bn").effective_trainable is False
    assert [weight.role for weight in graph.layer("backbone/block2_bn").weights][-1] == "moving_variance"
    assert not graph.inconsistencies


@pytest.mark.parametrize("name", ["reviews_sequential.h5", "reviews_sequential_keras3.h5"])
def test_a_sequential_of_both_generations(name):
    graph = hdf5.read(MODELS / name)
    assert [call.layer for call in graph.calls] == ["words", "reader", "verdict"]
    assert graph.layer("words").weights[0].shape == (50, 8)
    assert graph.layer("words").weights[0].trainable is False
    assert not graph.inconsistencies


def test_weights_only_is_a_model_without_layers(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = ["head"]
        file.create_group("head").attrs["weight_names"] = ["head/kernel:0"]
    graph = hdf5.read(tmp_path / "x.h5")
    assert graph.root is None
    assert "weights only" in graph.gaps[0]
    assert graph.not_read[0].wholly is False


def test_another_hdf5_file_is_no_model(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["table"] = np.zeros(3)
    with pytest.raises(hdf5.NoModel):
        hdf5.read(tmp_path / "x.h5")


def test_weights_of_another_model_are_inconsistent(tmp_path):
    (tmp_path / "x.h5").write_bytes(KERAS2.read_bytes())
    with h5py.File(tmp_path / "x.h5", "a") as file:
        names = [
            name.decode() if isinstance(name, bytes) else name for name in file["model_weights"].attrs["layer_names"]
        ]
        changed = ["stranger" if name == "head" else name for name in names]
        file["model_weights"].attrs.create("layer_names", changed, dtype=h5py.string_dtype())
    said = hdf5.read(tmp_path / "x.h5").inconsistencies
    assert said == [
        "weights of 'stranger', which the configuration does not have",
        "the configuration has 'head', but the file has no weights of it",
    ]


def test_a_configuration_that_is_no_text_is_unreadable(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["model_config"] = 5
    with pytest.raises(Unreadable):
        hdf5.read(tmp_path / "x.h5")
