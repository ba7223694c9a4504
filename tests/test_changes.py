"""Only findings that touch changed lines."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from freezelint import changes
from freezelint.texts import Texts
from tests.test_cli import TYPO, document, run, write
from tests.test_config import THAWED

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _in_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("typo.py", TYPO)
    write("train.py", THAWED)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")


def codes(revision: str = "HEAD", *arguments: str) -> list[tuple[str, str]]:
    found = document(run("check", "--diff-base", revision, "--output-format", "json", *arguments))
    return [(finding["path"], finding["code"]) for finding in found["findings"]]


def test_nothing_changed_nothing_told() -> None:
    result = run("check", "--diff-base", "HEAD")
    assert (result.exit_code, "2 not touched by the changes" in result.stdout) == (0, True)


def test_a_finding_on_a_changed_line_is_told() -> None:
    write("typo.py", TYPO.replace("trainble", "trainabel"))
    assert codes() == [("typo.py", "FZ207")]
    write("typo.py", "\n" + TYPO)
    assert codes() == []


def test_a_changed_step_of_the_story_counts() -> None:
    write("train.py", THAWED.replace("model.fit(x, y)", "model.fit(x, y, epochs=3)"))
    assert codes() == [("train.py", "FZ101")]


def test_a_line_deleted_between_the_steps_counts_and_one_outside_does_not() -> None:
    write("train.py", THAWED.replace('model.compile(optimizer=keras.optimizers.Adam(1e-5), loss="mse")\n', ""))
    assert codes() == [("train.py", "FZ201")]
    write("train.py", THAWED.replace("import keras\n\n", "import keras\n"))
    assert codes() == []


def test_new_files_count_whether_git_knows_them_or_not() -> None:
    write("sub/new file.py", TYPO)
    assert codes() == [("sub/new file.py", "FZ207")]
    git("add", ".")
    assert codes() == [("sub/new file.py", "FZ207")]
    write("sub/über.py", TYPO)
    git("add", ".")
    assert ("sub/über.py", "FZ207") in codes()


def test_a_branch_is_compared_with_the_commit_it_came_from() -> None:
    git("checkout", "--quiet", "-b", "topic")
    write("new.py", TYPO)
    git("add", ".")
    git("commit", "--quiet", "--message", "second")
    git("checkout", "--quiet", "main")
    write("typo.py", TYPO + "# changed upstream\n")
    git("commit", "--quiet", "--all", "--message", "third")
    git("checkout", "--quiet", "topic")
    assert codes("main") == [("new.py", "FZ207")]


def test_a_cell_of_a_notebook_is_compared_by_its_lines() -> None:
    def notebook(*cells: str) -> str:
        sources = [[f"{line}\n" for line in cell.split("\n")] for cell in cells]
        return json.dumps({"cells": [{"cell_type": "code", "source": source} for source in sources]}, indent=1)

    head = "import keras\nmodel = keras.Sequential()"
    write("a.ipynb", notebook(head, "model.trainble = False", "x = 1"))
    git("add", ".")
    git("commit", "--quiet", "--message", "notebook")
    write("a.ipynb", notebook(head, "model.trainble = False", "x = 2"))
    assert codes() == []
    write("a.ipynb", notebook(head, "model.trainble = True", "x = 2"))
    assert codes() == [("a.ipynb", "FZ207")]


def test_a_changed_model_counts_with_all_its_findings() -> None:
    from tests.test_cli import MODELS

    shutil.copy(MODELS / "birds_all_frozen.keras", "m.keras")
    assert codes() == [("m.keras", "FZ212")]
    git("add", ".")
    git("commit", "--quiet", "--message", "model")
    assert codes() == []
    shutil.copy(MODELS / "cats_dogs_live_batchnorm.keras", "m.keras")
    assert codes() != []


def test_a_line_that_looks_like_a_header_is_only_a_line(tmp_path: Path) -> None:
    write("typo.py", TYPO + "'''\n++ b/train.py\n-- x\n@@ -1 +1,99 @@\n'''\n")
    assert set(changes.since("HEAD", tmp_path).files) == {tmp_path.resolve() / "typo.py"}


@pytest.mark.parametrize(
    ("revision", "words"),
    [("gone", "git knows no revision 'gone' here"), ("--output=x", "is no revision"), ("HEAD:typo.py", "no revision")],
)
def test_a_revision_that_is_none_is_refused(revision: str, words: str) -> None:
    result = run("check", f"--diff-base={revision}")
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert not Path("x").exists()


def test_outside_of_a_repository_it_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(changes.ChangesError, match="not a git repository"):
        changes.since("HEAD", tmp_path_factory.mktemp("nowhere"))


def test_the_lines_of_a_notebook_are_those_of_its_file() -> None:
    text = (
        '{"cells": [\n {"cell_type": "code", "source": [\n  "a\\n",\n  "b"\n ]},\n'
        '{"cell_type": "code", "source": "c\\nd"}]}'
    )
    texts = Texts()
    texts.add("a.ipynb", text.encode())
    assert [texts.file_line("a.ipynb", 1, line) for line in (1, 2, 3)] == [3, 4, 4]
    assert [texts.file_line("a.ipynb", 2, line) for line in (1, 2)] == [6, 6]
    assert texts.file_line("a.ipynb", None, 7) == 7
