"""The names in a group and what they lead to."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freezelint.graph.hdf5_format.content import UNDEFINED, Content, Damaged
from freezelint.graph.hdf5_format.headers import LINK, LINK_INFO, SYMBOL_TABLE

MAX_LEVELS = 64
MAX_BRANCHES = 4096
"""Of a tree of names; the HDF5 library makes 32 branches, and never needs more than ten levels."""

MAX_NAME = 65_536

_SOFT_ENTRY = 2
_HARD, _SOFT = 0, 1
_ENTRY = struct.Struct("<QQI20x")


class Link(NamedTuple):
    """A name in a group. `address` is that of the object's header, `UNDEFINED` for a link that is a path."""

    name: str
    address: int
    is_external: bool = False


def links(content: Content, kind: int, body: bytes) -> Iterator[Link]:
    """The links that one message in the header of a group holds or leads to; none for any other message.

    Raises `Damaged`, also for a group in dense storage.
    """
    if kind == SYMBOL_TABLE:
        tree, heap = struct.unpack_from("<QQ", body)
        yield from _symbols(content, tree, _heap(content, heap))
    elif kind == LINK:
        yield _link(body)
    elif kind == LINK_INFO:
        heap = struct.unpack_from("<Q", body, 10 if body[1] & 1 else 2)[0]
        if heap != UNDEFINED:
            raise Damaged("a group in dense storage, which Keras never writes and which is not read")


def _heap(content: Content, address: int) -> bytes:
    """The names of a group, each with a zero behind it."""
    signature, size, data = struct.unpack("<4s4xQ8xQ", content.at(address, 32))
    if signature != b"HEAP":
        raise Damaged(f"no names at byte {address:,}")
    return content.at(data, size)


def _symbols(content: Content, root: int, names: bytes) -> Iterator[Link]:
    """The links in a tree of symbol tables, in the order of their names."""
    stack = [(root, MAX_LEVELS)]
    while stack:
        address, levels = stack.pop()
        head = content.at(address, 24)
        if head[:4] == b"SNOD":
            yield from _table(content, address, int.from_bytes(head[6:8], "little"), names)
        elif head[:5] == b"TREE\0" and levels and (count := int.from_bytes(head[6:8], "little")) <= MAX_BRANCHES:
            keys_and_children = struct.unpack(f"<{2 * count}Q", content.at(address + 24, 16 * count))
            stack.extend((child, levels - 1) for child in reversed(keys_and_children[1::2]))
        else:
            raise Damaged(f"no table of names at byte {address:,}")


def _table(content: Content, address: int, count: int, names: bytes) -> Iterator[Link]:
    content.spend(count)
    for name_at, header, cached in _ENTRY.iter_unpack(content.at(address + 8, _ENTRY.size * count)):
        end = names.find(b"\0", name_at, name_at + MAX_NAME)
        if end < 0:
            raise Damaged(f"a name at byte {address:,} is cut off")
        name = names[name_at:end].decode("utf-8", "replace")
        yield Link(name, UNDEFINED if cached == _SOFT_ENTRY else header)


def _link(body: bytes) -> Link:
    flags = body[1]
    at = 2
    kind = body[at] if flags & 8 else _HARD
    at += bool(flags & 8) + 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(body[at : at + width], "little")
    at += width
    name = body[at : at + length].decode("utf-8", "replace")
    if kind != _HARD:
        return Link(name, UNDEFINED, is_external=kind != _SOFT)
    return Link(name, struct.unpack_from("<Q", body, at + length)[0])
