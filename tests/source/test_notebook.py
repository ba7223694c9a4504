"""Which Python a notebook holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freezelint.source.notebook import Cell, read_cells, without_magics
from freezelint.source.parse import parse
from freezelint.source.text import NotPython


def notebook(*cells: str | list[str] | tuple[str, str], **more: Any) -> bytes:
    """A notebook with these code cells; a tuple is a cell of another kind."""
    made = []
    for cell in cells:
        kind, source = cell if isinstance(cell, tuple) else ("code", cell)
        made.append({"cell_type": kind, "metadata": {}, "source": source, "outputs": []})
    return json.dumps({"cells": made, "nbformat": 4, **more}).encode()


def texts(data: bytes) -> list[str]:
    return [cell.text for cell in read_cells(data)]


def python(text: str) -> list[str]:
    return without_magics(text).splitlines()


def test_code_cells_are_numbered_among_all_cells() -> None:
    data = notebook(("markdown", "# Title"), "x = 1", ("raw", "y"), "z = 3")
    assert read_cells(data) == [Cell(2, "x = 1"), Cell(4, "z = 3")]


def test_a_source_in_lines_is_joined() -> None:
    assert texts(notebook(["x = 1\n", "y = 2"])) == ["x = 1\ny = 2"]


def test_an_old_notebook_keeps_its_cells_in_worksheets() -> None:
    cells = [{"cell_type": "code", "input": "x = 1"}, {"cell_type": "heading", "source": "Two"}]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert read_cells(data) == [Cell(1, "x = 1")]


def test_a_byte_order_mark_does_not_matter() -> None:
    assert texts(b"\xef\xbb\xbf" + notebook("x = 1")) == ["x = 1"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1\n",
        b"[]",
        b"null",
        b'{"cells": 3}',
        b'{"metadata": {}}',
        b'{"cells": [',
        b"\xff\xfe{\0}\0",
        b"[" * 100_000,
        b'{"worksheets": "none"}',
    ],
    ids=["empty", "Python", "list", "null", "number", "none", "cut off", "UTF-16", "deep", "worksheets"],
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(NotPython) as refused:
        read_cells(data)
    assert refused.value.reason.startswith("not a notebook")


@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "code"},
        {"cell_type": "code", "source": None},
        {"cell_type": "code", "source": 5},
        {"cell_type": "code", "source": {"a": 1}},
        {"cell_type": "code", "source": [None, 1, {}]},
        {"source": "x = 1"},
        "x = 1",
        None,
    ],
)
def test_a_cell_that_is_no_cell_is_left_out_and_the_others_are_read(cell: Any) -> None:
    data = json.dumps({"cells": [cell, {"cell_type": "code", "source": "y = 2"}]}).encode()
    assert texts(data)[-1] == "y = 2"


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("%matplotlib inline", "pass"),
        ("!pip install tensorflow", "pass"),
        ("    !ls", "    pass"),
        ("?model.fit", "pass"),
        ("model.fit?", "pass"),
        ("model.fit??", "pass"),
        ("files = !ls *.jpg", "files = None"),
        ("took = %timeit -o f(x)", "took = None"),
        ("a, b = !ls", "a, b = None"),
        ("x = 1", "x = 1"),
        ("rest = a % b", "rest = a % b"),
        ("text = '100 %'", "text = '100 %'"),
        ("same = a != b", "same = a != b"),
        ("same = a == b", "same = a == b"),
        ("# why?", "# why?"),
        ("print('really?')", "print('really?')"),
        ("if x % 2 == 0: print('!')", "if x % 2 == 0: print('!')"),
    ],
)
def test_a_line_of_ipython_becomes_python_that_does_nothing(line: str, becomes: str) -> None:
    assert python(line) == [becomes]


def test_lines_keep_their_numbers() -> None:
    cell = "%time\n!pip install \\\n    keras \\\n    numpy\nx = 1\n"
    assert python(cell) == ["pass", "pass", "", "", "x = 1"]


def test_a_shell_line_as_the_only_line_of_a_block_leaves_valid_python() -> None:
    data = notebook("if first:\n    !mkdir models\nmodel = 1")
    assert len(parse("book.ipynb", data).program.body) == 2


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%javascript", "%%writefile train.py", "%%sh -e", "%%R"])
def test_a_cell_in_another_language_is_empty(magic: str) -> None:
    assert "".join(python(f"{magic}\nfor i in *; do echo $i; done")) == ""


@pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 1", "%%capture out", "\n%%time"])
def test_a_timed_cell_is_python(magic: str) -> None:
    assert python(f"{magic}\nx = 1")[-1] == "x = 1"


def test_a_cell_that_is_python_is_read_as_it_stands() -> None:
    data = notebook('question = """\nwhat is this?\n%d percent\n!"""')
    file = parse("book.ipynb", data)
    assert not file.program.unparsed
    assert "what is this?" in repr(file.program.body)


def test_a_cell_that_is_not_python_is_told_and_the_others_are_read() -> None:
    program = parse("book.ipynb", notebook("x = 1", "y = = 2", ("markdown", "!"), "z = 3")).program
    assert len(program.body) == 2
    assert [(hole.cell, hole.line) for hole in program.unparsed] == [(2, 1)]
    assert program.unparsed[0].reason.startswith("not valid Python")


def test_places_are_told_by_cell_and_line_in_it() -> None:
    file = parse("book.ipynb", notebook("x = 1", ("markdown", "text"), "\n\ny = 2"))
    span = file.span(file.program.body[-1].at)
    assert (span.cell, span.start.line) == (3, 3)


def test_cells_run_one_after_another() -> None:
    file = parse("book.ipynb", notebook("x = 1", "x = 2"))
    assert [file.span(statement.at).cell for statement in file.program.body] == [1, 2]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="%!?= \\\nab\"'#(x", max_size=80))
def test_any_cell_keeps_its_number_of_lines(text: str) -> None:
    assert len(without_magics(text).splitlines()) <= len(text.splitlines()) + 1


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["code", "x = 1"]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["cells", "cell_type", "source", "worksheets", "input"]), inner, max_size=4
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_a_notebook_or_refused(document: Any) -> None:
    try:
        parse("book.ipynb", json.dumps(document).encode())
    except NotPython as error:
        assert error.reason
