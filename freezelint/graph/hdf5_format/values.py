"""Types, shapes, texts of attributes, and numbers of datasets."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from freezelint.graph.hdf5_format.content import MAX_PIECE, UNDEFINED, Content, Damaged

MAX_TEXT_BYTES = MAX_PIECE
"""In all attributes of a file together."""

Shape = tuple[int, ...] | None

_FIXED_POINT, _FLOATING_POINT, _STRING, _ENUMERATION, _VARIABLE_LENGTH = 0, 1, 3, 8, 9
_NULL_DATASPACE = 2
_COMPACT, _CONTIGUOUS, _VIRTUAL = 0, 1, 3
_FORMATS = {
    "int8": "b", "int16": "h", "int32": "i", "int64": "q",
    "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
    "float16": "e", "float32": "f", "float64": "d",
}  # fmt: skip
_REFERENCE = struct.Struct("<IQI")
"""Of a text of variable length: its length, and where it lies."""


class Datatype(NamedTuple):
    """What the elements of a dataset or an attribute are.

    `name` is that of NumPy, whatever the order of the bytes; None for what is neither whole numbers nor floats.
    `is_text` is true for texts, `is_reference` for those of them that lie elsewhere. `size` is in bytes.
    """

    name: str | None
    size: int
    big_endian: bool = False
    is_text: bool = False
    is_reference: bool = False


UNKNOWN = Datatype(None, 0)


class Place(NamedTuple):
    """Where the numbers of a dataset lie: `data` itself, or `address` in the file; neither if they are in pieces.

    `is_elsewhere` is true for those that other files hold.
    """

    data: bytes | None = None
    address: int | None = None
    is_elsewhere: bool = False


def datatype(body: bytes) -> Datatype:
    """The type that a message describes; `UNKNOWN` for one that several objects share."""
    if not body:
        return UNKNOWN
    head, bits, size = struct.unpack_from("<BB2xI", body)
    kind = head & 15
    if kind == _FIXED_POINT:
        name = f"{'int' if bits & 8 else 'uint'}{8 * size}"
        return Datatype(name if name in _FORMATS else None, size, bool(bits & 1))
    if kind == _FLOATING_POINT:
        exponent_bits = body[13]
        name = "bfloat16" if (size, exponent_bits) == (2, 8) else f"float{8 * size}"
        return Datatype(name if name in _FORMATS or name == "bfloat16" else None, size, bool(bits & 1))
    if kind == _STRING:
        return Datatype(None, size, is_text=True)
    if kind == _VARIABLE_LENGTH:
        return Datatype(None, size, is_text=bits & 15 == 1, is_reference=True)
    if kind == _ENUMERATION:
        is_bool = b"FALSE\0" in body and b"TRUE\0" in body
        return Datatype("bool" if is_bool else None, size)
    return Datatype(None, size)


def shape(body: bytes) -> Shape:
    """The shape that a message describes, `()` for a single element, None for none at all."""
    version, rank, _, kind = struct.unpack_from("<BBBB", body)
    if version == 1:
        return struct.unpack_from(f"<{rank}Q", body, 8)
    if version != 2:
        raise Damaged(f"shape of version {version}")
    return None if kind == _NULL_DATASPACE else struct.unpack_from(f"<{rank}Q", body, 4)


def place(body: bytes) -> Place:
    """Where the message says that the numbers of a dataset lie."""
    is_old = body[0] < 3
    kind = body[2] if is_old else body[1]
    if kind == _CONTIGUOUS:
        address: int = struct.unpack_from("<Q", body, 8 if is_old else 2)[0]
        return Place(address=None if address == UNDEFINED else address)
    if kind == _COMPACT and not is_old:
        return Place(data=body[4 : 4 + int.from_bytes(body[2:4], "little")])
    return Place(is_elsewhere=kind == _VIRTUAL)


class Numbers(NamedTuple):
    """The numbers of a dataset whose type has a name, not yet read."""

    place: Place
    type: Datatype
    shape: Shape

    def read(self, content: Content) -> tuple[float, ...]:
        """The numbers; none of those that are not in one piece. Raises `Damaged` if the file ends before they do."""
        place, kind = self.place, self.type
        letter = _FORMATS.get(kind.name or "")
        if letter is None or (place.data is None and place.address is None):
            return ()
        count = math.prod(self.shape or ())
        data = content.at(place.address, count * kind.size) if place.address is not None else place.data
        return struct.unpack(f"{'>' if kind.big_endian else '<'}{count}{letter}", data or b"")


def refuse_dense(body: bytes) -> None:
    """Raises `Damaged` if the message says that the attributes of an object are in dense storage."""
    if struct.unpack_from("<Q", body, 4 if body[1] & 1 else 2)[0] != UNDEFINED:
        raise Damaged("attributes in dense storage, which Keras never writes and which is not read")


class Attribute(NamedTuple):
    """An attribute as it is written: its name, the messages that describe its type and shape, and its content."""

    name: str
    type: bytes
    shape: bytes
    content: bytes


def attribute(body: bytes) -> Attribute:
    """The attribute in a message."""
    version, flags, name_size, type_size, shape_size = struct.unpack_from("<BBHHH", body)
    at = 9 if version == 3 else 8
    padded = version == 1
    ends = []
    for size in (name_size, type_size, shape_size):
        ends.append((at, at + size))
        at += size + 7 & ~7 if padded else size
    name, kind, extent = (body[begin:end] for begin, end in ends)
    is_shared = version > 1 and flags & 1
    return Attribute(_text(name), b"" if is_shared else kind, extent, body[at:])


class Texts:
    """Reads what is text in the attributes of a file."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._left = MAX_TEXT_BYTES
        self._heap_at = -1
        self._heap: dict[int, tuple[int, int]] = {}

    def read(self, found: Attribute) -> str | list[str] | None:
        """The text, or the list of texts, in an attribute; None for anything else. Raises `TooLarge`."""
        kind, extent, data = datatype(found.type), shape(found.shape), found.content
        if extent is None or len(extent) > 1:
            return None
        count = math.prod(extent)
        if not count:
            return []
        if not kind.is_text:
            return None
        size = _REFERENCE.size if kind.is_reference else max(kind.size, 1)
        if count * size > len(data):
            raise Damaged("an attribute is cut off")
        self._pay(count * size)
        read = self._far if kind.is_reference else _text
        texts = [read(data[at : at + size]) for at in range(0, count * size, size)]
        return texts if extent else texts[0]

    def _pay(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge

    def _far(self, reference: bytes) -> str:
        """A text of variable length."""
        length, heap, index = _REFERENCE.unpack(reference)
        if not length:
            return ""
        self._pay(length)
        if heap != self._heap_at:
            self._heap, self._heap_at = self._objects(heap), heap
        if index not in self._heap or self._heap[index][1] < length:
            raise Damaged(f"a text is not at byte {heap:,}")
        return _text(self._content.at(self._heap[index][0], length))

    def _objects(self, heap: int) -> dict[int, tuple[int, int]]:
        """Where the texts of a heap lie: address and length by number."""
        signature, size = struct.unpack("<4s4xQ", self._content.at(heap, 16))
        if signature != b"GCOL":
            raise Damaged(f"no texts at byte {heap:,}")
        found: dict[int, tuple[int, int]] = {}
        at = heap + 16
        while at + 16 <= heap + size:
            index, length = struct.unpack("<H6xQ", self._content.at(at, 16))
            if not index:
                break
            found[index] = at + 16, length
            at += 16 + (length + 7 & ~7)
        return found


class TooLarge(Exception):
    """An attribute is larger than what is left of `MAX_TEXT_BYTES`."""


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
