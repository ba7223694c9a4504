"""The documentation site: it builds, needs nothing from the network, and leads nowhere that is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import click
import pytest

from freezelint import catalogue
from freezelint.keras.behaviour import rows

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not (ROOT / "mkdocs.yml").exists(), reason="a source distribution has no site")


class Page(HTMLParser):
    """What an HTML page loads, links to, and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.loaded += [given[name] for name in ("src", "srcset", "poster", "data") if name in given]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(given.get("href", ""))
        elif tag in ("a", "link"):
            self.links.append(given.get("href", ""))
        self.anchors |= {given[name] for name in ("id", "name") if name in given}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@cache
def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def is_external(address: str) -> bool:
    return bool(re.match(r"(https?:)?//", address))


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(catalogue.rules())
    assert [(page, address) for page in pages for address in read(page).loaded if is_external(address)] == []
    styles = {sheet: sheet.read_text("utf-8") for sheet in site.rglob("*.css")}
    assert styles
    assert [sheet for sheet, text in styles.items() if re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", text)] == []


def test_every_internal_link_and_anchor_resolves(site: Path) -> None:
    dead = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its addresses begin at the root of a server
            continue
        for address in {*read(page).links, *read(page).loaded}:
            path, anchor = urldefrag(unquote(address))
            if is_external(address) or re.match(r"(data|mailto|javascript):", address) or address == "":
                continue
            target = (page.parent / path).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and target.suffix == ".html" and anchor not in read(target).anchors):
                dead.append((page.relative_to(site).as_posix(), address))
    assert dead == []


def test_every_rule_has_a_page_and_a_line_in_the_index(site: Path) -> None:
    index = set(read(site / "rules" / "index.html").links)
    for rule in catalogue.rules().values():
        page = (site / "rules" / rule.name / "index.html").read_text("utf-8")
        assert f"{rule.name} ({rule.code})" in page
        assert 'class="error"' in page or 'class="warning"' in page or 'class="info"' in page
        assert "silenced_by" not in page and "keras2 =" not in page  # no raw metadata
        assert f"{rule.name}/" in index or f"./{rule.name}/" in index


def test_rules_and_proofs_that_a_page_names_are_links(site: Path) -> None:
    links = set(read(site / "rules" / "unfrozen-batchnorm" / "index.html").links)
    assert {"../pinned-training-ignored/", "../../proofs/test_unfrozen_batchnorm/"} <= links


def test_the_behaviour_of_keras_has_every_row(site: Path) -> None:
    page, text = read(site / "behaviour" / "index.html"), (site / "behaviour" / "index.html").read_text("utf-8")
    for row in rows():
        anchor = row.name.replace("_", "-")
        assert anchor in page.anchors
        assert f"#{anchor}" in page.links
        assert f"proofs/{Path(row.proof).stem}/" in text
    details = text[text.index('id="statements"') :]
    answers = sum(
        2 + len(row.minors) + len(row.keras2_minors) + (row.keras3_16 is not None) + (row.jax is not None)
        for row in rows()
    )
    assert details.count("<tr>") == answers + len(rows())


def test_every_command_and_option_is_listed(site: Path) -> None:
    from freezelint.cli.application import cli

    text = (site / "command-line" / "index.html").read_text("utf-8")
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert f"freezelint {name}" in text
        for parameter in command.params:
            assert all(option in text for option in parameter.opts if option.startswith("--"))
