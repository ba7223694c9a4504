"""Comments that silence a finding."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from freezelint.finding import Related
from freezelint.ignore import Ignore, apply, comments
from freezelint.texts import Texts
from tests.report.diagnostics import STORY, TYPO, span


def silences(text: str, finding: object = None) -> bool:
    """Whether the text silences a typo on its first line."""
    texts = Texts()
    texts.add("train.py", text.encode())
    kept, silenced = apply([replace(TYPO, span=span("train.py", 1, 1, 5))], texts)
    assert len(kept) + silenced == 1
    return silenced == 1


@pytest.mark.parametrize(
    "comment",
    [
        "# freezelint: ignore[trainable-typo]",
        "# freezelint: ignore[FZ207] the attribute is ours",
        "#freezelint:ignore[fz207]",
        "# freezelint: ignore[unfrozen-batchnorm, trainable-typo] both",
        "# type: ignore # freezelint: ignore[trainable-typo]",
        "# noqa: FZ207",
        "# noqa: E501, FZ207",
        "# noqa:FZ207,E501",
        "# NOQA : fz207 E501",
    ],
)
def test_a_comment_that_names_the_rule_silences_it(comment: str) -> None:
    assert silences(f"m.trainble = False  {comment}")


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# noqa: FZ20",
        "# freezelint: ignore",
        "# freezelint: ignore[]",
        "# freezelint: ignore[unfrozen-batchnorm]",
        "; s = '# freezelint: ignore[trainable-typo]'",
        '; s = "# noqa: FZ207"',
    ],
)
def test_anything_else_does_not(comment: str) -> None:
    assert not silences(f"m.trainble = False  {comment}")


def test_a_comment_on_another_line_does_not() -> None:
    assert not silences("m.trainble = False\n# noqa: FZ207")


@pytest.mark.parametrize("line", [3, 5, 9, 10])
def test_any_line_of_the_story_counts(line: int) -> None:
    code = [""] * 10
    code[line - 1] = "x  # freezelint: ignore[unfrozen-batchnorm] on purpose"
    texts = Texts()
    texts.add("train.py", "\n".join(code).encode())
    assert apply([STORY], texts) == ([], 1)


def test_any_line_of_a_span_counts() -> None:
    texts = Texts()
    texts.add("train.py", b"m.fit(\n    x,  # noqa: FZ207\n)")
    assert apply([replace(TYPO, span=span("train.py", 1, 1, 2, last=3))], texts) == ([], 1)


def test_a_step_in_another_file_counts() -> None:
    texts = Texts()
    texts.add("train.py", b"fit()")
    texts.add("build.py", b"freeze()  # noqa: FZ207")
    finding = replace(TYPO, span=span("train.py", 1, 1, 2), related=(Related(span("build.py", 1, 1, 2), "frozen"),))
    assert apply([finding], texts) == ([], 1)


def test_a_notebook_comment_holds_in_its_cell_also_among_magics() -> None:
    cells = ["!pip install keras 'x\n%matplotlib inline\nm.trainble = False  # noqa: FZ207", "m.trainble = False"]
    notebook = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    texts = Texts()
    texts.add("a.ipynb", json.dumps(notebook).encode())
    first = replace(TYPO, path="a.ipynb", span=span("a.ipynb", 3, 1, 5, cell=1))
    second = replace(TYPO, path="a.ipynb", span=span("a.ipynb", 1, 1, 5, cell=2))
    assert apply([first, second], texts) == ([second], 1)


def test_the_reason_is_kept() -> None:
    assert comments(["x = 1  # freezelint: ignore[FZ101] we adapt on purpose"]) == [
        Ignore(1, frozenset({"fz101"}), "we adapt on purpose")
    ]


@pytest.mark.parametrize("broken", ["x = (", "x = '''", "  y\n z", "x = 'abc", "0777", "\0", "$?", "f'{"])
def test_comments_around_text_that_is_not_python_are_found(broken: str) -> None:
    found = comments(["a = 1  # noqa: FZ101", *broken.split("\n")])
    assert [ignore.line for ignore in found] == [1]


def test_a_comment_below_a_broken_line_is_found() -> None:
    assert [ignore.line for ignore in comments(["def f():", "    x", "  y", "z = 1  # noqa: FZ101"])] == [4]
