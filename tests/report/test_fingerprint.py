"""What makes a finding the same one after an edit."""

from __future__ import annotations

import pytest

from freezelint.finding import Position, Span
from freezelint.report import Report
from freezelint.report.fingerprint import Identity, fingerprints, identity
from tests.report.diagnostics import IN_MODEL, TYPO

CODE = """\
import keras

class Trainer:
    def fit(self):
        self.model.trainble = False
"""


def of(text: str, code: str = "self.model.trainble = False") -> Identity:
    """The identity of a typo at the first place of some code in a text."""
    before, _, _ = text.partition(code)
    first = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    tail = code.rpartition("\n")[2]
    column = len(tail) + 1 if "\n" in code else first.column + len(code)
    span = Span("train.py", first, Position(first.line + code.count("\n"), column))
    return identity(TYPO._replace(span=span), lambda path, cell=None: text.split("\n"))


def test_it_names_the_rule_the_definition_and_the_code() -> None:
    assert of(CODE) == Identity("train.py", "trainable-typo", "Trainer.fit", "self.model.trainble = False")


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\n" + CODE,
        CODE.replace("    def fit", "    def other(self):\n        pass\n\n    def fit"),
        CODE.replace("False", "False  # a comment"),
        CODE.replace("        self.model", "        if x:\n            self.model"),
    ],
)
def test_it_stays_when_something_else_is_edited(text: str) -> None:
    assert of(text) == of(CODE)


@pytest.mark.parametrize("text", [CODE.replace("def fit", "def train"), CODE.replace("Trainer", "Other")])
def test_it_changes_with_the_definition(text: str) -> None:
    assert of(text) != of(CODE)


def test_wrapping_does_not_count() -> None:
    one = "self.model.fit(x, y)"
    two = "self.model.fit(\n    x,\n    y,\n)"
    assert of(f"def f():\n  {one}", one) == of(f"def f():\n  {two}", two)


def test_code_after_a_definition_is_outside_of_it() -> None:
    assert of("def f():\n    pass\n\nm.fit(\n    self.model.trainble = False\n)").definition == ""


def test_a_place_in_a_model_counts() -> None:
    assert identity(IN_MODEL, lambda path, cell=None: ()).layer == "mobilenetv2/Conv1_bn"


def test_equal_findings_have_different_fingerprints_in_reading_order() -> None:
    twice = Report((TYPO, TYPO, TYPO._replace(path="other.py")))
    prints = list(fingerprints(twice, lambda path, cell=None: ()))
    assert len(set(prints)) == 3
    assert prints[0] == next(fingerprints(Report((TYPO,)), lambda path, cell=None: ()))
