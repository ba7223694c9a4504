"""Reads HDF5 files in a process of its own, because the HDF5 library cannot be trusted with damaged ones.

One wrong byte in a heap of attributes makes it loop for ever, inside C code that no exception and no signal handler
reaches. The process reads the file from its standard input and writes the tree to its standard output as JSON; it
has a deadline and, where the system knows such a thing, a limit of memory.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

from freezelint.graph.hdf5_tree import Dataset, Group, Tree, read_tree
from freezelint.graph.model_graph import Unreadable

MAX_SECONDS = 20
MAX_MEMORY = 4 << 30
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""NumPy would otherwise reserve memory for every core, and take its time to do so."""

_START = "import sys; sys.path[:] = sys.argv[3:]; del sys.argv[3:]; from {module} import main; main()"
"""Nothing is imported before the path is set: at first it holds the working directory, which may be anybody's."""


def read_tree_apart(source: BinaryIO | bytes, start: int = 0, length: int | None = None) -> Tree:
    """The groups, attributes and shapes in an HDF5 file: `source` itself, or `length` bytes of it from `start` on.

    `source` is an open ordinary file, or the content. Raises `Unreadable` as `read_tree` does, and for a file that
    makes the HDF5 library crash or run for longer than `MAX_SECONDS`.
    """
    in_memory = isinstance(source, bytes)
    command = [sys.executable, "-c", _START.format(module=__name__), "stream" if in_memory else str(start), str(length)]
    command += [folder for folder in sys.path if folder]
    given: dict[str, Any] = {"input": source} if in_memory else {"stdin": source}
    given["env"] = {**os.environ, **_ENVIRONMENT}
    try:
        done = subprocess.run(command, capture_output=True, timeout=MAX_SECONDS, check=False, **given)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"a damaged HDF5 file (it was not read within {MAX_SECONDS} seconds)") from error
    except OSError as error:
        raise Unreadable(f"an HDF5 file, and no process could be started to read it ({error.strerror})") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise Unreadable(
            f"an HDF5 file that breaks the library which reads it (exit code {done.returncode})"
        ) from error
    if "unreadable" in answer:
        raise Unreadable(answer["unreadable"])
    return Tree(_group(answer["root"]), answer["inconsistencies"], answer["steps"])


def main() -> None:
    """What the process does: reads the file that its arguments tell from its standard input, and prints the tree."""
    _, start, length = sys.argv
    _limit_memory()
    file = sys.stdin.buffer
    opened: BinaryIO
    if start == "stream":
        opened = io.BytesIO(file.read())
    else:
        size = os.fstat(file.fileno()).st_size - int(start) if length == "None" else int(length)
        opened = io.BufferedReader(_Window(file.fileno(), int(start), size))
    try:
        tree = read_tree(opened)
    except Unreadable as error:
        answer: dict[str, Any] = {"unreadable": error.reason}
    else:
        answer = {"root": asdict(tree.root), "inconsistencies": tree.inconsistencies, "steps": tree.steps}
    sys.stdout.write(json.dumps(answer))


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def _group(values: dict[str, Any]) -> Group:
    return Group(
        path=values["path"],
        attributes=values["attributes"],
        groups={name: _group(group) for name, group in values["groups"].items()},
        datasets={name: _dataset(dataset) for name, dataset in values["datasets"].items()},
    )


def _dataset(values: dict[str, Any]) -> Dataset:
    shape, numbers = values["shape"], values["range"]
    return Dataset(
        values["path"],
        None if shape is None else tuple(shape),
        values["dtype"],
        None if numbers is None else (numbers[0], numbers[1]),
    )


class _Window(io.RawIOBase):
    """A stretch of an open file, seen as a file of its own."""

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._file = open(descriptor, "rb", buffering=0, closefd=False)  # noqa: SIM115
        self._start, self._length, self._position = start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._length - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
