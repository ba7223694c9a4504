import io
import struct

import pytest

from freezelint.graph.hdf5_format.content import Content, Damaged
from freezelint.graph.hdf5_format.headers import CONTINUATION, DATASPACE, SIGNATURE, messages, opened
from tests.graph.hdf5_format.build import written


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("userblock_size", [0, 512, 4096])
def test_a_file_of_any_version_begins_with_its_root_group(libver, userblock_size):
    buffer = written(lambda file: file.create_group("a"), libver=libver, userblock_size=userblock_size)
    content, root = opened(Content(buffer))
    assert content.size == len(buffer.getvalue()) - userblock_size
    assert [kind for kind, _ in messages(content, root)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin"),
        (b"x" * 5000, "does not begin"),
        (SIGNATURE + b"\7" * 100, "superblock 7"),
        (SIGNATURE + b"\0" * 5 + b"\4\4" + b"\0" * 100, "8 bytes"),
        (SIGNATURE, "leads to byte"),
    ],
)
def test_what_is_no_file_is_damaged(data, why):
    with pytest.raises(Damaged, match=why):
        opened(Content(io.BytesIO(data)))


def test_a_file_that_was_cut_off_says_how_much_there_is():
    data = written(lambda file: file.create_group("a")).getvalue()
    with pytest.raises(Damaged, match=f"{len(data) - 1:,} bytes"):
        opened(Content(io.BytesIO(data[:-1])))


def header(*found: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HHB3x", kind, len(data), 0) + data for kind, data in found)
    return struct.pack("<BxHII4x", 1, len(found), 1, len(body)) + body


def test_a_header_that_leads_to_itself_has_an_end():
    circle = header((CONTINUATION, struct.pack("<QQ", 16, 24)), (DATASPACE, b""))
    with pytest.raises(Damaged, match="too many pieces"):
        list(messages(Content(io.BytesIO(circle)), 0))


def test_a_message_that_is_longer_than_its_header_is_damage():
    data = bytearray(header((DATASPACE, b"\2\0\0\0\0\0\0\0")))
    data[18] = 200
    with pytest.raises(Damaged, match="cut off"):
        list(messages(Content(io.BytesIO(bytes(data))), 0))
