"""The numbers of small constants in a graph. Large ones are weights, and weights are not read."""

from __future__ import annotations

from freezelint.graph.saved_model.wire import Message, float32, float64, signed, spans

MAX_ELEMENTS = 16

_FIXED_WIDTH = {1: ("<f", 4), 2: ("<d", 8), 3: ("int", 4), 4: ("int", 1), 6: ("int", 1), 9: ("int", 8), 10: ("int", 1)}


def constant(attribute: Message) -> tuple[float, ...] | None:
    """The numbers of a small tensor in an AttrValue; None if it is large, empty or not numeric."""
    for number, _, start, end in attribute.spans():
        if number == 8:
            return _tensor(attribute, start, end)
    return None


def _tensor(within: Message, at: int, stop: int) -> tuple[float, ...] | None:
    buffer, budget = within.buffer, within.budget
    code, content = 0, b""
    numbers: list[float] = []
    for number, integer, start, end in spans(buffer, at, stop, budget):
        if number == 1:
            code = integer
        elif number == 4:
            if end - start > MAX_ELEMENTS * 8:
                return None
            content = buffer[start:end]
        elif number in (5, 6, 7, 10, 11):
            numbers.extend(_numbers(number, integer, Message(buffer, start, end, budget)))
            if len(numbers) > MAX_ELEMENTS:
                return None
    if content and code in _FIXED_WIDTH:
        return _from_content(content, code)
    return tuple(numbers) or None


def _numbers(number: int, integer: int, part: Message) -> list[float]:
    if number in (5, 6):
        width, read = (4, float32) if number == 5 else (8, float64)
        if not len(part):
            return [read(integer)]
        raw = part.bytes(MAX_ELEMENTS * width)
        return [read(int.from_bytes(raw[at : at + width], "little")) for at in range(0, len(raw), width)]
    if not len(part):
        return [signed(integer)]
    return [signed(value) for value in part.packed(MAX_ELEMENTS + 1)]


def _from_content(content: bytes, code: int) -> tuple[float, ...] | None:
    kind, width = _FIXED_WIDTH[code]
    pieces = [int.from_bytes(content[at : at + width], "little") for at in range(0, len(content), width)]
    if len(pieces) > MAX_ELEMENTS:
        return None
    if kind == "<f":
        return tuple(float32(piece) for piece in pieces)
    if kind == "<d":
        return tuple(float64(piece) for piece in pieces)
    half = 1 << (8 * width - 1)
    return tuple(piece - 2 * half if piece >= half else piece for piece in pieces)
