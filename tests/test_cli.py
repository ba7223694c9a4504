"""The command as a user meets it: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import freezelint
from freezelint import catalogue
from freezelint.cli.application import cli

TYPO = "import keras\nmodel = keras.Sequential()\nmodel.trainble = False\n"
CLEAN = "import keras\nmodel = keras.Sequential()\nmodel.trainable = False\n"
MODELS = Path(__file__).parent.parent / "fixtures" / "models"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """The command run with these arguments; its exit code is that of the process."""
    result = CliRunner().invoke(cli, arguments, input=stdin, prog_name="freezelint")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def write(path: str, text: str | bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode() if isinstance(text, str) else text)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freezelint", *arguments]
    known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(command, capture_output=True, text=True, env={**known, **environment}, check=False)


# --- check: what comes out ---------------------------------------------------------------------------------------


def test_findings_exit_with_1_and_a_clean_file_with_0() -> None:
    write("bad.py", TYPO)
    write("good.py", CLEAN)
    assert run("check", "bad.py").exit_code == 1
    clean = run("check", "good.py")
    assert (clean.exit_code, clean.stdout.startswith("No findings in 1 file")) == (0, True)


def test_without_paths_the_current_folder_is_checked() -> None:
    write("sub/bad.py", TYPO)
    result = run("check", "--output-format", "concise")
    assert result.stdout.splitlines()[0].startswith("sub/bad.py:3:1: FZ207 [trainable-typo]")


def test_a_folder_with_nothing_to_check_says_so() -> None:
    write("readme.md", "keras")
    result = run("check")
    assert (result.exit_code, result.stdout) == (
        0,
        "Nothing to check: no Python files, notebooks or saved models were found\n",
    )
    as_json = run("check", "--output-format", "json")
    assert (as_json.exit_code, document(as_json)["summary"]["files"]) == (0, 0)
    assert "no Python files" in as_json.stderr


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_path_that_does_not_exist_stops_the_run_before_it_starts(kind: str) -> None:
    write("bad.py", TYPO)
    result = run("check", "bad.py", "gone.py", "--output-format", kind)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "gone.py does not exist" in result.stderr


def test_an_unreadable_named_input_exits_with_2_and_the_rest_is_checked() -> None:
    write("broken.py", "def f(:\n")
    write("bad.py", TYPO)
    result = run("check", "broken.py", "bad.py", "--output-format", "json")
    assert result.exit_code == 2
    assert [finding["code"] for finding in document(result)["findings"]] == ["FZ207", "FZ001"]
    assert document(result)["not_read"][0]["path"] == "broken.py"


def test_models_and_source_are_one_report() -> None:
    write("bad.py", TYPO)
    shutil.copy(MODELS / "birds_all_frozen.keras", "all.keras")
    result = run("check", "--output-format", "json")
    assert [(finding["path"], finding["code"]) for finding in document(result)["findings"]] == [
        ("all.keras", "FZ212"),
        ("bad.py", "FZ207"),
    ]
    assert document(result)["summary"] == {
        "files": 1,
        "models": 1,
        "errors": 2,
        "warnings": 0,
        "infos": 0,
        "suppressed": 0,
        "baselined": 0,
        "fixed": 0,
    }


def test_further_reports_are_written_to_files() -> None:
    write("bad.py", TYPO)
    result = run("check", "bad.py", "--output", "json=a.json", "--output", "concise=b.txt")
    assert result.exit_code == 1
    assert "error[FZ207]" in result.stdout
    assert json.loads(Path("a.json").read_text())["findings"][0]["code"] == "FZ207"
    assert Path("b.txt").read_text().startswith("bad.py:3:1: FZ207")


def test_every_format_can_be_written_in_one_run_that_still_fails() -> None:
    write("bad.py", TYPO)
    kinds = ("text", "concise", "json", "sarif", "github", "gitlab", "junit")
    assert run("check", "bad.py", *(f"--output={kind}=out.{kind}" for kind in kinds)).exit_code == 1
    assert all("trainable-typo" in Path(f"out.{kind}").read_text() for kind in kinds)


def test_statistics_replace_the_findings() -> None:
    write("bad.py", TYPO)
    result = run("check", "--statistics")
    assert (result.exit_code, result.stdout.splitlines()[0].split()[:3]) == (1, ["1", "FZ207", "trainable-typo"])
    assert document(run("check", "--statistics", "--output-format", "json"))[0]["count"] == 1
    assert run("check", "--statistics", "--output-format", "sarif").exit_code == 2


@pytest.mark.parametrize("value", ["json", "xml=a.xml", "json=", "json=no/such/folder/a.json"])
def test_an_output_that_cannot_be_is_refused_before_the_run(value: str) -> None:
    assert run("check", "--output", value).exit_code == 2


def test_an_output_file_that_cannot_be_written_is_said() -> None:
    write("bad.py", TYPO)
    Path("folder").mkdir()
    result = run("check", "bad.py", "--output", "json=folder")
    assert result.exit_code == 2
    assert "cannot write folder" in result.stderr


# --- check: what goes in -----------------------------------------------------------------------------------------


def test_standard_input_is_checked_under_the_name_given() -> None:
    result = run("check", "-", "--stdin-filename", "pkg/a.py", "--output-format", "json", stdin=TYPO)
    assert (result.exit_code, document(result)["findings"][0]["path"]) == (1, "pkg/a.py")
    assert run("check", "-", stdin=CLEAN).exit_code == 0
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": TYPO}]})
    in_cell = run("check", "-", "--stdin-filename", "a.ipynb", "--output-format", "json", stdin=notebook)
    assert document(in_cell)["findings"][0]["cell"] == 1


def test_standard_input_is_checked_alone() -> None:
    write("bad.py", TYPO)
    assert run("check", "-", "bad.py", stdin="").exit_code == 2
    assert run("check", "--stdin-filename", "a.py", stdin="").exit_code == 2


def test_an_excluded_file_name_on_standard_input_is_left_alone_with_force() -> None:
    arguments = ("check", "-", "--stdin-filename", "old/a.py", "--exclude", "old/")
    assert run(*arguments, stdin=TYPO).exit_code == 1
    assert run(*arguments, "--force-exclude", stdin=TYPO).exit_code == 0


def test_exclude_holds_for_named_files_only_with_force() -> None:
    write("old/bad.py", TYPO)
    assert run("check", "old/bad.py", "--exclude", "old/").exit_code == 1
    assert run("check", "old/bad.py", "--exclude", "old/", "--force-exclude").exit_code == 0
    assert run("check", ".", "--exclude", "old/").exit_code == 0


# --- check: settings ---------------------------------------------------------------------------------------------


def test_select_and_ignore_take_lists_of_names_and_codes() -> None:
    write("bad.py", TYPO)
    assert run("check", "--select", "FZ101,trainable-typo").exit_code == 1
    assert run("check", "--select", "FZ101").exit_code == 0
    assert run("check", "--select", "FZ2", "--ignore", "trainable-typo,FZ201").exit_code == 0


def test_an_unknown_rule_is_refused_with_a_suggestion() -> None:
    result = run("check", "--select", "trainable-typpo")
    assert result.exit_code == 2
    assert "did you mean FZ207 trainable-typo?" in result.stderr


def test_fail_on_decides_what_fails() -> None:
    write("train.py", "import keras\nx = keras.layers.Dense(\n")
    write("keep.py", "# trainable\n" + CLEAN)
    assert run("check", ".").exit_code == 0
    write("train.py", "trainable = (\n")
    assert run("check", ".").exit_code == 1
    assert run("check", ".", "--fail-on", "error").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keras", "2"),
        ("--keras", "3.14"),
        ("--keras", "any"),
        ("--keras", "auto"),
        ("--backend", "tensorflow"),
        ("--min-confidence", "certain"),
        ("--pedantic",),
        ("--no-cache",),
    ],
)
def test_every_setting_is_accepted(arguments: tuple[str, ...]) -> None:
    write("bad.py", TYPO)
    assert run("check", "bad.py", *arguments).exit_code == 1


@pytest.mark.parametrize("arguments", [("--keras", "4"), ("--backend", "mxnet"), ("--fail-on", "info"), ("--what",)])
def test_a_setting_that_means_nothing_is_refused(arguments: tuple[str, ...]) -> None:
    result = run("check", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


# --- explain, rules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["trainable-typo", "FZ207", "fz207"])
def test_explain_prints_the_page(word: str) -> None:
    result = run("explain", word)
    assert (result.exit_code, result.stdout) == (0, catalogue.rules()["trainable-typo"].page)


def test_explain_suggests_the_nearest_rule() -> None:
    result = run("explain", "unfrozen-batchnrom")
    assert result.exit_code == 2
    assert "did you mean FZ101 unfrozen-batchnorm?" in result.stderr


def test_rules_lists_every_rule() -> None:
    table = run("rules").stdout
    assert all(rule.code in table and rule.name in table for rule in catalogue.rules().values())
    listed = json.loads(run("rules", "--output-format", "json").stdout)
    assert [rule["code"] for rule in listed] == [rule.code for rule in catalogue.rules().values()]


# --- the process -------------------------------------------------------------------------------------------------


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"freezelint, version {freezelint.__version__}\n"


def test_starting_up_imports_nothing_heavy() -> None:
    heavy = ["tensorflow", "keras", "tf_keras", "libcst", "h5py", "rich", "jinja2", "pathspec", "numpy", "packaging"]
    heavy += ["pygls", "lsprotocol"]
    code = f"import sys, freezelint.cli.application; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_modules_in_the_working_directory_are_not_imported() -> None:
    for name in ("typing", "re", "json", "click", "pathlib", "libcst", "nt"):
        write(f"{name}.py", f"raise SystemExit('{name} was run')\n")
    write("bad.py", TYPO)
    result = process("check", "bad.py")
    assert (result.returncode, result.stdout[:12], result.stderr) == (1, "error[FZ207]", "")


def test_a_file_without_keras_is_checked_without_libcst() -> None:
    write("plain.py", "print('hello')\n")
    code = "import sys; from freezelint import api; api.check(['plain.py', '.']); print('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_colour_is_for_terminals_and_those_who_ask() -> None:
    write("bad.py", TYPO)
    assert "\033[" not in process("check", "bad.py").stdout
    assert "\033[" in process("check", "bad.py", FORCE_COLOR="1").stdout
    assert "\033[" not in process("check", "bad.py", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_a_terminal_of_another_encoding_gets_a_report() -> None:
    write("bad.py", TYPO.replace("model", "модель"))
    result = process("check", "bad.py", PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_is_no_traceback() -> None:
    write("bad.py", TYPO + "model.trainble = False\n" * 600)
    command = f"{sys.executable} -m freezelint check bad.py | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("error[FZ207]")
    assert result.stderr == ""


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from freezelint import api

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "check", interrupt)
    result = run("check")
    assert (result.exit_code, result.stderr) == (130, "\nfreezelint: interrupted\n")


# --- anything goes in, a report comes out ------------------------------------------------------------------------

PIECES = st.sampled_from([
    b"import keras\n",
    b"model.trainable = False\n",
    b"for layer in base.layers:\n    ",
    b"layer.trainble = 1\n",
    b"(" * 300,
    b"'''",
    b"\\\n",
    b"# freezelint: ignore[",
    b"# noqa: FZ207",
    b"\xff\xfe",
    b"\0",
    b"\r",
    b"\x0c",
    "\N{BYTE ORDER MARK}é\u2028".encode(),
    b"# -*- coding: utf-7 -*-\n",
])
TEXTS = st.one_of(
    st.binary(max_size=200), st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=12).map(b"".join)
)
CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | TEXTS.map(lambda data: data.decode("latin-1")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cells", "cell_type", "source", "code", "worksheets", "input"]), inner)
    ),
    max_leaves=10,
)
NOTEBOOKS = st.one_of(
    TEXTS,
    CELLS.map(lambda value: json.dumps(value).encode()),
    st.lists(TEXTS, max_size=4).map(
        lambda cells: json.dumps({
            "cells": [{"cell_type": "code", "source": cell.decode("latin-1")} for cell in cells]
        }).encode()
    ),
)


def _is_a_report(name: str, data: bytes) -> None:
    write(name, data)
    result = run("check", name, "--output-format", "json")
    assert result.exit_code in (0, 1, 2)
    assert "internal error" not in result.stdout
    found = document(result)
    assert found["schema"] == "freezelint-json-1"
    assert run("check", name, "--output-format", "text").exit_code == result.exit_code


MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(TEXTS)
@example(b"trainable = " + b"-" * 5000 + b"1")
@example(b"trainable\n" + b"if x:\n" * 500)
def test_any_bytes_are_a_report(data: bytes) -> None:
    _is_a_report("any.py", data)


@MANY
@given(NOTEBOOKS)
def test_any_notebook_is_a_report(data: bytes) -> None:
    _is_a_report("any.ipynb", data)


@settings(MANY, max_examples=40)
@given(st.sampled_from([".keras", ".h5", "/saved_model.pb"]), st.binary(max_size=300))
def test_any_model_is_a_report(suffix: str, data: bytes) -> None:
    name = f"any{suffix}"
    write(name, data)
    _is_a_report(name, data)


# Fixes


def test_fix_mends_the_file_and_says_so() -> None:
    write("a.py", TYPO)
    result = run("check", "--fix", "a.py")
    assert result.exit_code == 0
    assert "1 finding fixed; No findings in 1 file" in result.stdout
    assert Path("a.py").read_text() == CLEAN


def test_diff_shows_the_change_and_writes_nothing() -> None:
    write("a.py", TYPO)
    result = run("check", "--diff", "a.py")
    assert result.exit_code == 1
    assert "-model.trainble = False\n+model.trainable = False\n" in result.stdout
    assert "1 to be fixed" in result.stderr
    assert Path("a.py").read_text() == TYPO


def test_what_can_be_fixed_is_said() -> None:
    write("a.py", TYPO)
    assert "1 can be fixed with --fix" in run("check", "a.py").stdout


@pytest.mark.parametrize(
    "options", [["--unsafe-fixes"], ["--diff", "--fix"], ["--diff", "--output-format", "json"], ["--fix", "-"]]
)
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    assert run("check", *options).exit_code == 2


# Ignores


def test_ignores_are_added_with_a_reason_and_can_be_audited() -> None:
    write("a.py", TYPO)
    shown = run("check", "--add-ignore", "a name of ours", "--diff", "a.py")
    assert (shown.exit_code, "+model.trainble = False  # freezelint: ignore[" in shown.stdout) == (1, True)
    assert Path("a.py").read_text() == TYPO
    result = run("check", "--add-ignore", "a name of ours", "a.py")
    assert (result.exit_code, result.stderr) == (0, "1 finding silenced with a comment\n")
    assert Path("a.py").read_text().endswith("# freezelint: ignore[trainable-typo] a name of ours\n")
    assert run("check", "a.py").exit_code == 0
    assert run("check", "a.py", "--no-ignores").exit_code == 1


@pytest.mark.parametrize(
    "options",
    [["--add-ignore", " "], ["--add-ignore", "a\nb"], ["--add-ignore", "x", "--fix"], ["--add-ignore", "x", "-"]],
)
def test_ignores_that_cannot_be_added_are_refused(options: list[str]) -> None:
    result = run("check", *options, stdin="")
    assert (result.exit_code, result.stdout) == (2, "")


# --- completion in the shell -------------------------------------------------------------------------------------


def completed(words: str) -> list[str]:
    """What bash is offered for the last of these words."""
    environment = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_FREEZELINT_COMPLETE": "bash_complete"}
    result = CliRunner().invoke(cli, [], prog_name="freezelint", env=environment, complete_var="_FREEZELINT_COMPLETE")
    return [line.removeprefix("plain,") for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_completion_is_printed(shell: str) -> None:
    environment = {"_FREEZELINT_COMPLETE": f"{shell}_source"}
    result = CliRunner().invoke(cli, [], prog_name="freezelint", env=environment, complete_var="_FREEZELINT_COMPLETE")
    if shell == "bash" and result.exit_code != 0:
        pytest.skip("bash is missing or old")
    assert "_FREEZELINT_COMPLETE" in result.stdout


def test_explain_completes_the_names_of_rules_and_their_codes() -> None:
    assert set(completed("freezelint explain ")) == set(catalogue.rules())
    assert completed("freezelint explain unfrozen-b") == ["unfrozen-batchnorm"]
    assert completed("freezelint explain fz101") == ["FZ101"]
    assert completed("freezelint explain a,unfrozen-b") == []


@pytest.mark.parametrize("option", ["--select", "--extend-select", "--ignore"])
def test_options_for_rules_complete_them_behind_a_comma_too(option: str) -> None:
    assert completed(f"freezelint check {option} unfrozen-b") == ["unfrozen-batchnorm"]
    assert completed(f"freezelint check {option} FZ3,unfrozen-b") == ["FZ3,unfrozen-batchnorm"]
