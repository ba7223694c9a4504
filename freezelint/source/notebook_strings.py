"""Where the text of a notebook's cells stands in its JSON, so that an edit changes nothing else in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

_SPACE = re.compile(r"[ \t\n\r]*")
_HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_DECODER = json.JSONDecoder()


@dataclass
class CellText:
    """The source of one cell: where each of its characters begins and ends in the notebook's text.

    `separator` stands between two of its lines (empty if the source is a single string).
    """

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    separator: str = ""
    anchor: int | None = None
    """Where the content of its first string begins; None if it has no string."""

    def place(self, first: int, last: int) -> tuple[int, int]:
        """The stretch of the notebook's text that the characters from `first` up to, not including, `last` take.

        Raises `ValueError` if the cell has no such characters.
        """
        if not 0 <= first <= last <= len(self.starts) or self.anchor is None:
            raise ValueError("outside of the cell")
        start = [*self.starts[first : first + 1], *self.ends[-1:], self.anchor][0]
        return (start, self.ends[last - 1] if last > first else start)

    def written(self, text: str, ascii_only: bool) -> str:
        """`text` as it is to stand inside the strings of this cell: escaped, and a string for each line."""
        lines = text.splitlines(keepends=True) if self.separator else [text]
        escaped = [json.dumps(line, ensure_ascii=ascii_only)[1:-1] for line in lines]
        if self.separator and text.endswith("\n"):
            escaped.append("")
        return f'"{self.separator}"'.join(escaped)


def cell_texts(text: str) -> dict[int, CellText]:
    """The sources of the cells of a notebook, by their number (from 1); `text` is its JSON, which must be valid."""
    start = _skip(text, 0)
    cells = [at for key, at in _members(text, start) if key == "cells"]
    if cells:
        places = list(_elements(text, cells[-1]))
    else:
        sheets = [at for key, at in _members(text, start) if key == "worksheets"]
        lists = [
            at for sheet in _elements(text, sheets[-1]) for key, at in _members(text, sheet) if key == "cells"
        ]  # the format before version 4
        places = [at for found in lists for at in _elements(text, found)]
    return {number: _cell(text, at) for number, at in enumerate(places, 1) if text[at] == "{"}


def _cell(text: str, start: int) -> CellText:
    members = dict(_members(text, start))
    at = members.get("source", members.get("input"))
    cell = CellText()
    if at is None:
        return cell
    strings = [at] if text[at] == '"' else [item for item in _elements(text, at) if text[item] == '"']
    for string in strings:
        cell.anchor = string + 1 if cell.anchor is None else cell.anchor
        for first, last in _characters(text, string):
            cell.starts.append(first)
            cell.ends.append(last)
    if text[at] == "[" and strings:
        cell.separator = "," + text[at + 1 : strings[0]]
        for one, other in pairwise(strings):
            between = text[_end(text, one) : other]
            if between.strip() == ",":
                cell.separator = between
                break
    return cell


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """The keys of the object at `start`, and where their values begin; nothing if it is no object."""
    if text[start] != "{":
        return
    at = _skip(text, start + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        yield key, value
        at = _skip(text, _end(text, value))
        if text[at] != ",":
            return
        at = _skip(text, at + 1)


def _elements(text: str, start: int) -> Iterator[int]:
    """Where the elements of the array at `start` begin; nothing if it is no array."""
    if text[start] != "[":
        return
    at = _skip(text, start + 1)
    while text[at] != "]":
        yield at
        at = _skip(text, _end(text, at))
        if text[at] != ",":
            return
        at = _skip(text, at + 1)


def _characters(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Where each character of the string at `start` begins and ends."""
    at, end = start + 1, _end(text, start) - 1
    while at < end:
        length = 1
        if text[at] == "\\":
            length = 6 if text[at + 1] == "u" else 2
            if _HIGH_SURROGATE.match(text, at):
                length = 12
        yield at, at + length
        at += length


def _end(text: str, start: int) -> int:
    _, end = _DECODER.raw_decode(text, start)
    return int(end)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
