import struct

import pytest

from freezelint.graph.saved_model.wire import Budget, Malformed, Message, OverBudget, float32, float64, signed, zigzag
from tests.graph.saved_model.encoder import number, part, varint


def message(data: bytes, budget: Budget | None = None) -> Message:
    return Message(data, 0, len(data), budget or Budget())


def test_fields_come_in_order_with_numbers_and_parts():
    data = number(1, 300) + part(2, "text") + varint(3 << 3 | 1) + struct.pack("<d", 0.5) + varint(4 << 3 | 5)
    data += struct.pack("<f", -2.0)
    found = [(key, integer, content.text()) for key, integer, content in message(data)]
    assert [key for key, _, _ in found] == [1, 2, 3, 4]
    assert found[0][1] == 300
    assert found[1][2] == "text"
    assert float64(found[2][1]) == 0.5
    assert float32(found[3][1]) == -2.0


def test_negative_numbers_are_twos_complement_or_zigzag():
    (_, integer, _), (_, other, _) = message(number(1, -7) + number(2, 13))
    assert signed(integer) == -7
    assert zigzag(other) == -7


def test_packed_numbers():
    assert message(varint(1) + varint(300) + varint(7)).packed(2) == [1, 300]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00", id="field number 0"),
        pytest.param(part(1, "abcdef")[:-1], id="cut off inside a string"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="longer than the file"),
        pytest.param(b"\x08\xff", id="cut off inside a number"),
        pytest.param(b"\x08" + b"\xff" * 10 + b"\x01", id="a number of eleven bytes"),
        pytest.param(b"\x09\x01\x02", id="cut off inside a double"),
        pytest.param(b"\x0b", id="a group, which nothing uses"),
    ],
)
def test_what_breaks_the_format_is_said_to(data):
    with pytest.raises(Malformed):
        list(message(data))


def test_text_survives_bad_bytes_and_is_cut():
    assert message(b"a\xffb").text() == "a\ufffdb"
    assert len(message(b"x" * 100_000).text()) < 5000


def test_a_budget_ends_endless_input():
    with pytest.raises(OverBudget, match="fields"):
        list(message(number(1, 1) * 100, Budget(fields=50)))
    budget = Budget(kept=10)
    with pytest.raises(OverBudget):
        budget.keep(11)
    with pytest.raises(OverBudget, match="operations"):
        Budget(steps=0).step()
    with pytest.raises(OverBudget, match="seconds"):
        list(message(number(1, 1) * 50_000, Budget(seconds=-1)))
