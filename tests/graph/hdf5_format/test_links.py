import io
import struct

import h5py
import pytest

from freezelint.graph.hdf5_format.content import UNDEFINED, Content, Damaged
from freezelint.graph.hdf5_format.headers import SYMBOL_TABLE, messages, opened
from freezelint.graph.hdf5_format.links import Link, links
from tests.graph.hdf5_format.build import written


def links_of(fill, **settings) -> list[Link]:
    content, root = opened(Content(written(fill, **settings)))
    return [link for kind, body in messages(content, root) for link in links(content, kind, body)]


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_links_are_told_by_name_and_kind(libver):
    def fill(file):
        file.create_group("own")
        file["soft"] = h5py.SoftLink("/own")
        file["outside"] = h5py.ExternalLink("other.h5", "/")

    found = {link.name: link for link in links_of(fill, libver=libver)}
    assert found["own"].address != UNDEFINED
    assert found["soft"] == ("soft", UNDEFINED, False)
    assert found["outside"] == ("outside", UNDEFINED, True)


def test_many_links_are_a_tree_in_the_order_of_their_names():
    names = [f"layer_{number}" for number in range(1500)]
    found = links_of(lambda file: [file.create_group(name) for name in names])
    assert [link.name for link in found] == sorted(names)


def test_a_tree_that_leads_to_itself_has_an_end():
    heap = struct.pack("<4s4xQ8xQ", b"HEAP", 8, 0)
    tree = struct.pack("<4sBBH16xQQQQ", b"TREE", 0, 1, 2, 0, 32, 0, 32)
    with pytest.raises(Damaged):
        list(links(Content(io.BytesIO(heap + tree)), SYMBOL_TABLE, struct.pack("<QQ", 32, 0)))
