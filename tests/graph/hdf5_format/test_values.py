import io
import struct

import h5py
import numpy as np
import pytest

from freezelint.graph.hdf5_format import values
from freezelint.graph.hdf5_format.content import Content, Damaged
from freezelint.graph.hdf5_format.values import Datatype, Texts, TooLarge, datatype, shape
from tests.graph.hdf5_format.build import encoded


@pytest.mark.parametrize("name", ["int8", "uint16", "int32", "uint64", "float16", "float32", "float64"])
def test_numbers_have_the_names_of_numpy_in_any_byte_order(name):
    for order in "<>":
        found = datatype(encoded(np.dtype(name).newbyteorder(order)))
        assert (found.name, found.size) == (name, np.dtype(name).itemsize)
    assert found.big_endian == (found.size > 1)


def test_bfloat16_is_no_float16():
    floats = h5py.h5t.IEEE_F16LE.copy()
    floats.set_fields(15, 7, 8, 0, 7)
    floats.set_ebias(127)
    assert datatype(floats.encode()[2:]) == Datatype("bfloat16", 2)


def test_truth_values_and_other_types():
    assert datatype(encoded(np.dtype(bool))).name == "bool"
    assert datatype(encoded(h5py.string_dtype()))[3:] == (True, True)
    assert datatype(encoded(np.dtype("S5"))) == Datatype(None, 5, is_text=True)
    assert datatype(encoded(np.dtype([("a", "f4")]))).name is None
    assert datatype(b"") == values.UNKNOWN


def test_shapes_of_both_versions():
    assert shape(struct.pack("<BBBB4xQQ", 1, 2, 0, 0, 3, 4)) == (3, 4)
    assert shape(struct.pack("<BBBBQ", 2, 1, 0, 1, 5)) == (5,)
    assert shape(b"\2\0\0\0") == ()
    assert shape(b"\2\0\0\2") is None
    with pytest.raises(Damaged):
        shape(b"\7\0\0\0")


def attribute(kind: bytes, extent: bytes, data: bytes) -> bytes:
    return struct.pack("<BBHHHB", 3, 0, 5, len(kind), len(extent), 1) + b"name\0" + kind + extent + data


def read(body: bytes):
    return Texts(Content(io.BytesIO(b""))).read(values.attribute(body))


def test_texts_of_fixed_length():
    kind = encoded(np.dtype("S4"))
    assert read(attribute(kind, b"\2\0\0\0", b"ab\0\0")) == "ab"
    assert read(attribute(kind, struct.pack("<BBBBQ", 2, 1, 0, 1, 2), b"ab\0\0\xc3\xa4\xff\0")) == ["ab", "ä\ufffd"]


@pytest.mark.parametrize("size", [0, 1, 4])
def test_more_texts_than_there_are_bytes_are_damage(size):
    kind = bytearray(encoded(np.dtype("S4")))
    kind[4:8] = size.to_bytes(4, "little")
    with pytest.raises(Damaged, match="cut off"):
        read(attribute(bytes(kind), struct.pack("<BBBBQ", 2, 1, 0, 1, 1 << 60), b"abcd"))


def test_an_enormous_text_is_left_alone(monkeypatch):
    monkeypatch.setattr(values, "MAX_TEXT_BYTES", 3)
    with pytest.raises(TooLarge):
        read(attribute(encoded(np.dtype("S4")), b"\2\0\0\0", b"abcd"))
