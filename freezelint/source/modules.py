"""The other files of a project: what an import means, read and lowered once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from freezelint import digest
from freezelint.source import signs
from freezelint.source.files import Overlay
from freezelint.source.parse import MAX_BYTES, MAX_REMEMBERED, ParsedFile, parse
from freezelint.source.roots import UNKNOWN, Import, Lookup, imports, search_roots
from freezelint.source.text import NotPython

if TYPE_CHECKING:
    from freezelint.source.importing import Kept
    from freezelint.source.timeline import Timeline

MAX_FILES = 60
"""How many files of a project one entry file may pull in."""

MAX_SEARCHED = 2_000
"""How many files of a project are searched for imports of one of them."""

_KERAS = re.compile(rb"\b(?:keras|tensorflow|tf_keras|keras_core)\b")
_OTHERS = re.compile(rb"^\s*(?:import|from)\s+(?:torch|flax|paddle|mxnet|chainer)\b", re.MULTILINE)


class Project:
    """The files that one entry file may import, by path as it is shown.

    `display` of a file is its path relative to the entry file's own display; `roots` are further folders to search,
    `overlay` holds files that are to be read as if they held these bytes.
    """

    def __init__(
        self,
        entry: ParsedFile,
        data: bytes,
        location: Path | None,
        roots: Sequence[Path] = (),
        overlay: Overlay | None = None,
    ) -> None:
        self.entry = entry
        self._overlay = overlay or Overlay()
        self._files: dict[str, ParsedFile | None] = {entry.path: entry}
        self._keras: dict[str, bool] = {entry.path: _speaks_keras(data)}
        self._location = location
        self._display_to_path: dict[str, Path] = {}
        self.functions: set[str] = set(entry.functions)
        if location is not None:
            self._display_to_path[entry.path] = location
        self._by_location: dict[Path, ParsedFile | None] = {}
        self._located: dict[tuple[str, int, str], Path | None] = {}
        self.stands: dict[Kept, bool] = {}
        """The outcomes of imports in other runs, and whether they hold in this project."""
        self.idle: list[Timeline] = []
        """The timelines of the entry file, if nothing happens to a model in any: then no Keras does it otherwise."""
        self.looked_at: dict[str, str] = {}
        """Every file that was looked for or read: the digest of what it holds, or one of the words in `roots`."""
        folders = [*roots, *search_roots(location)] if location is not None else []
        self._lookup = Lookup(folders, self.looked_at)
        if location is not None:
            self._lookup.enter(location, data)

    @property
    def files(self) -> list[ParsedFile]:
        """The files that were read."""
        return [file for file in self._files.values() if file is not None]

    def speaks_keras(self, file: ParsedFile) -> bool:
        """Whether the file imports Keras or TensorFlow and no other framework."""
        return self._keras.get(file.path, False)

    def locate(self, module: str, level: int, importer: str) -> Path | None:
        """Where the file of the project lies that `module` means in an import of `importer`; None if there is none."""
        key = (module, level, importer)
        if key not in self._located:
            self._located[key] = self._look_up(module, level, importer)
        return self._located[key]

    def _look_up(self, module: str, level: int, importer: str) -> Path | None:
        start = self._display_to_path.get(importer)
        return self._lookup.find(module, level, start) if start is not None else None

    def read(self, path: Path) -> ParsedFile | None:
        """The file at `path`, lowered; None if it cannot be read or enough files were read."""
        if path not in self._by_location:
            display = self._show(path)
            if display not in self._files and len(self._files) >= MAX_FILES:
                return None
            self._by_location[path] = self._files[display] if display in self._files else self._read(path, display)
        return self._by_location[path]

    def _read(self, path: Path, display: str) -> ParsedFile | None:
        try:
            file, speaks_keras, self.looked_at[str(path)] = self._parse(path, display)
        except (OSError, NotPython):
            self.looked_at[str(path)] = _digest(path)
            self._files[display] = None
            return None
        self._files[display] = file
        self._display_to_path[display] = path
        self._lookup.enter(path, file.data)
        self._keras[display] = speaks_keras
        self.functions.update(file.functions)
        return file

    def _parse(self, path: Path, display: str) -> tuple[ParsedFile, bool, str]:
        if (data := self._overlay.get(path.resolve())) is not None:
            return parse(display, data), _speaks_keras(data), UNKNOWN
        status = path.stat()
        if status.st_size > MAX_BYTES:
            raise NotPython("too large")
        return _parsed(path, display, status.st_mtime_ns, status.st_size)

    def _show(self, path: Path) -> str:
        """`path` as the report names it: relative to the folder that the entry's display starts in."""
        entry, location = Path(self.entry.path), self._location
        if location is None or entry.is_absolute():
            return path.as_posix()
        base = Path.cwd()
        if Path(os.path.normpath(base / entry)) != location:
            base = location.parents[len(entry.parts) - 1] if len(entry.parts) <= len(location.parents) else base
        return Path(os.path.relpath(path, base)).as_posix()


