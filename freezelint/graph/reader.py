"""Any saved model → ModelGraph."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import BinaryIO

from freezelint.graph.model_graph import ModelGraph, Unreadable
from freezelint.graph.sniff import SAVED_MODEL_FILES, Format, is_hdf5, open_regular, sniff

_SUFFIXES = (".keras", ".h5", ".hdf5")
_MARK = b"model_config"


def read_model(path: Path) -> ModelGraph:
    """The model at `path`: a SavedModel folder (or its `saved_model.pb`), a `.keras` or an HDF5 file.

    Raises `Unreadable` if nothing can be said about it; whatever could be read only in part says so in `gaps`,
    `inconsistencies` and `not_read`.
    """
    found = sniff(path)
    if found is Format.SAVED_MODEL:
        from freezelint.graph import saved_model

        return saved_model.read(path if path.is_dir() else path.parent)
    if found is Format.KERAS_ARCHIVE:
        from freezelint.graph import keras_archive

        return keras_archive.read(path)
    from freezelint.graph import hdf5

    return hdf5.read(path)


def looks_like_model(path: Path) -> bool:
    """Whether a search through folders should take `path` for a saved model.

    Folders with a SavedModel, and files that are named like a Keras model; of HDF5 files, which hold all kinds of
    data, only those in which Keras stored a whole model. Files so named that are no such thing at all count, so that
    a report can say that they were not read.
    """
    if path.is_dir():
        return any((path / name).exists() for name in SAVED_MODEL_FILES)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES or path.name.lower().endswith(".weights.h5"):
        return False
    if suffix == ".keras":
        return True
    try:
        with open_regular(path) as file:
            return not is_hdf5(file) or _mentions(file, _MARK)
    except (Unreadable, OSError):
        return True


def _mentions(file: BinaryIO, name: bytes) -> bool:
    """Whether the bytes of a file hold `name`; HDF5 writes the names of attributes in plain text."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(name) >= 0
