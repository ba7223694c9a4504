"""The command that starts a new rule, in a copy of the folders that it writes to."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from freezelint import catalogue

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "new_rule.py"

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="a source distribution has no tools")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("rules", "tests/pages", "tests/proofs", "freezelint/source/checks", "freezelint/graph/checks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def new_rule(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_rule_gets_its_page_check_proof_and_place_among_the_published_names(copy: Path) -> None:
    result = new_rule(copy, "frozen-moon", "FZ299", "The moon is frozen", "--keras2", "error", "--keras3", "warning")
    assert result.returncode == 0, result.stderr
    rule = catalogue.parse_page((copy / "rules/frozen-moon.md").read_text("utf-8"), "frozen-moon")
    assert (rule.code, rule.sees, rule.proof) == ("FZ299", {"source"}, "tests/proofs/test_frozen_moon.py")
    assert all(rule.section(heading) for heading in catalogue.HEADINGS)
    assert [mark for example in rule.examples() for mark in example.marks] == [(3, "frozen-moon")]
    check = (copy / "freezelint/source/checks/trainable.py").read_text("utf-8")
    assert '@source.check("frozen-moon")\ndef frozen_moon(' in check
    ast.parse(check)
    ast.parse((copy / str(rule.proof)).read_text("utf-8"))
    published = (copy / "tests/pages/published.txt").read_text("utf-8").splitlines()
    place = published.index("FZ299  frozen-moon  error  warning  on")
    assert published[place - 1] < published[place] < published[place + 1]


def test_a_module_that_is_missing_is_made_and_imported(copy: Path) -> None:
    (copy / "freezelint/source/checks/growing.py").unlink(missing_ok=True)
    package = copy / "freezelint/source/checks/__init__.py"
    package.write_text(
        'from freezelint.source.checks import batchnorm, trainable\n\n__all__ = ["batchnorm", "trainable"]\n'
    )
    assert new_rule(copy, "frozen-moon", "FZ699", "The moon is frozen", "--keras3", "info").returncode == 0
    ast.parse((copy / "freezelint/source/checks/growing.py").read_text("utf-8"))
    assert package.read_text() == (
        "from freezelint.source.checks import batchnorm, growing, trainable\n\n"
        '__all__ = ["batchnorm", "growing", "trainable"]\n'
    )


def test_advice_needs_no_proof_but_a_reference(copy: Path) -> None:
    url = "https://keras.io/guides/transfer_learning/"
    assert new_rule(copy, "frozen-moon", "FZ599", "Moon", "--keras3", "info", "--advice", url).returncode == 0
    rule = catalogue.parse_page((copy / "rules/frozen-moon.md").read_text("utf-8"), "frozen-moon")
    assert (rule.advice, rule.proof, rule.references) == (True, None, (url,))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("Frozen_Moon", "FZ299", "x", "--keras3", "error"), "is no name"),
        (("frozen-moon", "FZ1", "x", "--keras3", "error"), "is no code"),
        (("frozen-moon", "FZ299", "x"), "no generation"),
        (("trainable-typo", "FZ207", "x", "--keras3", "error"), "there already"),
        (("frozen-moon", "FZ207", "x", "--keras3", "error"), "is published"),
        (("trainable-typoo", "FZ207", "x", "--keras3", "error"), "is published"),
    ],
)
def test_what_would_break_a_promise_is_refused(copy: Path, arguments: tuple[str, ...], reason: str) -> None:
    before = sorted(path.name for path in copy.rglob("*"))
    result = new_rule(copy, *arguments)
    assert result.returncode == 2
    assert reason in result.stderr
    assert sorted(path.name for path in copy.rglob("*")) == before
