"""Where the imports of a project are looked up, and what a look at one of its files comes to."""

from __future__ import annotations

import ast
import os
import re
import warnings
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

MAX_ADDED = 300
"""How long a call of `sys.path.append` may be."""
_ADDED = re.compile(rb"^[^\n#]*?\b(sys\.path\.(?:append|insert)\()", re.MULTILINE)
_BRACKET = re.compile(rb"[()]")
_AS_IT_IS = frozenset({"str", "fspath", "Path", "PurePath", "abspath", "realpath", "normpath"})


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


def added(importer: Path, root: Path, data: bytes) -> Iterator[Path]:
    """The folders inside `root` that a file with the content `data` adds to `sys.path`, as far as its text says.

    What a relative path starts from depends on who runs the file from where: it may be its own folder or the root.
    """
    if b"sys.path." not in data or root.name in INSTALLED:
        return
    if importer.suffix == ".ipynb":
        data = _code_of_notebook(data)
    for match in _ADDED.finditer(data):
        said = _added_by(data[match.start(1) : match.start(1) + MAX_ADDED], str(importer))
        if said is not None:
            folders = [Path(os.path.normpath(start / said)) for start in (importer.parent, root)]
            yield from (folder for folder in folders if folder == root or root in folder.parents)


def _added_by(text: bytes, importer: str) -> str | None:
    """The folder in the call of `sys.path.append` or `insert` that a text starts with; None if it is not known."""
    depth = end = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] == b"(" else -1
        end = bracket.end()
        if not depth:
            break
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = ast.parse(text[:end], mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    return _path(call.args[-1], importer) if isinstance(call, ast.Call) and call.args else None


def _path(node: ast.expr, importer: str) -> str | None:
    """The path that an expression of literals, `__file__`, `os.path` and `pathlib` stands for; None of any other."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id="__file__"):
            return importer
        case ast.BinOp(left=left, op=ast.Div() | ast.Add() as how, right=right):
            parts = _paths([left, right], importer)
            return (os.sep if isinstance(how, ast.Div) else "").join(parts) if parts else None
        case ast.Attribute(value=inner, attr="parent"):
            return _above(_path(inner, importer), 1)
        case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(number))):
            return _above(_path(inner, importer), number + 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute" | "as_posix"), args=[]):
            return _path(inner, importer)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=arguments):
            parts = _paths(arguments, importer)
            return _called(name, parts) if parts else None
    return None


def _paths(nodes: Sequence[ast.expr], importer: str) -> list[str] | None:
    found = [path for node in nodes if (path := _path(node, importer)) is not None]
    return found if len(found) == len(nodes) else None


def _called(name: str, arguments: Sequence[str]) -> str | None:
    """What a function of `os.path`, or `Path` or `str`, makes of paths."""
    if name == "join":
        return os.path.join(*arguments)  # noqa: PTH118
    if name == "dirname":
        return _above(arguments[0], 1)
    return arguments[0] if name in _AS_IT_IS and len(arguments) == 1 else None


def _above(path: str | None, levels: int) -> str | None:
    """The folder so many levels above a path; None of a relative one, which may not say what lies above it."""
    if path is None or not os.path.isabs(path):  # noqa: PTH117
        return None
    folders = Path(os.path.normpath(path)).parents
    return str(folders[min(levels, len(folders)) - 1]) if folders else path


def _code_of_notebook(data: bytes) -> bytes:
    """The text of a notebook with every string of its JSON on lines of its own, and other quotes in them."""
    return data.replace(b"\\n", b"\n").replace(b'\\"', b"'").replace(b'"', b"\n")


class Lookup:
    """Finds the files that imports mean in the folders `roots`, and notes in `looked_at` which files it looked for.

    The program is to be entered first, then every file that it imports.
    """

    def __init__(self, roots: Sequence[Path], looked_at: dict[str, str]) -> None:
        self._roots = roots
        self._looked_at = looked_at
        self._added: dict[Path, list[Path]] = {}
        self._there: dict[str, bool] = {}
        self._searched: dict[Path, list[tuple[str, str | None]]] = {}

    def enter(self, file: Path, data: bytes) -> None:
        """Takes note of the folders that a file with the content `data` adds to `sys.path`."""
        around = (folder for folder in self._roots if folder in file.parents)
        root = min(around, key=lambda folder: len(folder.parts), default=file.parent)
        self._added[file] = list(added(file, root, data))
        if len(self._added) == 1:  # the program itself, which adds them for all that it imports
            self._roots = [*self._added[file], *self._roots]

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
            folders = (importer.parent, *self._added.get(importer, ()), *self._roots)
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
