"""The text that spans point into: the lines of a file, or of one cell of a notebook."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

from freezelint.source.files import Overlay

_LINE_END = re.compile(r"\r\n|\r|\n")


class Texts:
    """Lines by the path that reports show. What was read is kept; what cannot be read has no lines.

    Paths are taken from the working directory unless `add` said where (or what) they are.
    """

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._paths: dict[str, Path] = {}
        self._lines: dict[str, dict[int | None, list[str]]] = {}
        self._json_lines: dict[str, dict[int, list[int]]] = {}
        self.overlay = Overlay()
        """What to read instead of what lies on the disk."""

    @property
    def are_none(self) -> bool:
        """Whether nothing was added, as in a run over models only."""
        return not (self._data or self._paths)

    def add(self, display: str, source: Path | bytes) -> None:
        """Says where the text shown as `display` is to be read, or what it is."""
        if isinstance(source, bytes):
            self._data[display] = source
        else:
            self._paths[display] = source

    def location(self, display: str) -> Path | None:
        """Where the text shown as `display` lies; None if nobody added it as a file."""
        return self._paths.get(display)

    def change(self, path: Path, data: bytes) -> None:
        """From now on the file at `path` holds `data`, whatever lies on the disk."""
        self.overlay = Overlay({**self.overlay, path.resolve(): data})
        self._lines.clear()
        self._json_lines.clear()

    def lines(self, display: str, cell: int | None = None) -> Sequence[str]:
        """The lines of a file, or of a cell (1-based among all cells); none if there is no such text."""
        if display not in self._lines:
            self._lines[display] = self._read(display)
        return self._lines[display].get(cell, ())

    def cells(self, display: str) -> Iterable[int | None]:
        """The numbers of the code cells of a notebook; None alone for a file."""
        self.lines(display)
        return self._lines[display].keys()

    def all_lines(self, display: str) -> Iterable[Sequence[str]]:
        """The lines of a file, or of each code cell of a notebook in turn."""
        self.lines(display)
        return self._lines[display].values()

    def file_line(self, display: str, cell: int | None, line: int) -> int:
        """The line of the file itself: for a line of a notebook's cell, the line of its JSON that holds it."""
        if cell is None:
            return line
        if display not in self._json_lines:
            self._json_lines[display] = self._read_json_lines(display)
        starts = self._json_lines[display].get(cell, [])
        return starts[min(line, len(starts)) - 1] if starts else 1

    def _read_json_lines(self, display: str) -> dict[int, list[int]]:
        """For each cell of a notebook the lines of its JSON on which the lines of the cell begin."""
        from freezelint.source.notebook import read_cells
        from freezelint.source.notebook_strings import cell_texts
        from freezelint.source.text import NotPython

        found: dict[int, list[int]] = {}
        try:
            data = self._bytes_of(display)
            text = data.decode("utf-8-sig")
            places = cell_texts(text)
            breaks = [match.start() for match in re.finditer("\n", text)]
            for cell in read_cells(data):
                offsets = [0, *(match.end() for match in _LINE_END.finditer(cell.text))]
                number = cell.index or 0
                found[number] = [bisect_left(breaks, places[number].place(at, at)[0]) + 1 for at in offsets]
        except (OSError, NotPython, ValueError, LookupError, RecursionError):
            pass  # the places found so far are right
        return found

    def _read(self, display: str) -> dict[int | None, list[str]]:
        from freezelint.source.notebook import read_cells
        from freezelint.source.text import NotPython, decode

        try:
            data = self._bytes_of(display)
            if display.endswith(".ipynb"):
                return {cell.index: _LINE_END.split(cell.text) for cell in read_cells(data)}
            return {None: _LINE_END.split(decode(data))}
        except (OSError, NotPython, ValueError):
            return {}

    def _bytes_of(self, display: str) -> bytes:
        return self._data[display] if display in self._data else self._bytes(display)

    def _bytes(self, display: str) -> bytes:
        path = self._paths.get(display, Path(display))
        changed = self.overlay.get(path.resolve()) if self.overlay else None
        return path.read_bytes() if changed is None else changed
