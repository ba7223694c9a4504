"""Comments that silence a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from freezelint import api
from freezelint.comments import Ignore, comments
from freezelint.finding import Finding, Related
from freezelint.ignore import Ignores
from freezelint.texts import Texts
from tests.report.diagnostics import STORY, TYPO, span


def apply(findings: list[Finding], texts: Texts) -> tuple[list[Finding], int]:
    return Ignores(texts).apply(findings)


def silences(text: str, finding: object = None) -> bool:
    """Whether the text silences a typo on its first line."""
    texts = Texts()
    texts.add("train.py", text.encode())
    kept, silenced = apply([TYPO._replace(span=span("train.py", 1, 1, 5))], texts)
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
    assert apply([TYPO._replace(span=span("train.py", 1, 1, 2, last=3))], texts) == ([], 1)


def test_a_step_in_another_file_counts() -> None:
    texts = Texts()
    texts.add("train.py", b"fit()")
    texts.add("build.py", b"freeze()  # noqa: FZ207")
    finding = TYPO._replace(span=span("train.py", 1, 1, 2), related=(Related(span("build.py", 1, 1, 2), "frozen"),))
    assert apply([finding], texts) == ([], 1)


def test_a_notebook_comment_holds_in_its_cell_also_among_magics() -> None:
    cells = ["!pip install keras 'x\n%matplotlib inline\nm.trainble = False  # noqa: FZ207", "m.trainble = False"]
    notebook = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    texts = Texts()
    texts.add("a.ipynb", json.dumps(notebook).encode())
    first = TYPO._replace(path="a.ipynb", span=span("a.ipynb", 3, 1, 5, cell=1))
    second = TYPO._replace(path="a.ipynb", span=span("a.ipynb", 1, 1, 5, cell=2))
    assert apply([first, second], texts) == ([second], 1)


def test_the_reason_is_kept() -> None:
    assert comments(["x = 1  # freezelint: ignore[FZ101] we adapt on purpose"]) == [
        Ignore(1, ("fz101",), "we adapt on purpose", (8, 55), (29, 34))
    ]


@pytest.mark.parametrize("broken", ["x = (", "x = '''", "  y\n z", "x = 'abc", "0777", "\0", "$?", "f'{"])
def test_comments_around_text_that_is_not_python_are_found(broken: str) -> None:
    found = comments(["a = 1  # noqa: FZ101", *broken.split("\n")])
    assert [ignore.line for ignore in found] == [1]


def test_a_comment_below_a_broken_line_is_found() -> None:
    assert [ignore.line for ignore in comments(["def f():", "    x", "  y", "z = 1  # noqa: FZ101"])] == [4]


# Comments that silence nothing

LIVE = "import keras\nm = keras.Sequential()\nm.trainble = False"


def told(text: str, folder: Path, **chosen: Any) -> list[str]:
    file = folder / "a.py"
    file.write_text(text)
    report = api.check([file], api.Settings(**chosen))
    return [finding.message.partition(". ")[0] for finding in report.findings if finding.name == "unused-ignore"]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("# freezelint: ignore[unfrozen-batchnorm]", ["`unfrozen-batchnorm` finds nothing here"]),
        ("# noqa: E501, FZ101", ["`fz101` finds nothing here"]),
        ("# freezelint: ignore[trainable-tpyo]", ["there is no rule `trainable-tpyo`"]),
        ("# noqa: FZ999", ["there is no rule `fz999`"]),
        ("# freezelint: ignore[trainable-typo]", []),
        ("# noqa: FZ207, E501", []),
        ("# noqa: E501", []),
        ("# noqa", []),
        ("# freezelint: ignore[unfrozen-batchnorm, unused-ignore]", []),
    ],
)
def test_a_word_that_silences_nothing_is_told(comment: str, words: list[str], tmp_path: Path) -> None:
    assert told(f"{LIVE}  {comment}", tmp_path) == [f"This comment silences nothing: {word}" for word in words]


def test_a_file_without_any_sign_of_a_mistake_is_judged_too(tmp_path: Path) -> None:
    assert len(told("x = 1  # noqa: FZ101", tmp_path)) == 1


def test_a_rule_that_did_not_run_or_is_no_mistake_here_is_left_alone(tmp_path: Path) -> None:
    assert told("x = 1  # noqa: FZ101", tmp_path, ignore=("FZ101",)) == []
    assert told("x = 1  # noqa: FZ103", tmp_path, keras="2") == []
    assert len(told("x = 1  # noqa: FZ103", tmp_path, keras="3")) == 1


def test_a_file_that_others_import_is_left_alone_unless_they_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from a import build\n")
    assert told("x = 1  # noqa: FZ101", tmp_path) == []
    found = api.check([tmp_path]).findings
    assert [finding.name for finding in found] == ["unused-ignore"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # noqa: FZ101\n", "x = 1\n"),
        ("x = 1  # noqa: E501, FZ101, F401  # why\n", "x = 1  # noqa: E501, F401  # why\n"),
        ("x = 1  # freezelint: ignore[FZ101] for a reason  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # type: ignore  # noqa:FZ101", "x = 1  # type: ignore"),
        ("if x:\n    # noqa: FZ101\n    y()\n", "if x:\n    y()\n"),
        ("x = 1\n# noqa: FZ101", "x = 1\n"),
    ],
)
def test_the_fix_takes_off_what_is_not_used(before: str, after: str, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(before)
    assert api.fix([file]).changes[0].after.decode() == after


# The whole file, and what is not quite a comment


def test_a_comment_for_the_file_holds_wherever_it_stands() -> None:
    texts = Texts()
    texts.add("train.py", b"m.trainble = False\n# freezelint: ignore-file[trainable-typo] generated")
    assert apply([TYPO._replace(span=span("train.py", 1, 1, 5))], texts) == ([], 1)
    other = STORY._replace(span=span("train.py", 1, 1, 5), related=())
    assert apply([other], texts) == ([other], 0)


def test_a_comment_for_the_file_holds_in_all_cells_of_a_notebook() -> None:
    cells = ["# freezelint: ignore-file[FZ207] a lesson", "m.trainble = False"]
    texts = Texts()
    texts.add("a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}).encode())
    assert apply([TYPO._replace(path="a.ipynb", span=span("a.ipynb", 1, 1, 5, cell=2))], texts) == ([], 1)


def test_a_comment_for_the_file_that_silences_nothing_is_told_and_removed(tmp_path: Path) -> None:
    text = "# freezelint: ignore-file[unfrozen-batchnorm] old\nx = 1\n"
    assert len(told(text, tmp_path)) == 1
    assert api.fix([tmp_path / "a.py"]).changes[0].after == b"x = 1\n"
    assert told(f"{LIVE}\n# freezelint: ignore-file[FZ207] a lesson\n", tmp_path) == []


@pytest.mark.parametrize("comment", ["ignore", "ignore[]", "ingore[FZ207]", "disable=FZ207", "ignore-file", "noqa"])
def test_a_comment_to_us_that_names_no_rule_is_told(comment: str, tmp_path: Path) -> None:
    words = told(f"x = 1  # freezelint: {comment}", tmp_path)
    assert words == ["This comment silences nothing: it names no rule"]


# Writing comments


def ignored(before: str, folder: Path, name: str = "a.py", **chosen: Any) -> str:
    file = folder / name
    file.write_text(before)
    fixes = api.add_ignores([file], "on purpose", api.Settings(**chosen))
    assert fixes.report.findings == ()
    (change,) = fixes.changes
    return change.after.decode()


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("m.trainble = False", "m.trainble = False  # freezelint: ignore[trainable-typo] on purpose"),
        ("m.trainble = False  # why", "m.trainble = False  # why  # freezelint: ignore[trainable-typo] on purpose"),
        ("m.trainble = (\n  False\n)", "m.trainble = (\n  False\n)  # freezelint: ignore[trainable-typo] on purpose"),
        ("m.trainble = \\\n  False", "m.trainble = \\\n  False  # freezelint: ignore[trainable-typo] on purpose"),
        (
            "m.trainble = False  # freezelint: ignore[unused-ignore] why",
            "m.trainble = False  # freezelint: ignore[unused-ignore, trainable-typo] why",
        ),
    ],
)
def test_a_comment_is_added_where_one_can_stand(line: str, after: str, tmp_path: Path) -> None:
    head = "import keras\nm = keras.Sequential()\n"
    assert ignored(f"{head}{line}\n", tmp_path) == f"{head}{after}\n"


def test_a_comment_is_added_in_the_cell_of_a_notebook(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": [f"{line}\n" for line in LIVE.split("\n")]}]
    after = json.loads(ignored(json.dumps({"cells": cells}), tmp_path, "a.ipynb"))
    assert after["cells"][0]["source"][2] == "m.trainble = False  # freezelint: ignore[trainable-typo] on purpose\n"


def test_two_findings_on_a_line_share_a_comment(tmp_path: Path) -> None:
    before = "import keras\nm = keras.Sequential()\nm.trainble = False; m.trainabel = False\n"
    assert ignored(before, tmp_path).count("freezelint") == 1


def test_what_comments_hide_can_be_audited(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(f"{LIVE}  # noqa: FZ207\nx = 1  # noqa: FZ101\n")
    assert [finding.code for finding in api.check([file]).findings] == ["FZ002"]
    assert [finding.code for finding in api.check([file], api.Settings(no_ignores=True)).findings] == ["FZ207"]
