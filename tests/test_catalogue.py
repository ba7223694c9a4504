"""The catalogue, from its pages and from its index."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from freezelint import catalogue
from freezelint.finding import Severity


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the rules, which the catalogue reads for the time of a test."""
    folder = tmp_path / "rules"
    shutil.copytree(catalogue.RULES_FOLDER, folder)
    monkeypatch.setattr(catalogue, "RULES_FOLDER", folder)
    catalogue.rules.cache_clear()
    yield folder
    catalogue.rules.cache_clear()


def test_the_index_says_what_the_pages_say(copy: Path) -> None:
    from_index = catalogue.rules()
    assert [rule.text for rule in from_index.values()] == [None] * len(from_index)
    (copy / "index.json").unlink()
    catalogue.rules.cache_clear()
    from_pages = catalogue.rules()
    assert list(from_index) == list(from_pages)
    for name, rule in from_pages.items():
        other = from_index[name]
        assert rule.page == other.page
        assert (rule.code, rule.summary, rule.default, rule.fix) == (
            other.code,
            other.summary,
            other.default,
            other.fix,
        )
        assert (rule.severities, rule.silenced_by, rule.options) == (other.severities, other.silenced_by, other.options)


def test_a_page_that_was_edited_counts_at_once(copy: Path) -> None:
    page = copy / "trainable-typo.md"
    page.write_text(page.read_text("utf-8").replace('keras3 = "error"', 'keras3 = "warning"'), "utf-8")
    assert catalogue.rules()["trainable-typo"].severity("keras3") is Severity.WARNING


@pytest.mark.parametrize("index", [b"", b"[]", b"{}", b"\xff", b'{"trainable-typo": 1}'])
def test_an_index_that_is_none_is_as_if_it_were_not_there(copy: Path, index: bytes) -> None:
    names = list(catalogue.rules())
    (copy / "index.json").write_bytes(index)
    catalogue.rules.cache_clear()
    assert list(catalogue.rules()) == names


def test_every_line_of_the_index_is_a_page(copy: Path) -> None:
    lines = (copy / "index.json").read_text("utf-8").splitlines()
    assert len(lines) == len(json.loads("\n".join(lines))) + 2
