"""Which files a run reads: folders are searched, what is named explicitly is taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freezelint.finding import NotRead

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED_FOLDERS = frozenset({
    *(".git", ".hg", ".svn", ".bzr"),
    *(".venv", ".direnv", ".tox", ".nox", ".eggs", "__pypackages__", "node_modules", "site-packages"),
    *(".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".freezelint_cache"),
    *(".ipynb_checkpoints", "__pycache__", "build", "dist", "_build"),
})
"""Folders that a search never enters, by name: version control, caches, other people's code, build output."""

_ENVIRONMENT_MARKERS = ("pyvenv.cfg", "conda-meta")
_PYTHON_SUFFIXES = (".py", ".pyw")
_MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")


class Overlay(dict[Path, bytes]):
    """Files (by their resolved path) that are to be read as if they held these bytes; equal only to itself."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other


class Kind(Enum):
    """What a file is read as."""

    PYTHON = "python"
    NOTEBOOK = "notebook"
    MODEL = "model"


class Input(NamedTuple):
    """One thing to read; `display` is its path as reports show it, `named` whether the user asked for it by name."""

    path: Path
    display: str
    kind: Kind
    named: bool


class Patterns(NamedTuple):
    """Patterns in the form of `.gitignore`, relative to `folder` (None: the working directory)."""

    lines: tuple[str, ...] = ()
    folder: Path | None = None

    def validate(self) -> None:
        """Raises `ValueError` for a pattern that is none."""
        if self.lines:
            _spec(self.lines)

    def match(self, path: Path, is_folder: bool = False) -> bool:
        """Whether a file or folder, or one that it lies in, matches; what lies outside of `folder` does not."""
        if not self.lines:
            return False
        shown = display(path, self.folder)
        if self.folder is not None and (shown == "." or shown.startswith("../")):
            return False
        return bool(_spec(self.lines).check_file(f"{shown}/" if is_folder else shown).include)


class Search(NamedTuple):
    """What to leave out of a search: patterns in the form of `.gitignore`, relative to the working directory.

    `configured` gives further patterns, those of the configuration that holds for a path. With `force_exclude` the
    patterns, and the folders that a search skips, hold for what is named explicitly too. `is_model` decides whether
    a file or folder with the name of a model is one.
    """

    is_model: Callable[[Path], bool]
    exclude: Sequence[str] = ()
    force_exclude: bool = False
    configured: Callable[[Path], Patterns] = lambda path: Patterns()

    def excludes(self, path: Path, is_folder: bool) -> bool:
        """Whether a pattern leaves the path out. Raises `ValueError` for a pattern that is none."""
        return Patterns(tuple(self.exclude)).match(path, is_folder) or self.configured(path).match(path, is_folder)


@dataclass(slots=True)
class Found:
    """The outcome of a search: what to read, and what could not be looked at."""

    inputs: list[Input] = field(default_factory=list)
    not_read: list[tuple[NotRead, bool]] = field(default_factory=list)
    """With each, whether it was named explicitly."""


def display(path: Path, folder: Path | None = None) -> str:
    """`path` relative to a folder (the working directory), with `/`; absolute where there is no relative path to it."""
    try:
        text = os.path.relpath(path, folder)
    except ValueError:  # another drive
        text = str(path)
    return text.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def find(paths: Iterable[Path], search: Search) -> Found:
    """The Python files, notebooks and saved models that `paths` name or contain, each once, in a stable order.

    Raises `ValueError` for a pattern to exclude that is none.
    """
    found = Found()
    seen: set[str] = set()
    for path in paths:
        if is_excluded(path, search):
            continue
        for item in _from_named(path, search, found):
            key = os.path.abspath(item.path)  # noqa: PTH100 (a link is kept a link)
            if key not in seen:
                seen.add(key)
                found.inputs.append(item)
    return found


def is_excluded(path: Path, search: Search) -> bool:
    """Whether a path is to be left out although it was named, which only `force_exclude` does."""
    if not search.force_exclude:
        return False
    shown = display(path).split("/")
    if shown[0] != ".." and not SKIPPED_FOLDERS.isdisjoint(shown[:-1]):
        return True
    return search.excludes(path, path.is_dir())


def _from_named(path: Path, search: Search, found: Found) -> Iterator[Input]:
    try:
        if path.is_dir() and not search.is_model(path):
            yield from _walk(path, search, found)
            return
        kind = _kind_of_named(path)
    except OSError as error:
        found.not_read.append((NotRead(display(path), _reason(error)), True))
        return
    yield Input(path, display(path), kind, named=True)


def _kind_of_named(path: Path) -> Kind:
    """What a file named by the user is read as; what is neither Python nor a notebook is taken for a model."""
    suffix = path.suffix.lower()
    if suffix in _PYTHON_SUFFIXES:
        return Kind.PYTHON
    if path.suffix == ".ipynb":
        return Kind.NOTEBOOK
    if suffix or not path.is_file():
        return Kind.MODEL
    with path.open("rb") as stream:
        head = stream.read(100)
    return Kind.PYTHON if head.startswith(b"#!") and b"python" in head else Kind.MODEL


def _walk(top: Path, search: Search, found: Found) -> Iterator[Input]:
    """Everything to read below `top`, in the order of names. Links to folders are not followed."""
    stack: list[tuple[Path, tuple[_Ignores, ...]]] = [(top, _ignores_above(top))]
    while stack:
        folder, ignores = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.not_read.append((NotRead(display(folder), _reason(error)), folder == top))
            continue
        names = {entry.name for entry in entries}
        if ".gitignore" in names:
            ignores = (*ignores, *_read_ignores(folder / ".gitignore", folder))
        folders: list[Path] = []
        for entry in entries:
            path = folder / entry.name
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                is_file = entry.is_file()
            except OSError as error:
                found.not_read.append((NotRead(display(path), _reason(error)), False))
                continue
            if is_folder and (entry.name in SKIPPED_FOLDERS or _is_environment(path)):
                continue
            if _is_ignored(path, ignores, is_folder) or search.excludes(path, is_folder):
                continue
            if is_folder and not search.is_model(path):
                folders.append(path)
                continue
            kind = Kind.MODEL if is_folder else _kind_of_found(path, search) if is_file else None
            if kind is not None:
                yield Input(path, display(path), kind, named=False)
        stack.extend((path, ignores) for path in reversed(folders))


def _kind_of_found(path: Path, search: Search) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in _PYTHON_SUFFIXES:
        return Kind.PYTHON
    if path.suffix == ".ipynb":
        return Kind.NOTEBOOK
    if suffix == ".keras" or (suffix in _MODEL_SUFFIXES and search.is_model(path)):
        return Kind.MODEL
    return None


def _is_environment(folder: Path) -> bool:
    return any((folder / marker).exists() for marker in _ENVIRONMENT_MARKERS)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


# --- .gitignore -------------------------------------------------------------------------------------------------


class _Ignores(NamedTuple):
    """The patterns of one `.gitignore`, which hold below `folder`."""

    folder: str
    spec: GitIgnoreSpec


@lru_cache(maxsize=256)
def _spec(lines: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def _read_ignores(path: Path, folder: Path) -> tuple[_Ignores, ...]:
    """The patterns in `path`; nothing if it cannot be read (git then ignores nothing either)."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    specs = []
    try:
        specs.append(_Ignores(str(folder.absolute()), _spec(tuple(lines))))
    except ValueError:  # one bad line must not switch off the others
        for line in lines:
            try:
                specs.append(_Ignores(str(folder.absolute()), _spec((line,))))
            except ValueError:
                continue
    return tuple(specs)


