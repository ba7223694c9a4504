"""Known findings are not told; new ones, second copies and entries that are out of date are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import CLEAN, TYPO, document, run, write

FILE = "freezelint-baseline.json"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("a.py", TYPO)
    assert run("check", "--write-baseline").exit_code == 0


def codes(*arguments: str) -> list[tuple[str, str]]:
    found = document(run("check", "--baseline", FILE, "--output-format", "json", *arguments))
    return [(finding["path"], finding["code"]) for finding in found["findings"]]


def lines() -> list[str]:
    return Path(FILE).read_text().splitlines()


def test_known_findings_are_counted_and_not_told() -> None:
    result = run("check", "--baseline", FILE)
    assert (result.exit_code, "1 known from the baseline" in result.stdout) == (0, True)
    assert document(run("check", "--baseline", FILE, "--output-format", "json"))["summary"]["baselined"] == 1
    assert run("check").exit_code == 1


def test_it_is_one_entry_on_a_line_sorted_and_json() -> None:
    write("b.py", TYPO + "model.trainabel = False\n")
    run("check", "--write-baseline")
    assert lines() == [
        '[{"schema": "freezelint-baseline-1"}',
        ',{"path": "a.py", "rule": "trainable-typo", "code": "model.trainble = False"}',
        ',{"path": "b.py", "rule": "trainable-typo", "code": "model.trainabel = False"}',
        ',{"path": "b.py", "rule": "trainable-typo", "code": "model.trainble = False"}',
        "]",
    ]
    assert len(json.loads(Path(FILE).read_text())) == 4


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\n\n" + TYPO,
        TYPO.replace("model.trainble", "x = 1\nmodel.trainble").replace("= False", "=   False"),
        TYPO.replace("= False", "= False  # later"),
    ],
)
def test_edits_elsewhere_do_not_make_it_new(text: str) -> None:
    write("a.py", text)
    assert codes() == []


def test_a_second_copy_of_a_known_mistake_is_new() -> None:
    write("a.py", TYPO + "model.trainble = False\n")
    assert codes() == [("a.py", "FZ207")]
    write("a.py", TYPO + "def f():\n    model.trainble = False\n")
    assert codes() == [("a.py", "FZ207")]


def test_an_entry_that_hides_nothing_is_an_info_and_is_pruned() -> None:
    write("a.py", CLEAN)
    result = run("check", "--baseline", FILE, "--output-format", "json")
    (finding,) = document(result)["findings"]
    assert (finding["code"], finding["severity"], finding["path"], finding["start"]["line"]) == (
        "FZ002",
        "info",
        FILE,
        2,
    )
    assert result.exit_code == 0
    assert "0 findings in freezelint-baseline.json (before: 1)" in run("check", "--write-baseline").stderr
    assert codes() == []


def test_entries_that_a_run_cannot_judge_are_neither_stale_nor_pruned() -> None:
    write("sub/b.py", TYPO)
    run("check", "--write-baseline")
    write("a.py", CLEAN)
    assert codes("sub") == []
    assert codes("--select", "FZ1,FZ002") == []
    run("check", "--write-baseline", "sub", "--baseline", FILE)
    assert len(lines()) == 4
    Path("a.py").unlink()
    assert codes("sub") == [(FILE, "FZ002")]


def test_paths_are_relative_to_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    assert run("check", "..", "--baseline", f"../{FILE}").exit_code == 0


def test_the_configuration_can_name_it() -> None:
    write("pyproject.toml", f'[tool.freezelint]\nbaseline = "{FILE}"\n')
    assert run("check").exit_code == 0
    assert run("check", "--no-baseline").exit_code == 1


def test_models_have_entries_too(tmp_path: Path) -> None:
    from tests.test_cli import MODELS

    Path("a.py").unlink()
    (tmp_path / "m.keras").write_bytes((MODELS / "birds_all_frozen.keras").read_bytes())
    assert codes("m.keras") == [(FILE, "FZ002"), ("m.keras", "FZ212")]
    run("check", "--write-baseline")
    assert codes() == []


def test_what_cannot_be_read_is_never_known() -> None:
    write("broken.py", "trainable = (\n")
    run("check", "--write-baseline")
    assert codes() == [("broken.py", "FZ001")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "it is not JSON"),
        ("[]", "it does not begin with"),
        ('[{"schema": "freezelint-baseline-9"}]', "its schema is 'freezelint-baseline-9'"),
        ('[{"schema": "freezelint-baseline-1"}, {"rule": "x"}]', "its entry 1 is not one"),
        ('[{"schema": "freezelint-baseline-1"}, {"rule": "x", "path": 3}]', "its entry 1 is not one"),
        ("<<<<<<< HEAD", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_a_broken_baseline_hides_nothing(text: str, words: str) -> None:
    write(FILE, text)
    result = run("check", "--baseline", FILE)
    assert (result.exit_code, words in result.stderr, result.stdout) == (2, True, "")


def test_a_baseline_that_is_not_there_is_an_error() -> None:
    result = run("check", "--baseline", "gone.json")
    assert (result.exit_code, "--write-baseline makes it" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "options",
    [
        ["--no-baseline"],
        ["--diff-base", "HEAD"],
        ["--fix"],
        ["--diff"],
        ["--add-ignore", "why"],
        ["--baseline", "no/x"],
    ],
)
def test_a_baseline_is_written_alone(options: list[str]) -> None:
    assert run("check", "--write-baseline", *options).exit_code == 2
