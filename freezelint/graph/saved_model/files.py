"""Opening the files of a SavedModel folder without being led out of it, blocked, or fed something else."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.saved_model.wire import Buffer

GRAPH_FILE = "saved_model.pb"
METADATA_FILE = "keras_metadata.pb"
MAX_FILE = 2**31 - 1
"""The largest protobuf message that any TensorFlow can read."""

_UNSUPPORTED = {
    "saved_model.pbtxt": "it holds its graph as text (saved_model.pbtxt), which is not supported",
    "saved_model.cpb": "it holds its graph in chunks (saved_model.cpb), which is not supported",
}


def exists(folder: Path, name: str) -> bool:
    """Whether the folder has an entry of that name, of whatever kind."""
    return os.path.lexists(folder / name)


def without_graph(folder: Path) -> str:
    """Why a folder that has no graph file cannot be read, for people."""
    for name, reason in _UNSUPPORTED.items():
        if exists(folder, name):
            return reason
    return f"the folder has no {GRAPH_FILE}"


@contextmanager
def opened(folder: Path, name: str) -> Iterator[Buffer]:
    """The bytes of a file of the folder, mapped into memory.

    Raises `Unreadable` if the file lies outside the folder, is no regular file, is empty, is larger than any
    loader accepts, or is plainly something else (a Git LFS pointer, a web page).
    """
    descriptor = _open(folder, name)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable(f"{name} is not a regular file")
        if facts.st_size == 0:
            raise Unreadable(f"{name} is empty")
        if facts.st_size > MAX_FILE:
            raise Unreadable(f"{name} is larger than 2 GiB, which no TensorFlow can load")
        try:
            content = mmap.mmap(descriptor, facts.st_size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise Unreadable(f"{name} cannot be read ({error})") from error
        with content:
            _refuse_impostor(content[:64], name)
            yield content
    finally:
        os.close(descriptor)


def _open(folder: Path, name: str) -> int:
    try:
        home = folder.resolve(strict=True)
        target = (folder / name).resolve(strict=True)
        if not target.is_relative_to(home):
            raise Unreadable(f"{name} is a link that leaves the folder")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.open(target, flags | getattr(os, "O_NOCTTY", 0))
    except (OSError, RuntimeError, ValueError) as error:
        raise Unreadable(f"{name} cannot be opened ({getattr(error, 'strerror', None) or error})") from error


def _refuse_impostor(beginning: bytes, name: str) -> None:
    if beginning.startswith(b"version https://git-lfs"):
        raise Unreadable(f"{name} is a Git LFS pointer: the file itself was not downloaded (`git lfs pull`)")
    if beginning.lstrip()[:1] == b"<":
        raise Unreadable(f"{name} is a web page or XML, not a model")