def _ignores_above(top: Path) -> tuple[_Ignores, ...]:
    """The `.gitignore` patterns of the repository that hold in `top`, outermost first.

    None of them if they would ignore `top` itself: who names a folder wants it read.
    """
    top = top.absolute()
    chain = [top, *top.parents]
    root = next((index for index, folder in enumerate(chain) if (folder / ".git").exists()), None)
    if root is None:
        return ()
    ignores = _read_ignores(chain[root] / ".git" / "info" / "exclude", chain[root])
    for folder in reversed(chain[1 : root + 1]):
        ignores = (*ignores, *_read_ignores(folder / ".gitignore", folder))
    inside = chain[: root + 1]
    if any(_is_ignored(folder, ignores, is_folder=True) for folder in inside[:-1]):
        return ()
    return ignores


def _is_ignored(path: Path, ignores: Sequence[_Ignores], is_folder: bool) -> bool:
    """Whether git would ignore `path`: the innermost file that says something about it decides."""
    absolute = os.path.abspath(path)  # noqa: PTH100 (a link is kept a link)
    for ignore in reversed(ignores):
        try:
            relative = os.path.relpath(absolute, ignore.folder).replace(os.sep, "/")
        except ValueError:
            continue
        if relative == "." or relative.startswith("../"):
            continue
        verdict = ignore.spec.check_file(f"{relative}/" if is_folder else relative).include
        if verdict is not None:
            return verdict
    return False
