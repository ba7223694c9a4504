import io

import pytest

from freezelint.graph.hdf5_format import content
from freezelint.graph.hdf5_format.content import Content, Damaged

BYTES = bytes(range(256)) * 64


def test_any_stretch_is_read_wherever_it_lies():
    file = Content(io.BytesIO(BYTES))
    for address, length in ((0, 10), (5000, 9000), (5001, 3), (100, 5), (len(BYTES) - 1, 1), (3, 0)):
        assert file.at(address, length) == BYTES[address : address + length]


def test_addresses_count_from_the_start_of_the_stretch():
    file = Content(io.BytesIO(BYTES), 300, 500)
    assert (file.size, file.at(0, 4)) == (500, BYTES[300:304])
    assert file.behind(200).at(0, 4) == BYTES[500:504]
    with pytest.raises(Damaged, match="byte 501 of 500"):
        file.at(499, 2)


def test_a_stretch_that_is_longer_than_the_file_ends_with_it():
    assert Content(io.BytesIO(BYTES), 300, 1 << 60).size == len(BYTES) - 300


def test_there_is_an_end_to_what_can_be_asked_for(monkeypatch):
    monkeypatch.setattr(content, "MAX_STEPS", 100)
    file = Content(io.BytesIO(BYTES))
    with pytest.raises(Damaged, match="more work"):
        for _ in range(101):
            file.at(0, 1)
