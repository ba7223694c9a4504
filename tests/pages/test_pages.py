"""Every example on a page does what the page says: marked lines are found, everything else is silent."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from freezelint import api, catalogue
from freezelint.catalogue import Example, Rule
from freezelint.finding import Confidence, Finding

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RULES = catalogue.rules()
FIXTURES = Path(__file__).parents[2] / "fixtures" / "models"
MADE_BY_THE_RUN = {"unreadable-input", "unused-ignore"}
"""Rules about the run itself; no program shows them."""


class Case(NamedTuple):
    rule: Rule
    example: Example
    place: str


def _cases() -> list[Case]:
    return [
        Case(rule, example, f"{rule.name}: {example.heading} {number}")
        for rule in RULES.values()
        for number, example in enumerate(rule.examples(), 1)
    ]


CASES = _cases()


def _shown(lines: set[tuple[int, str]]) -> list[str]:
    return [f"    line {line}: {name}" for line, name in sorted(lines)] or ["    nothing"]


def _report(case: Case, findings: list[Finding], marked: set[tuple[int, str]], found: set[tuple[int, str]]) -> str:
    """What a person needs who changed a check or a page and sees this test fail."""
    code = [f"{number:4} {line}" for number, line in enumerate(case.example.code.splitlines(), 1)]
    messages = [f"    {finding.span.start.line}: {finding.message}" for finding in findings if finding.span]
    return "\n".join([
        f"{case.place} (settings: {case.example.settings or 'none'})",
        *code,
        "marked on the page and not found:",
        *_shown(marked - found),
        "found and not marked on the page:",
        *_shown(found - marked),
        "messages:",
        *messages,
    ])


def _checked(case: Case) -> list[Finding]:
    """The findings of the rules that are on by default, and of the page's own."""
    select = [rule.name for rule in RULES.values() if rule.default or rule is case.rule]
    return api.check_source(case.example.code, keras=case.example.settings.get("keras", "any"), select=select)


@pytest.mark.parametrize("case", CASES, ids=[case.place for case in CASES])
def test_an_example_is_judged_as_its_page_says(case: Case) -> None:
    findings = [finding for finding in _checked(case) if finding.confidence >= Confidence.LIKELY]
    found = {(finding.span.start.line if finding.span else 0, finding.name) for finding in findings}
    marked = set(case.example.marks)
    assert found == marked, "\n" + _report(case, findings, marked, found)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if "source" in rule.sees])
def test_fixes_are_as_safe_as_the_page_says_and_mend_its_examples(name: str, tmp_path: Path) -> None:
    rule, kinds = RULES[name], set()
    for number, example in enumerate(rule.examples()):
        file = tmp_path / f"{number}.py"
        file.write_text(example.code, "utf-8")
        settings = api.Settings(keras=example.settings.get("keras", "any"), select=(name,))
        kinds |= {finding.fix.applicability for finding in api.check([file], settings).findings if finding.fix}
        after = api.fix([file], settings, unsafe=True)
        assert not after.refused
        assert not [finding for finding in after.report.findings if finding.fix]
    assert kinds == ({rule.fix} if rule.fix and name not in MADE_BY_THE_RUN else set())


@pytest.mark.parametrize("case", CASES, ids=[case.place for case in CASES])
def test_an_example_is_python_with_known_settings(case: Case) -> None:
    ast.parse(case.example.code)
    assert set(case.example.settings) <= {"keras"}
    assert {name for _, name in case.example.marks} <= set(RULES)


@pytest.mark.parametrize(
    "name", [name for name, rule in RULES.items() if "source" in rule.sees and name not in MADE_BY_THE_RUN]
)
def test_a_page_shows_two_mistakes_and_two_traps(name: str) -> None:
    examples = list(RULES[name].examples())
    mistakes = [example for example in examples if name in {mark for _, mark in example.marks}]
    traps = [example for example in examples if example.heading == "Example" and not example.marks]
    assert len(mistakes) >= 2
    assert len(traps) >= 2


@pytest.mark.parametrize("name", RULES)
def test_advice_is_never_marked_as_a_mistake(name: str) -> None:
    assert not [
        example.marks for example in RULES[name].examples() if example.heading == "Use instead" and example.marks
    ]


@pytest.mark.parametrize("name", RULES)
def test_blocks_that_are_not_run_are_python_too(name: str) -> None:
    for block in re.findall(r"^```py\n(.*?)^```$", RULES[name].page, re.MULTILINE | re.DOTALL):
        ast.parse(textwrap.dedent(block))


@pytest.mark.parametrize("name", RULES)
def test_the_fixture_models_a_page_names_exist_and_are_judged_so(name: str) -> None:
    expected = tomllib.loads((FIXTURES / "expected.toml").read_text("utf-8"))
    for part in re.split(r"^### ", RULES[name].section("Example"), flags=re.MULTILINE):
        for model in re.findall(r"fixture\s+models?\s+`([^`]+)`", part):
            found = {finding["rule"] for finding in expected[model]["findings"]}
            assert (name in found) is not part.startswith("Not a mistake"), model
