import pytest

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.sniff import Format, sniff
from tests.hostile import KERAS2, KERAS3, SAVED_MODEL


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (KERAS3, Format.KERAS_ARCHIVE),
        (KERAS2, Format.HDF5),
        (SAVED_MODEL, Format.SAVED_MODEL),
        (SAVED_MODEL / "saved_model.pb", Format.SAVED_MODEL),
    ],
)
def test_formats_are_known_by_content(path, expected):
    assert sniff(path) is expected


def test_the_name_does_not_matter(tmp_path):
    (tmp_path / "model.bin").write_bytes(KERAS3.read_bytes())
    (tmp_path / "model.keras").write_bytes(b"\0" * 1024 + KERAS2.read_bytes())
    assert sniff(tmp_path / "model.bin") is Format.KERAS_ARCHIVE
    assert sniff(tmp_path / "model.keras") is Format.HDF5


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.keras", b"", "empty"),
        ("model.h5", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("model.keras", b"<html>", "download"),
        ("model.h5", b"\x1f\x8b\x08", "unpack it first"),
        ("model.h5", b"hello", "whatever its name says"),
        ("model.tflite", b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        ("model.onnx", b"\x08\x07", "ONNX"),
        ("frozen.pb", b"\n\x0b", "frozen TensorFlow graph"),
        ("model.pkl", b"\x80\x04\x95", "pickle"),
        ("model.xyz", b"hello", "not a model"),
    ],
)
def test_what_is_not_supported_is_called_by_its_name(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable) as error:
        sniff(tmp_path / name)
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("file", "reason"), [("checkpoint", "checkpoint"), ("model.json", "TensorFlow.js"), ("x", "saved_model.pb")]
)
def test_folders_without_a_saved_model(tmp_path, file, reason):
    (tmp_path / file).touch()
    with pytest.raises(Unreadable) as error:
        sniff(tmp_path)
    assert reason in error.value.reason


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(Unreadable) as error:
        sniff(tmp_path / "nothing.keras")
    assert "cannot be opened" in error.value.reason
