"""What is read as Python, and what is refused with a reason before a native parser sees it."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freezelint.finding import Position
from freezelint.source.parse import MAX_BYTES, MAX_DEPTH, parse, parse_text, refuse_deep
from freezelint.source.program import Assign, Constant
from freezelint.source.text import NotPython, decode


def refusal(data: bytes | str, path: str = "program.py") -> str:
    with pytest.raises(NotPython) as refused:
        parse(path, data.encode() if isinstance(data, str) else data)
    return refused.value.reason


def line_of_refusal(text: str) -> int | None:
    with pytest.raises(NotPython) as refused:
        parse("program.py", text.encode())
    return refused.value.line


# Nesting that crashes a parser


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 2_000, 100_000])
@pytest.mark.parametrize("brackets", ["()", "[]", "{}"])
def test_deep_brackets_are_refused(depth: int, brackets: str) -> None:
    assert refusal("x = " + brackets[0] * depth + brackets[1] * depth) == "nested too deeply"


def test_deep_brackets_of_mixed_kinds_that_are_never_closed_are_refused() -> None:
    assert refusal("x = 1\n" + "([{" * 500) == "nested too deeply"


def test_deep_brackets_are_refused_at_their_line() -> None:
    assert line_of_refusal("x = 1\ny = 2\nz = " + "(" * 300) == 3


def test_brackets_as_deep_as_people_write_them_are_read() -> None:
    assert len(parse("program.py", ("x = " + "[" * 60 + "]" * 60 + "\n").encode()).program.body) == 1


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    text = f'''x = "{"(" * 900}"\n# {"[" * 900}\ny = """\n{"{" * 900}\n"""\n'''
    assert len(parse("program.py", text.encode()).program.body) == 2


@pytest.mark.parametrize("link", ["+ 1", ".a", "and b", "- 1", "if b else c", "if b else lambda: c"])
def test_a_chain_of_operators_is_refused(link: str) -> None:
    assert refusal("x = a " + f" {link}".replace(" .", ".") * 3_000) in (
        "an expression with too many operators",
        "nested too deeply",
    )


def test_a_chain_of_not_is_refused() -> None:
    assert "too" in refusal("x = " + "not " * 5_000 + "a\n")


@pytest.mark.parametrize("link", ["and", "or", "and\n", "+", "if a else"])
@pytest.mark.parametrize("brackets", ["(", "((", "f([{"])
def test_a_chain_of_operators_inside_brackets_is_refused(link: str, brackets: str) -> None:
    closed = brackets[::-1].translate(str.maketrans("([{", ")]}", "f"))
    assert refusal(f"x = {brackets}" + f"a {link} " * 8_000 + f"a{closed}\n") == "an expression with too many operators"


def test_a_long_list_of_sums_is_no_chain() -> None:
    rows = "".join(f"    a{i} + b{i} - c.d.e,\n" for i in range(2_000))
    assert len(parse("program.py", f"x = [\n{rows}]\n".encode()).program.body) == 1


def test_many_short_lines_are_no_chain() -> None:
    assert len(parse("program.py", ("x = a.b.c + 1\n" * 3_000).encode()).program.body) == 3_000


def test_deep_indentation_is_refused() -> None:
    text = "".join("    " * level + "if x:\n" for level in range(400)) + "    " * 400 + "pass\n"
    assert "nested too deeply" in refusal(text)


def test_a_long_chain_of_elif_is_read_or_refused_and_never_crashes() -> None:
    text = "if a == 0:\n    pass\n" + "".join(f"elif a == {i}:\n    x = {i}\n" for i in range(1, 3_000))
    try:
        parse("program.py", text.encode())
    except NotPython as error:
        assert "deep" in error.reason


# Size


def test_a_huge_file_is_refused() -> None:
    assert refusal(b"x = 1\n" * (MAX_BYTES // 5)) == "larger than 1 MB"


def test_a_huge_cell_is_refused_and_the_notebook_is_read() -> None:
    cells = [{"cell_type": "code", "source": source} for source in ("x = 1\n" * (MAX_BYTES // 5), "y = 2")]
    program = parse("book.ipynb", json.dumps({"cells": cells}).encode()).program
    assert [hole.reason for hole in program.unparsed] == ["larger than 1 MB"]
    assert len(program.body) == 1


# Encodings and line ends


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "x = 'é'\n".encode(),
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = 'é'\n".encode("cp1252"),
        "# coding: utf-8\r\nx = 'é'\r\n".encode(),
        "x = 'é'".encode(),
        "\x0cx = 'é'\n".encode(),
        "\n\n\x0c\nx = 'é'\n\x0c".encode(),
        "x = 'é'\r".encode(),
    ],
    ids=["BOM", "latin-1", "cp1252 in the second line", "CRLF", "no end of line", "form feed", "form feeds", "CR"],
)
def test_text_is_read_in_its_own_encoding_and_line_ends(data: bytes) -> None:
    (statement,) = parse("program.py", data).program.body
    assert isinstance(statement, Assign)
    assert statement.value == Constant(statement.value.at, "é")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_for_every_kind_of_line_end(end: str) -> None:
    file = parse("program.py", end.join(["a = 1", "", "b = 2", ""]).encode())
    assert file.span(file.program.body[1].at).start == Position(3, 1)


def test_columns_count_characters_not_bytes() -> None:
    file = parse("program.py", "x = 'äöü'; y = 2\n".encode())
    assert file.span(file.program.body[1].at).start == Position(1, 12)


@pytest.mark.parametrize(
    "data",
    [
        b"x = '\xff\xfe'\n",
        "x = 1\n".encode("utf-16"),
        b"# coding: klingon\nx = 1\n",
        codecs.BOM_UTF8 + b"# coding: latin-1\nx = 1\n",
        b"# coding: rot13\nk = 1\n",
        b"# coding: hex\n78\n",
        b"x = 1\n\0\n",
        b"\x80\x04\x95\x1a\0\0\0",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    ],
    ids=[
        "bytes that are not UTF-8",
        "UTF-16",
        "unknown encoding",
        "BOM and another encoding",
        "an encoding from text to text",
        "an encoding from bytes to bytes",
        "null byte",
        "pickle",
        "PNG",
    ],
)
def test_what_is_not_text_is_refused_as_such(data: bytes) -> None:
    assert refusal(data).startswith("not text")


def test_decode_gives_the_text_without_its_mark() -> None:
    assert decode(codecs.BOM_UTF8 + b"x = 1\n") == "x = 1\n"


# What is text and not Python


@pytest.mark.parametrize(
    "text", ["print 'Keras'\n", "x = = 1\n", "def f(:\n", "if x:\npass\n", "x = 'open\n", "<html></html>", "{"]
)
def test_what_is_not_python_is_refused_with_a_reason(text: str) -> None:
    assert refusal(text).startswith("not valid Python: ")


def test_the_line_that_is_not_python_is_told() -> None:
    assert line_of_refusal("x = 1\ny = 2\nz = = 3\n") == 3


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", '"""Only a docstring."""\n', "    \n\t\n"])
def test_a_file_without_code_is_read(text: str) -> None:
    assert len(parse("program.py", text.encode()).program.body) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "match x:\n    case [1, *rest]:\n        pass\n    case {'a': b}:\n        pass\n    case _:\n        pass\n",
        "async def f():\n    async with a as b:\n        await c\n    async for d in e:\n        yield d\n",
        "try:\n    pass\nexcept* ValueError:\n    pass\n",
        "def f(a, /, b, *, c=1, **d): return lambda *e: (yield)\n",
        "x = f'{a!r:>{width}} {b=}'\n",
        "with (open(a) as f, open(b) as g):\n    pass\n",
        "del a, b[0], c.d\nglobal_ = not -x ** 2 @ y\n",
        "x: int\nself.y: str = 'a'\nx[1:2, ::3] += 1\n",
        "print(*a, **b, c=1)\n@d\nclass E(F, metaclass=G): pass\n",
    ],
)
def test_python_of_all_kinds_is_lowered(text: str) -> None:
    assert parse("program.py", text.encode()).program.body is not None


def test_warnings_about_odd_python_stay_inside(recwarn: pytest.WarningsRecorder) -> None:
    parse_text("x = '\\d'\nassert (1, 'always true')\n")
    assert not recwarn.list


# Anything at all


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse("program.py", data)
    except NotPython as error:
        assert error.reason


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["(", ")", "[", "]", "x", " ", "\n", ":", "if", "=", ".", "'", '"', "#", "\\", ","])))
def test_any_mixture_of_tokens_is_read_or_refused(tokens: list[str]) -> None:
    try:
        parse_text("".join(tokens))
    except NotPython as error:
        assert error.reason


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="()[]{}'\"#\n\\ax.+", max_size=200))
def test_looking_for_depth_takes_any_text(text: str) -> None:
    try:
        refuse_deep(text)
    except NotPython as error:
        assert error.reason
