"""The protobuf wire format, read in place: tags, varints and lengths, and nothing about what they mean.

Source: https://protobuf.dev/programming-guides/encoding/. Sub-messages are spans of one buffer, so what
nobody asks for (weights, unreachable functions) is skipped by its length and never copied.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator

Buffer = bytes | mmap.mmap

MAX_FIELDS = 8_000_000
MAX_KEPT = 1_000_000
MAX_STEPS = 3_000_000
MAX_SECONDS = 12.0
MAX_TEXT = 4096
_ALLOWANCE = 10_000


class Malformed(ValueError):
    """The bytes are not what the wire format allows."""


class OverBudget(Exception):
    """Reading was given up because the input asks for more work than any real model."""


class Budget:
    """What reading one model may cost: fields decoded, strings kept, nodes interpreted, and seconds.

    Raises `OverBudget` from the method that crosses a limit. Work is paid for out of `allowance`, which `renew`
    fills up again: that keeps the clock, and a call for every field, out of the innermost loop.
    """

    __slots__ = ("_deadline", "_fields", "_kept", "_seconds", "_steps", "allowance")

    def __init__(
        self,
        fields: int = MAX_FIELDS,
        kept: int = MAX_KEPT,
        steps: int = MAX_STEPS,
        seconds: float = MAX_SECONDS,
    ) -> None:
        self._fields = fields
        self._kept = kept
        self._steps = steps
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self.allowance = 0

    def renew(self) -> None:
        """Fill up the allowance of fields from what is left of them."""
        if time.monotonic() > self._deadline:
            raise OverBudget(f"it took longer than {self._seconds:g} seconds")
        if self._fields <= 0:
            raise OverBudget("more fields than any real model has")
        self.allowance = min(_ALLOWANCE, self._fields)
        self._fields -= self.allowance

    def keep(self, count: int = 1) -> None:
        """Pay for `count` strings of up to 64 bytes that stay in memory."""
        self._kept -= count
        if self._kept < 0:
            raise OverBudget("more nodes and names than any real model has")

    def step(self) -> None:
        """Pay for the interpretation of one node."""
        self._steps -= 1
        self.allowance -= 1
        if self.allowance < 0:
            self.renew()
        if self._steps < 0:
            raise OverBudget("more operations to follow than any real model has")


class Message:
    """A span of a buffer that is read as a message, a string or packed numbers, as the caller wishes."""

    __slots__ = ("budget", "buffer", "end", "start")

    def __init__(self, buffer: Buffer, start: int, end: int, budget: Budget) -> None:
        self.buffer = buffer
        self.start = start
        self.end = end
        self.budget = budget

    def __len__(self) -> int:
        return self.end - self.start

    def __iter__(self) -> Iterator[tuple[int, int, Message]]:
        """Every field as (number, integer, part).

        For a length-delimited field `part` is its content and `integer` 0; for any other, `integer` is its
        raw value and `part` is empty. Raises `Malformed` where the bytes break the format.
        """
        buffer, budget = self.buffer, self.budget
        for number, integer, start, end in self.spans():
            yield number, integer, Message(buffer, start, end, budget)

    def spans(self) -> Iterator[tuple[int, int, int, int]]:
        """Every field; see `spans`."""
        return spans(self.buffer, self.start, self.end, self.budget)

    def text(self) -> str:
        """The span as text; see `text`."""
        return text(self.buffer, self.start, self.end)

    def bytes(self, limit: int | None = None) -> bytes:
        """The span's bytes, at most `limit`."""
        end = self.end if limit is None else min(self.end, self.start + limit)
        return self.buffer[self.start : end]

    def packed(self, limit: int) -> list[int]:
        """The span as packed varints, at most `limit` of them."""
        numbers: list[int] = []
        at = self.start
        while at < self.end and len(numbers) < limit:
            self.budget.allowance -= 1
            if self.budget.allowance < 0:
                self.budget.renew()
            number, at = _varint(self.buffer, at, self.end)
            numbers.append(number)
        return numbers


def spans(buffer: Buffer, at: int, end: int, budget: Budget) -> Iterator[tuple[int, int, int, int]]:
    """Every field from `at` to `end` as (number, integer, start, end).

    This is what a `Message` gives, with the place of a part instead of the part. Making a part takes longer than
    finding one, so what reads thousands of messages asks for places.
    """
    while at < end:
        budget.allowance -= 1
        if budget.allowance < 0:
            budget.renew()
        tag = buffer[at]
        if tag < 128:
            at += 1
        else:
            tag, at = _varint(buffer, at, end)
        kind = tag & 7
        if tag < 8:
            raise Malformed(f"field number 0 at byte {at}")
        if kind == 2:
            if at < end and (length := buffer[at]) < 128:
                at += 1
            else:
                length, at = _varint(buffer, at, end)
            stop = at + length
            if stop > end:
                raise Malformed(f"a field at byte {at} is longer than what is left of the file")
            yield tag >> 3, 0, at, stop
            at = stop
        elif kind == 0:
            if at < end and (integer := buffer[at]) < 128:
                at += 1
            else:
                integer, at = _varint(buffer, at, end)
            yield tag >> 3, integer, end, end
        elif kind in (1, 5):
            width = 8 if kind == 1 else 4
            if end - at < width:
                raise Malformed(f"a number at byte {at} is cut off")
            yield tag >> 3, int.from_bytes(buffer[at : at + width], "little"), end, end
            at += width
        else:
            raise Malformed(f"unknown wire type {kind} at byte {at}")


def text(buffer: Buffer, start: int, end: int) -> str:
    """A span as text; a byte that is not UTF-8 is replaced, and what is over `MAX_TEXT` bytes cut."""
    if end - start > MAX_TEXT:
        return buffer[start : start + MAX_TEXT].decode("utf-8", "replace") + "…"
    return buffer[start:end].decode("utf-8", "replace")


def signed(value: int) -> int:
    """A 64-bit raw value read as two's complement, as `int32`, `int64` and enums are."""
    return value - (1 << 64) if value >= 1 << 63 else value


def zigzag(value: int) -> int:
    """A raw value read as `sint64`."""
    return (value >> 1) ^ -(value & 1)


def float32(value: int) -> float:
    """A fixed 32-bit raw value read as `float`."""
    return float(struct.unpack("<f", struct.pack("<I", value & 0xFFFFFFFF))[0])


def float64(value: int) -> float:
    """A fixed 64-bit raw value read as `double`."""
    return float(struct.unpack("<d", struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF))[0])


def _varint(buffer: Buffer, at: int, end: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if at >= end or shift > 63:
            raise Malformed(f"a number at byte {at} is cut off")
        byte = buffer[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
