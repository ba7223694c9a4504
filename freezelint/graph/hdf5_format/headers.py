"""Where a file begins, and the messages of which its objects consist."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from freezelint.graph.hdf5_format.content import Content, Damaged

SIGNATURE = b"\x89HDF\r\n\x1a\n"

DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL_FILES, LAYOUT = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08
ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x0C, 0x10, 0x11, 0x15
"""The kinds of messages that are read."""

MAX_BLOCKS = 10_000
"""Into how many pieces the header of one object may be split."""

_ADDRESS_SIZE = b"\x08\x08"
_SHARED = 2
_TIMES, _PHASE_CHANGE, _CREATION_ORDER = 0x20, 0x10, 0x04
_MESSAGE_1 = struct.Struct("<HHB3x")
_MESSAGE_2 = struct.Struct("<BHB")


def beginning(content: Content) -> int | None:
    """Where the file itself begins: at 0, 512, 1024, 2048, …, behind a user block; None for what is no HDF5 file."""
    offset = 0
    while offset + len(SIGNATURE) <= content.size:
        if content.at(offset, len(SIGNATURE)) == SIGNATURE:
            return offset
        offset = offset * 2 or 512
    return None


def opened(content: Content) -> tuple[Content, int]:
    """The content from where the file itself begins (there may be a user block before it), and its root group.

    The group is told by the address of its header. Raises `Damaged` for what is no HDF5 file, or not a whole one.
    """
    offset = beginning(content)
    if offset is None:
        raise Damaged("it does not begin as one")
    content = content.behind(offset) if offset else content
    version = content.at(8, 1)[0]
    if version > 3:
        raise Damaged(f"superblock {version} is unknown")
    sizes = content.at(13, 2) if version < 2 else content.at(9, 2)
    if sizes != _ADDRESS_SIZE:
        raise Damaged("its addresses do not have 8 bytes")
    if version < 2:
        base, _, end, _, _, root = struct.unpack("<6Q", content.at(24 if version == 0 else 28, 48))
    else:
        base, _, end, root = struct.unpack("<4Q", content.at(12, 32))
    if end - base > content.size:
        raise Damaged(f"it is cut off: it has {content.size:,} bytes, and had {end - base:,}")
    return content, root


def messages(content: Content, address: int) -> Iterator[tuple[int, bytes]]:
    """The messages of the object whose header is at `address`: their kind and content.

    A message that lies elsewhere, because several objects share it, has no content. Raises `Damaged`.
    """
    head = content.at(address, 16)
    if head[0] == 1:
        first = address + 16, int.from_bytes(head[8:12], "little")
        return _messages(content, [first], _MESSAGE_1, 0)
    if head[:5] != b"OHDR\2":
        raise Damaged(f"no object begins at byte {address:,}")
    flags = head[5]
    at = address + 6 + (16 if flags & _TIMES else 0) + (4 if flags & _PHASE_CHANGE else 0)
    width = 1 << (flags & 3)
    first = at + width, int.from_bytes(content.at(at, width), "little")
    return _messages(content, [first], _MESSAGE_2, 2 if flags & _CREATION_ORDER else 0)


def _messages(
    content: Content, blocks: list[tuple[int, int]], head: struct.Struct, skipped: int
) -> Iterator[tuple[int, bytes]]:
    """The messages in the blocks of one header; every one may lead to further blocks."""
    is_second = head is _MESSAGE_2
    width = head.size + skipped
    for address, length in blocks:
        block = content.at(address, length)
        at = 0
        while at + width <= length:
            content.spend(1)
            kind, size, flags = head.unpack_from(block, at)
            at += width
            if at + size > length:
                raise Damaged(f"a message in the header at byte {address:,} is cut off")
            body = b"" if flags & _SHARED else block[at : at + size]
            at += size
            if kind == CONTINUATION:
                further, its_length = struct.unpack_from("<QQ", body)
                blocks.append((further + 4, its_length - 8) if is_second else (further, its_length))
                if len(blocks) > MAX_BLOCKS:
                    raise Damaged(f"the header at byte {address:,} has too many pieces")
            elif kind:
                yield kind, body
