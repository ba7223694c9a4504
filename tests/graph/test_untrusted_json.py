import math

import pytest

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.untrusted_json import parse


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_json_may_come_in_any_encoding_of_unicode(encoding):
    assert parse('{"name": "Füße"}'.encode(encoding), "x") == {"name": "Füße"}


def test_numbers_that_python_will_not_convert_are_no_error():
    assert parse("[9" + "9" * 5000 + "]", "x") == [math.inf]
    assert math.isnan(parse("NaN", "x"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "config.json is nested too deeply"),
        ("{", "config.json is not valid JSON"),
        (b"\xff\xff\xff", "config.json is not valid JSON"),
        ("", "config.json is not valid JSON"),
    ],
)
def test_what_is_not_json_is_unreadable(text, reason):
    with pytest.raises(Unreadable) as error:
        parse(text, "config.json")
    assert error.value.reason.startswith(reason)
    assert "\n" not in error.value.reason
