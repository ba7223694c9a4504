"""The text that spans point into: the lines of a file, or of one cell of a notebook."""

from __future__ import annotations

import re
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
        self.overlay = Overlay()
        """What to read instead of what lies on the disk."""

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

    def _read(self, display: str) -> dict[int | None, list[str]]:
        from freezelint.source.notebook import read_cells
        from freezelint.source.parse import NotPython, decode

        try:
            data = self._data[display] if display in self._data else self._bytes(display)
            if display.endswith(".ipynb"):
                return {cell.index: _LINE_END.split(cell.text) for cell in read_cells(data)}
            return {None: _LINE_END.split(decode(data))}
        except (OSError, NotPython, ValueError):
            return {}

    def _bytes(self, display: str) -> bytes:
        path = self._paths.get(display, Path(display))
        changed = self.overlay.get(path.resolve()) if self.overlay else None
        return path.read_bytes() if changed is None else changed
