"""What is this file? Decided by content; the name only helps to say what else it may be."""

from __future__ import annotations

import os
import stat
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from freezelint.graph.model_graph import Unreadable


class Format(Enum):
    """A format that there is a reader for."""

    SAVED_MODEL = "SavedModel"
    KERAS_ARCHIVE = ".keras archive"
    HDF5 = "HDF5"


ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt", "saved_model.cpb", "keras_metadata.pb")

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself (run `git lfs pull`)"),
    (4, b"TFL3", "a TensorFlow Lite model, in which freezing has no meaning any more"),
    (0, b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (257, b"ustar", "a tar archive: unpack it first"),
    (0, b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (0, b"<", "an HTML or XML page, perhaps of a failed download"),
    (0, b"\x80\x02", "a Python pickle, which is never loaded"),
    (0, b"\x80\x03", "a Python pickle, which is never loaded"),
    (0, b"\x80\x04", "a Python pickle, which is never loaded"),
    (0, b"\x80\x05", "a Python pickle, which is never loaded"),
    (0, b"\x93NUMPY", "a NumPy array"),
)
_SUFFIXES = {
    ".onnx": "an ONNX model, which holds no layers and no flags",
    ".tflite": "a TensorFlow Lite model, in which freezing has no meaning any more",
    ".pb": "a frozen TensorFlow graph, which holds no layers and no flags",
    ".pbtxt": "a TensorFlow graph as text, which is not supported",
    ".index": "a TensorFlow checkpoint, which holds weights only",
    ".ckpt": "a TensorFlow checkpoint, which holds weights only",
    ".pt": "a PyTorch model",
    ".pth": "a PyTorch model",
    ".safetensors": "a safetensors file, which holds weights only",
    ".mlmodel": "a Core ML model",
    ".json": "a JSON file: save the whole model as .keras",
    ".yaml": "a YAML file: save the whole model as .keras",
}
_HEAD = 4096


def sniff(path: Path) -> Format:
    """The format of the model at `path`, a file or a folder.

    Raises `Unreadable`, saying what it is instead where that can be told.
    """
    if path.is_dir():
        return _sniff_folder(path)
    if path.name in SAVED_MODEL_FILES:
        return Format.SAVED_MODEL
    with open_regular(path) as file:
        head = file.read(_HEAD)
        size = file.seek(0, os.SEEK_END)
        if is_hdf5(file):
            return Format.HDF5
    if head.startswith(ZIP_SIGNATURES):
        return Format.KERAS_ARCHIVE
    if not size:
        raise Unreadable("an empty file")
    for offset, signature, meaning in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            raise Unreadable(meaning)
    suffix = path.suffix.lower()
    if suffix in (".keras", ".h5", ".hdf5"):
        raise Unreadable("neither a zip archive nor an HDF5 file, whatever its name says")
    raise Unreadable(_SUFFIXES.get(suffix, "not a model in a format that is known here"))


def _sniff_folder(path: Path) -> Format:
    names = {entry.name for entry in path.iterdir()}
    if names & set(SAVED_MODEL_FILES):
        return Format.SAVED_MODEL
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        raise Unreadable("a TensorFlow checkpoint, which holds weights only")
    if "model.json" in names:
        raise Unreadable("a TensorFlow.js model, which is not supported")
    raise Unreadable("a folder without a saved_model.pb")


def is_hdf5(file: BinaryIO) -> bool:
    """Whether an open file is HDF5, perhaps behind a user block."""
    from freezelint.graph.hdf5_format.content import Content, Damaged
    from freezelint.graph.hdf5_format.headers import beginning

    try:
        return beginning(Content(file)) is not None
    except Damaged:  # it became shorter in the meantime
        return False
    finally:
        file.seek(0)


def open_regular(path: Path) -> BinaryIO:
    """An ordinary file, opened for reading.

    Raises `Unreadable` for what does not exist, may not be read, or is a pipe, a device or a folder (none of which
    is waited for).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise Unreadable(_why(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("not an ordinary file")
    return os.fdopen(descriptor, "rb")


def _why(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return f"cannot be opened ({reason or error})"
