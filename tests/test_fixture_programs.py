"""Every program in fixtures/programs has the findings that fixtures/programs/expected.toml says, and no others."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from freezelint import api
from freezelint.report import Report
from freezelint.source.notebook import without_magics

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "fixtures" / "programs"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text("utf-8"))
SETTINGS = ("auto", "2", "3")
PROGRAMS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in (".py", ".ipynb"))
MAIN = [name for name in PROGRAMS if name in EXPECTED]

Seen = tuple[str, int | None, int]
"""A finding as the list writes it: rule, cell, line."""


def expected(name: str, keras: str) -> list[Seen]:
    entries = EXPECTED.get(name, {"findings": []})["findings"]
    return sorted((one["rule"], one.get("cell"), one["line"]) for one in entries if keras in one.get("keras", SETTINGS))


def seen(report: Report, name: str) -> list[Seen]:
    return sorted(
        (one.name, one.span.cell, one.span.start.line) for one in report.findings if one.path == name and one.span
    )


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs in a folder of their own, so that what the project around them pins says nothing about them."""
    folder = tmp_path_factory.mktemp("programs")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def reports(programs: Path) -> dict[str, Report]:
    """The whole folder, checked at once under every setting."""
    return {keras: api.check(["."], api.Settings(keras=keras)) for keras in SETTINGS}


@pytest.mark.parametrize("keras", SETTINGS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_findings_that_the_list_says(reports: dict[str, Report], name: str, keras: str) -> None:
    assert seen(reports[keras], name) == expected(name, keras)


@pytest.mark.parametrize("keras", SETTINGS)
def test_everything_was_read(reports: dict[str, Report], keras: str) -> None:
    assert not reports[keras].not_read
    assert reports[keras].files == len(PROGRAMS)
    assert {one.path for one in reports[keras].findings} <= set(PROGRAMS)


@pytest.mark.parametrize("name", MAIN)
def test_a_program_checked_alone_has_the_same_findings(programs: Path, name: str) -> None:
    """A finding that lies in a file which others import needs them to be seen: the package is named then."""
    alone = name if not (programs / name).with_name("__init__.py").exists() else str(Path(name).parent)
    assert seen(api.check([alone]), name) == expected(name, "auto")


def test_the_mistake_in_an_imported_file_is_told_from_the_program_that_makes_it(programs: Path) -> None:
    (finding,) = api.check(["xray/train.py"]).findings
    assert (finding.path, [step.span.path for step in finding.related]) == (
        "xray/model.py",
        ["xray/train.py", "xray/train.py"],
    )


def test_the_list_names_files_that_are_there() -> None:
    assert set(EXPECTED) <= set(PROGRAMS)
    assert len(EXPECTED) >= 14
    assert sum(not entry["findings"] for entry in EXPECTED.values()) >= 7


def test_the_lines_in_the_list_are_the_lines_a_person_would_change() -> None:
    marks = ("trainable = ", "trainble", "training=True", "weights=", "build_backbone", "applications.", "Dense(")
    for name, entry in EXPECTED.items():
        for one in entry["findings"]:
            text = (FOLDER / name).read_text("utf-8")
            if "cell" in one:
                text = "".join(json.loads(text)["cells"][one["cell"] - 1]["source"])
            assert any(mark in text.splitlines()[one["line"] - 1] for mark in marks), (name, one)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name.endswith(".py")])
def test_a_program_is_python_with_a_docstring_that_does_not_give_it_away(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text("utf-8"))
    docstring = ast.get_docstring(tree) or ""
    assert docstring
    assert not any(word in docstring.lower() for word in ("freezelint", "lint", "finding:", "mistake", "bug"))


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name.endswith(".ipynb")])
def test_a_notebook_is_one_as_it_is_saved(name: str) -> None:
    notebook = json.loads((FOLDER / name).read_text("utf-8"))
    assert notebook["nbformat"] == 4
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert any(cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    for cell in code:
        ast.parse(without_magics(cell))


def test_no_program_names_an_address() -> None:
    assert not [name for name in PROGRAMS if "://" in (FOLDER / name).read_text("utf-8")]
