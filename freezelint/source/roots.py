"""Where the imports of a project are looked up, and what a look at one of its files comes to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ABSENT, PRESENT, UNKNOWN = "", "present", "unknown"
"""What is said of a file that is not there, of one that is there and was not read, and of one that cannot be read.

Of one that was read its digest is said.
"""

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders in which packages of different projects lie beside each other."""

_MARKERS = ("pyproject.toml", ".git", "setup.py", "setup.cfg")

_REST = rb"(?:\\\r?\n|[^\n#;])*"
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import\b[ \t]*(\([^)]{0,4000}\)|" + _REST + rb")"
    rb"|import[ \t]+(" + _REST + rb"))",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w.]+|\*")
_COMMENT = re.compile(r"#.*")


class Import(NamedTuple):
    """What a text imports: the module, its leading dots, and the names of `from module import names`."""

    module: str
    level: int
    names: tuple[str, ...] = ()


def imports(data: bytes, notebook: bool = False) -> Iterator[Import]:
    """The imports at the starts of lines of a Python file or notebook, found without parsing it."""
    if notebook:
        data = _code_of_notebook(data)
    for match in _IMPORT.finditer(data):
        dots, module, names, modules = (piece.decode("utf-8", "replace") for piece in match.groups(b""))
        if modules:
            yield from (Import(name, 0) for name in _listed(modules))
        else:
            yield Import(module, len(dots), tuple(_listed(names)))


def _listed(text: str) -> Iterator[str]:
    """`a`, `b.c` of `a as x, b.c`."""
    for piece in _COMMENT.sub("", text).split(","):
        if found := _NAME.search(piece):
            yield found[0]


def _code_of_notebook(data: bytes) -> bytes:
    """The text of a notebook with every string of its JSON on lines of its own, and other quotes in them."""
    return data.replace(b"\\n", b"\n").replace(b'\\"', b"'").replace(b'"', b"\n")


class Lookup:
    """Finds the files that imports mean in the folders `roots`, and notes in `looked_at` which files it looked for."""

    def __init__(self, roots: Sequence[Path], looked_at: dict[str, str]) -> None:
        self._roots = roots
        self._looked_at = looked_at
        self._there: dict[str, bool] = {}
        self._searched: dict[Path, list[tuple[str, str | None]]] = {}

    def find(self, module: str, level: int, importer: Path) -> Path | None:
        """Where the file of the project lies that `module` means in an import of a file; None if there is none."""
        parts = [part for part in module.split(".") if part]
        if not parts and not level:
            return None
        for base in self._bases(importer, level, parts):
            inner = os.path.join(base, *parts)  # noqa: PTH118 (strings: this is asked a thousand times for one program)
            for candidate in [*([f"{inner}.py"] if parts else []), f"{inner}{os.sep}__init__.py"]:
                if candidate != str(importer) and self._is_there(candidate):
                    return Path(candidate)
        return None

    def _bases(self, importer: Path, level: int, parts: list[str]) -> list[str]:
        """The folders in which a file looks for a module."""
        if level:
            return [str(importer.parents[level - 1])] if level <= len(importer.parents) else []
        if importer not in self._searched:
            folders = (importer.parent, *self._roots)
            self._searched[importer] = [(str(base), top_level(base, importer)) for base in dict.fromkeys(folders)]
        return [base for base, only in self._searched[importer] if only is None or parts[0] == only]

    def _is_there(self, path: str) -> bool:
        if path not in self._there:
            self._there[path] = os.path.isfile(path)  # noqa: PTH113
            self._looked_at.setdefault(path, PRESENT if self._there[path] else ABSENT)
        return self._there[path]


def search_roots(location: Path) -> list[Path]:
    """The folders that imports are looked up in: up to the project's root, and its `src`.

    For a file of an installed package that is up to the folder it is installed in.
    """
    roots: list[Path] = []
    for folder in list(location.parents)[:8]:
        roots.append(folder)
        if folder.name in INSTALLED:
            return roots
        if any((folder / marker).exists() for marker in _MARKERS):
            roots.append(folder / "src")
            return roots
    return roots[:1]


def top_level(base: Path, importer: Path) -> str | None:
    """The only module of the folder `base` that is of the same project as a file in it; None if all of them are.

    Beside an installed package lie those of others: TensorFlow is no part of Keras.
    """
    if base.name not in INSTALLED or base not in importer.parents:
        return None
    return importer.relative_to(base).parts[0].removesuffix(".py")
