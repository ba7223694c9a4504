"""Fixes → the changed bytes of a file. Text edits at spans; everything else in the file stays as it is.

Nothing is written that does not parse as well as before, and files are replaced in one step.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from freezelint import atomic
from freezelint.finding import Edit, Fix, Position

_LINE_END = re.compile(r"\r\n|\r|\n")


class CannotEdit(Exception):
    """A file that no edit is made in; the text says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """What fixes made of a file: how the report names it, where it lies, its bytes before and after."""

    display: str
    path: Path
    before: bytes
    after: bytes


def apply(data: bytes, display: str, fixes: Iterable[Fix]) -> tuple[bytes, int]:
    """The bytes with as many of the fixes applied as do not overlap, in reading order, and how many those were.

    A fix is applied whole or not at all; what overlaps waits for the next pass. Raises `CannotEdit` where the
    text cannot be decoded and written again byte for byte, or would no longer be read as well as before.
    """
    document = _open(data, display)
    chosen: list[tuple[int, int, str]] = []
    done = 0
    for fix in sorted(fixes, key=_order):
        edits = [document.located(edit) for edit in fix.edits]
        if all(edit in chosen for edit in edits):
            done += 1
        elif not any(_overlap(edit, other) for edit in edits for other in chosen):
            chosen.extend(edits)
            done += 1
    changed = document.with_edits(sorted(chosen, reverse=True))
    _must_parse(display, data, changed)
    return changed, done


def _order(fix: Fix) -> tuple[object, ...]:
    return (min(edit.span.order for edit in fix.edits), fix.title)


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])


def _must_parse(display: str, before: bytes, after: bytes) -> None:
    from freezelint.source.parse import parse
    from freezelint.source.text import NotPython

    try:
        had = len(parse(display, before).program.unparsed)
        has = len(parse(display, after).program.unparsed)
    except NotPython as error:
        raise CannotEdit(f"the fixes would leave it unreadable: {error.reason}") from error
    if has > had:
        raise CannotEdit("the fixes would leave a cell unreadable")


# Documents


class _Document(Protocol):
    def located(self, edit: Edit) -> tuple[int, int, str]:
        """An edit as a stretch of the file's text and what it becomes."""
        ...

    def with_edits(self, edits: Sequence[tuple[int, int, str]]) -> bytes:
        """The file's bytes with the edits made, which are given last to first."""
        ...


def _open(data: bytes, display: str) -> _Document:
    from freezelint.source.text import NotPython, decode, encoding_of

    try:
        if display.endswith(".ipynb"):
            return _Notebook(data)
        return _Plain(data, decode(data), encoding_of(data))
    except (NotPython, ValueError) as error:
        raise CannotEdit(str(error)) from error


class _Plain:
    """A Python file."""

    def __init__(self, data: bytes, text: str, encoding: str) -> None:
        if text.encode(encoding) != data:
            raise CannotEdit(f"its bytes do not survive decoding and encoding as {encoding}")
        self.text = text
        self.encoding = encoding

    def located(self, edit: Edit) -> tuple[int, int, str]:
        first, last = (_offset(self.text, place) for place in (edit.span.start, edit.span.end))
        return (first, last, _with_line_ends(edit.text, self.text))

    def with_edits(self, edits: Sequence[tuple[int, int, str]]) -> bytes:
        try:
            return _replaced(self.text, edits).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise CannotEdit(f"a fix cannot be written in {self.encoding}") from error


class _Notebook:
    """A notebook: edits are made inside the JSON strings that hold the lines of a cell."""

    def __init__(self, data: bytes) -> None:
        from freezelint.source.notebook import read_cells
        from freezelint.source.notebook_strings import cell_texts

        self.encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
        self.text = data.decode(self.encoding)
        self.sources = {cell.index: cell.text for cell in read_cells(data)}
        self.cells = cell_texts(self.text)

    def located(self, edit: Edit) -> tuple[int, int, str]:
        number = edit.span.cell or 0
        source, cell = self.sources[number], self.cells[number]
        if len(cell.starts) != len(source):
            raise CannotEdit("its cells are not written as strings only")
        first, last = cell.place(_offset(source, edit.span.start), _offset(source, edit.span.end))
        return (first, last, cell.written(_with_line_ends(edit.text, source), self.text.isascii()))

    def with_edits(self, edits: Sequence[tuple[int, int, str]]) -> bytes:
        return _replaced(self.text, edits).encode(self.encoding)


def _offset(text: str, place: Position) -> int:
    """The number of characters before a place in a text."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
    start = starts[place.line - 1] if place.line <= len(starts) else len(text)
    return min(start + place.column - 1, len(text))


def _with_line_ends(text: str, like: str) -> str:
    found = _LINE_END.search(like)
    return text.replace("\n", found.group()) if found else text


def _replaced(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    for first, last, new in edits:
        text = text[:first] + new + text[last:]
    return text


# Files


def diff(changes: Iterable[Change]) -> Iterator[str]:
    """The changes as lines of one unified diff; a notebook's are those of its JSON."""
    for change in changes:
        before, after = (
            data.decode("utf-8", "replace").splitlines(keepends=True) for data in (change.before, change.after)
        )
        for line in difflib.unified_diff(before, after, change.display, change.display):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def write(change: Change) -> None:
    """Replaces the file in one step; its mode is kept, and a symbolic link goes on pointing to it.

    Raises `OSError`, and `CannotEdit` if the file has changed since it was read.
    """
    if change.path.read_bytes() != change.before:
        raise CannotEdit("it was changed while it was checked")
    atomic.write(change.path, change.after)
