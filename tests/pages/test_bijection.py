"""Pages, checks and proofs belong together one to one, and what was published stays as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freezelint import catalogue
from freezelint.graph.checks import graph
from freezelint.source.checks import source

RULES = catalogue.rules()
ROOT = Path(__file__).parents[2]
CHECKS = {"source": set(source.names), "graph": set(graph.names), "live": set(graph.names)}
MADE_BY_THE_RUN = {"unreadable-input", "unused-ignore"}


def _published() -> dict[str, tuple[str, ...]]:
    lines = Path(__file__).with_name("published.txt").read_text("utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: (code, *rest) for code, name, *rest in rows}


PUBLISHED = _published()


@pytest.mark.parametrize("name", [name for name in RULES if name not in MADE_BY_THE_RUN])
def test_a_page_has_a_check_wherever_it_claims_to_see(name: str) -> None:
    missing = {where for where in RULES[name].sees if name not in CHECKS[where]}
    assert not missing, f"rules/{name}.md says that it sees {sorted(missing)}, but no check of that name is there"


@pytest.mark.parametrize("where", ["source", "graph"])
def test_a_check_has_a_page_that_says_where_it_sees(where: str) -> None:
    told = {name for name, rule in RULES.items() if where in rule.sees}
    assert CHECKS[where] <= told, f"checks without a page: {sorted(CHECKS[where] - told)}"


@pytest.mark.parametrize("name", RULES)
def test_a_page_has_a_proof_or_is_advice_with_a_reference(name: str) -> None:
    rule = RULES[name]
    if name in MADE_BY_THE_RUN:
        return
    if rule.advice:
        assert rule.references, f"rules/{name}.md gives advice and names no source"
        assert rule.proof is None, f"rules/{name}.md cannot be advice and proven"
    else:
        assert rule.proof, f"rules/{name}.md names no proof"
        assert (ROOT / rule.proof).is_file(), f"rules/{name}.md: {rule.proof} does not exist"
        assert rule.proof in rule.section("Measured"), f"rules/{name}.md: Measured does not name {rule.proof}"


@pytest.mark.parametrize("name", RULES)
def test_a_page_has_its_title_and_every_heading_in_order(name: str) -> None:
    rule = RULES[name]
    prose = re.sub(r"^```.*?^```$", "", rule.page, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^# (.*)$", prose, re.MULTILINE) == [f"{name} ({rule.code})"]
    assert tuple(re.findall(r"^## (.*)$", prose, re.MULTILINE)) == catalogue.HEADINGS
    assert all(rule.section(heading) for heading in catalogue.HEADINGS)


def test_codes_are_unique() -> None:
    codes = [rule.code for rule in RULES.values()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_called_and_ranked_as_published(name: str) -> None:
    rule = RULES[name]
    assert name in PUBLISHED, f"{name} is not in tests/pages/published.txt"
    ranks = [rank.value if (rank := rule.severity(generation)) else "none" for generation in ("keras2", "keras3")]
    assert (rule.code, *ranks, "on" if rule.default else "off") == PUBLISHED[name]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gives_way_only_to_rules_that_exist(name: str) -> None:
    rule = RULES[name]
    assert set(rule.silenced_by) <= set(catalogue.GENERATIONS)
    for generation, others in rule.silenced_by.items():
        assert rule.severity(generation) is not None, f"{name} is no mistake in {generation}"
        assert name not in others
        assert set(others) <= set(PUBLISHED), f"{name} gives way to unknown {sorted(set(others) - set(PUBLISHED))}"


@pytest.mark.parametrize("name", RULES)
def test_references_are_public_addresses(name: str) -> None:
    assert all(address.startswith("https://") for address in RULES[name].references)
