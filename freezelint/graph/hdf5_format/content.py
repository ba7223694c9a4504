"""The bytes of an HDF5 file, wherever they lie, and what reading them may cost."""

from __future__ import annotations

import io
from typing import BinaryIO

UNDEFINED = 0xFFFFFFFFFFFFFFFF
"""The address of what does not exist."""

MAX_STEPS = 4_000_000
"""A step is a message, a link, or 64 bytes. A file of 200,000 objects takes less than half of them."""

MAX_PIECE = 64 << 20
"""Bytes that are looked at together: the longest text, or all names in a group."""

_WINDOW = 4096


class Damaged(ValueError):
    """The bytes are not what the format allows, or lead to more work than those of any real file."""


class Content:
    """A file, or `length` bytes of one from `start` on; addresses are counted from there."""

    def __init__(self, file: BinaryIO, start: int = 0, length: int | None = None) -> None:
        size = file.seek(0, io.SEEK_END)
        self._file = file
        self._start = start
        self.size = min(size - start, size if length is None else length)
        self._window = b""
        self._window_at = 0
        self._steps = 0

    def behind(self, offset: int) -> Content:
        """The same bytes without the first `offset`."""
        return Content(self._file, self._start + offset, self.size - offset)

    def at(self, address: int, length: int) -> bytes:
        """`length` bytes from `address` on. Raises `Damaged` if the file has no such bytes, or for too many."""
        begin = address - self._window_at
        if begin < 0 or begin + length > len(self._window):
            self._move_window(address, length)
            begin = 0
        self.spend(1 + (length >> 6))
        return self._window[begin : begin + length]

    def spend(self, steps: int) -> None:
        """Pays for work. Raises `Damaged` when nothing is left to pay with."""
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise Damaged("it asks for more work than any real file")

    def _move_window(self, address: int, length: int) -> None:
        if address + length > self.size:
            raise Damaged(f"it leads to byte {address + length:,} of {self.size:,}")
        if length > MAX_PIECE:
            raise Damaged(f"it has a part of {length:,} bytes")
        self._file.seek(self._start + address)
        self._window = self._file.read(min(max(length, _WINDOW), self.size - address))
        self._window_at = address
        if len(self._window) < length:
            raise Damaged("it became shorter while it was read")
