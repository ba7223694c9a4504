"""The other files of a project: what an import means, read and lowered once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from freezelint.source import program as p
from freezelint.source.parse import MAX_BYTES, NotPython, ParsedFile, parse

MAX_FILES = 60
"""How many files of a project one entry file may pull in."""

_KERAS = re.compile(rb"\b(?:keras|tensorflow|tf_keras|keras_core)\b")
_OTHERS = re.compile(rb"^\s*(?:import|from)\s+(?:torch|flax|paddle|mxnet|chainer)\b", re.MULTILINE)
_MARKERS = ("pyproject.toml", ".git", "setup.py", "setup.cfg")


class Project:
    """The files that one entry file may import, by path as it is shown.

    `display` of a file is its path relative to the entry file's own display; `root` bounds the search.
    """

    def __init__(self, entry: ParsedFile, data: bytes, location: Path | None, roots: Sequence[Path] = ()) -> None:
        self._files: dict[str, ParsedFile | None] = {entry.path: entry}
        self._keras: dict[str, bool] = {entry.path: _speaks_keras(data)}
        self._location = location
        self._display_to_path: dict[str, Path] = {}
        self.functions: set[str] = set(_function_names(entry.program.body))
        if location is not None:
            self._display_to_path[entry.path] = location
        self._roots = [*roots, *_search_roots(location)] if location is not None else []
        self._resolved: dict[tuple[str, int, str], ParsedFile | None] = {}

    @property
    def paths(self) -> list[str]:
        """The files that were read, as they are shown."""
        return [path for path, file in self._files.items() if file is not None]

    def speaks_keras(self, file: ParsedFile) -> bool:
        """Whether the file imports Keras or TensorFlow and no other framework."""
        return self._keras.get(file.path, False)

    def resolve(self, module: str, level: int, importer: str) -> ParsedFile | None:
        """The file of the project that `module` means in an import of `importer`; None if there is none."""
        key = (module, level, importer)
        if key not in self._resolved:
            self._resolved[key] = self._look_up(module, level, importer)
        return self._resolved[key]

    def _look_up(self, module: str, level: int, importer: str) -> ParsedFile | None:
        start = self._display_to_path.get(importer)
        if start is None or (not module and not level):
            return None
        parts = [part for part in module.split(".") if part]
        if level:
            bases = [start.parents[level - 1]] if level <= len(start.parents) else []
        else:
            bases = [start.parent, *self._roots]
        for base in bases:
            for candidate in (
                base.joinpath(*parts).with_suffix(".py") if parts else base,
                base.joinpath(*parts, "__init__.py"),
            ):
                if candidate.suffix == ".py" and candidate != start and candidate.is_file():
                    return self._read(candidate)
        return None

    def _read(self, path: Path) -> ParsedFile | None:
        display = self._show(path)
        if display in self._files:
            return self._files[display]
        if len(self._files) >= MAX_FILES:
            return None
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
            file = parse(display, data) if data else None
        except (OSError, NotPython):
            file = None
        self._files[display] = file
        if file is not None:
            self._display_to_path[display] = path
            self._keras[display] = _speaks_keras(data)
            self.functions.update(_function_names(file.program.body))
        return file

    def _show(self, path: Path) -> str:
        """`path` as the report names it: relative to the folder that the entry's display starts in."""
        entry = next(iter(self._files))
        location = self._location
        if location is None:
            return path.as_posix()
        base = location
        for _ in Path(entry).parts:
            base = base.parent
        try:
            return path.relative_to(base).as_posix() if not Path(entry).is_absolute() else path.as_posix()
        except ValueError:
            return path.as_posix()


def _search_roots(location: Path) -> list[Path]:
    """The folders that imports are looked up in: up to the project's root, and its `src`."""
    roots: list[Path] = []
    for folder in list(location.parents)[:8]:
        roots.append(folder)
        if any((folder / marker).exists() for marker in _MARKERS):
            roots.append(folder / "src")
            return roots
    return roots[:1]


def _speaks_keras(data: bytes) -> bool:
    return _KERAS.search(data) is not None and _OTHERS.search(data) is None


def _function_names(body: p.Body) -> set[str]:
    names: set[str] = set()
    stack: list[p.Statement] = list(body)
    while stack:
        statement = stack.pop()
        if isinstance(statement, p.Define):
            names.add(statement.name)
            stack.extend(statement.body)
        elif isinstance(statement, p.DefineClass):
            stack.extend(statement.body)
        elif isinstance(statement, p.Branch):
            stack.extend((*statement.body, *statement.otherwise))
    return names