@lru_cache(maxsize=MAX_REMEMBERED)
def _parsed(path: Path, display: str, changed: int, size: int) -> tuple[ParsedFile, bool, str]:
    """A file that other files import, whether it speaks Keras, and its digest, kept for the next of them.

    `changed` and `size` tell versions of the file apart.
    """
    data = path.read_bytes()
    return parse(display, data), _speaks_keras(data), digest.of_bytes(data)


def _digest(path: Path) -> str:
    try:
        return digest.of_bytes(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else UNKNOWN
    except OSError:
        return UNKNOWN


class Glance:
    """What a file imports of its project as far as the texts say: nothing is parsed.

    `looked_at` is what `Project.looked_at` is.
    """

    def __init__(self, location: Path, data: bytes, overlay: Overlay | None = None) -> None:
        self.looked_at: dict[str, str] = {}
        self._location = location
        self._imports = imports(data, location.suffix == ".ipynb")
        self._overlay = overlay or Overlay()
        self._lookup = Lookup(search_roots(location), self.looked_at)
        self._lookup.enter(location, data)
        self._texts: dict[Path, Text | None] = {}

    def texts(self) -> Iterator[Text]:
        """The files that the file imports, and those that its packages take the imported names from."""
        for item in self._imports:
            for text in self._meant(item, self._location):
                yield text
                if text.path.stem == "__init__":
                    given_on = (inner for inner in text.imports if _shares_names(inner.names, item.names))
                    yield from chain.from_iterable(self._meant(inner, text.path) for inner in given_on)

    def _meant(self, item: Import, importer: Path) -> Iterator[Text]:
        yield from filter(None, map(self._read, self._places(item, importer)))

    def _places(self, item: Import, importer: Path) -> Iterator[Path]:
        path = self._lookup.find(item.module, item.level, importer)
        if path is not None:
            yield path
        if path is None or path.stem == "__init__":  # then a name may be that of a file
            inner = (f"{item.module}.{name}".strip(".") for name in item.names if name != "*")
            yield from filter(None, (self._lookup.find(name, item.level, importer) for name in inner))

    def _read(self, path: Path) -> Text | None:
        if path not in self._texts and path != self._location and len(self._texts) < MAX_FILES:
            self._texts[path] = text = self._opened(path)
            self.looked_at[str(path)] = text.digest if text is not None else _digest(path)
            if text is not None:
                self._lookup.enter(path, text.additions)
        return self._texts.get(path)

    def _opened(self, path: Path) -> Text | None:
        try:
            if (data := self._overlay.get(path.resolve())) is not None:
                return Text(path, data)
            status = path.stat()
            return _text(path, status.st_mtime_ns, status.st_size) if status.st_size <= MAX_BYTES else None
        except OSError:
            return None


def _shares_names(given: Sequence[str], wanted: Sequence[str]) -> bool:
    return bool(wanted) and ("*" in given or "*" in wanted or not set(given).isdisjoint(wanted))


class Text:
    """A file of the project as far as that can be told without parsing it: what it imports, and its signs."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self.digest = digest.of_bytes(data)
        self.imports = tuple(imports(data))
        self.signs = signs.held(data)
        self.additions = data if b"sys.path." in data else b""


@lru_cache(maxsize=4 * MAX_REMEMBERED)
def _text(path: Path, changed: int, size: int) -> Text:
    """A file that other files import, kept for the next of them; `changed` and `size` tell its versions apart."""
    return Text(path, path.read_bytes())


def importers(location: Path) -> Iterator[Path]:
    """The files of the project around a file that import it by its name, as far as their text says."""
    name = location.parent.name if location.stem == "__init__" else location.stem
    pattern = re.compile(rb"^\s*(?:from|import)\s[^\n#]*\b%s\b" % re.escape(name.encode()), re.MULTILINE)
    root = next((item for item in search_roots(location)[::-1] if item in location.parents), location.parent)
    for path in islice(sorted(root.rglob("*.py")), MAX_SEARCHED):
        try:
            if path != location and path.stat().st_size <= MAX_BYTES and pattern.search(path.read_bytes()):
                yield path.resolve()
        except OSError:
            continue


def _speaks_keras(data: bytes) -> bool:
    return _KERAS.search(data) is not None and _OTHERS.search(data) is None
