"""The catalogue: `rules/*.md` → `Rule`. One page is one mistake; the page people read is the source.

A page opens with a fenced `toml` block under its title. Its keys:

`code`, `name`, `summary`, `sees` (any of "source", "graph", "live"), `default` (on without being asked for),
`fix` ("safe", "unsafe", "none"), `since`, `references`, `proof` (a file under `tests/proofs/`) or
`advice = true`, and the tables `[severity]` (`keras2`, `keras3`, optionally `keras3_16`; an absent generation
is one in which this is not a mistake; `keras3_16` absent means "as keras3") and `[silenced_by]` (per
generation, the names of the more specific rules that speak instead on the same lines). `stops` lists the
generations in which the program stops with an error at once. `[options.NAME]` (`default`,
`words`) is a threshold that a configuration can change; the check takes it as the keyword argument of that name.

`rules/index.json`, which `make docs` writes, holds these blocks of all pages: reading it takes a tenth of the time. It
counts as long as every page is as long as it says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from freezelint import toml
from freezelint.finding import Applicability, Severity

_PACKAGED = Path(__file__).parent / "rules"
RULES_FOLDER = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parent.parent / "rules"
"""`rules/` inside an installed package, and the repository's own in an editable install."""

HEADINGS = ("What it does", "Why it is a mistake", "Example", "Use instead", "Fix safety", "Limits", "Measured")
GENERATIONS = ("keras2", "keras3", "keras3_16")

_METADATA = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"#\s*error:\s*\[([a-z0-9-]+)\]")


class CatalogueError(ValueError):
    """A page in `rules/` does not say what a page must say."""


class Example(NamedTuple):
    """A fenced `python` block of a page, which is also a test.

    `settings` are the `toml` settings that stand under the block's heading; `marks` are
    `(line, rule name)` pairs, lines counted from 1 inside the block.
    """

    heading: str
    code: str
    settings: dict[str, Any]
    marks: tuple[tuple[int, str], ...]


class Option(NamedTuple):
    """A number in a check that a configuration can change; `words` say what it means."""

    name: str
    default: float
    words: str


class Rule(NamedTuple):
    """One mistake: what it is called, how bad it is in which generation of Keras, and its page."""

    code: str
    name: str
    summary: str
    sees: frozenset[str]
    severities: dict[str, Severity]
    default: bool
    fix: Applicability | None
    since: str
    references: tuple[str, ...]
    proof: str | None
    advice: bool
    silenced_by: Mapping[str, tuple[str, ...]] = {}
    stops: frozenset[str] = frozenset()
    """The generations in which the program stops with an error, so that whoever runs it uses another one."""
    options: tuple[Option, ...] = ()
    text: str | None = None
    """The page; None if it is read when somebody asks."""

    @property
    def page(self) -> str:
        """The page as it is written, in Markdown."""
        return _written(_page_file(self.name)) if self.text is None else self.text

    @property
    def url(self) -> str:
        """Where the page is published."""
        return f"https://freezelint.readthedocs.io/rules/{self.name}/"

    def severity(self, generation: str) -> Severity | None:
        """How bad the mistake is in `generation` (one of `GENERATIONS`); None where it is no mistake."""
        return self.severities.get(generation)

    def section(self, heading: str) -> str:
        """The Markdown text under one of the fixed `HEADINGS`; empty if the page lacks it."""
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.page, re.MULTILINE | re.DOTALL)
        return found.group(1).strip() if found else ""

    def examples(self) -> Iterator[Example]:
        """Every fenced `python` block under Example and Use instead, with its marks and settings."""
        for heading in ("Example", "Use instead"):
            yield from examples_in(self.section(heading), heading)


def examples_in(text: str, heading: str) -> Iterator[Example]:
    """Every fenced `python` block of Markdown; a `toml` block before it, under the same heading, is its settings."""
    for part in re.split(r"^#{2,3} .*$", text, flags=re.MULTILINE):
        settings: dict[str, Any] = {}
        for language, block in _FENCE.findall(part):
            if language == "toml":
                settings = toml.loads(block)
            elif language == "python":
                marks = tuple(
                    (number, name) for number, line in enumerate(block.splitlines(), 1) for name in _MARK.findall(line)
                )
                yield Example(heading, block, settings, marks)


def parse_page(text: str, name: str) -> Rule:
    """One page of `rules/` as a `Rule`.

    Raises `CatalogueError`, naming the page, for metadata that is missing, unknown or of the wrong kind.
    """
    return _rule(_metadata(text, name), name, text)


def _metadata(text: str, name: str) -> dict[str, Any]:
    block = _METADATA.search(text)
    if block is None:
        raise CatalogueError(f"rules/{name}.md: no toml block under the title")
    try:
        return toml.loads(block.group(1))
    except toml.DecodeError as error:
        raise CatalogueError(f"rules/{name}.md: {error}") from error


def _rule(data: dict[str, Any], name: str, text: str | None = None) -> Rule:
    try:
        severity = data.pop("severity")
        fix = data.pop("fix")
        rule = Rule(
            code=data.pop("code"),
            name=data.pop("name"),
            summary=data.pop("summary"),
            sees=frozenset(data.pop("sees")),
            severities=_severities(severity),
            default=data.pop("default"),
            fix=None if fix == "none" else Applicability(fix),
            since=data.pop("since"),
            references=tuple(data.pop("references", ())),
            proof=data.pop("proof", None),
            advice=data.pop("advice", False),
            silenced_by={key: tuple(names) for key, names in data.pop("silenced_by", {}).items()},
            stops=frozenset(data.pop("stops", ())),
            options=tuple(_option(key, table) for key, table in data.pop("options", {}).items()),
            text=text,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogueError(f"rules/{name}.md: {error!r}") from error
    if data:
        raise CatalogueError(f"rules/{name}.md: unknown keys {sorted(data)}")
    if rule.name != name:
        raise CatalogueError(f"rules/{name}.md: calls itself {rule.name!r}")
    return rule


def _option(name: str, table: dict[str, Any]) -> Option:
    return Option(name, float(table["default"]), str(table["words"]))


def _severities(table: dict[str, str]) -> dict[str, Severity]:
    unknown = set(table) - set(GENERATIONS)
    if unknown:
        raise ValueError(f"unknown generations {sorted(unknown)}")
    known = dict(table)
    if "keras3" in known:
        known.setdefault("keras3_16", known["keras3"])
    return {key: Severity(value) for key, value in known.items() if value != "none"}


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """Every rule by name, in the order of the codes."""
    known = _indexed()
    if known is None:
        known = [parse_page(_page_file(name).read_text("utf-8"), name) for name in _sizes()]
    return {rule.name: rule for rule in sorted(known, key=lambda rule: rule.code)}


def as_index() -> str:
    """What `rules/index.json` is to hold: for every page its size in bytes and its metadata, in JSON."""
    pages = {name: (size, _metadata(_page_file(name).read_text("utf-8"), name)) for name, size in _sizes().items()}
    lines = (f"{json.dumps(name)}: {json.dumps(pages[name])}" for name in sorted(pages))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _indexed() -> list[Rule] | None:
    """The rules in the index; None if there is none, or one of other pages."""
    try:
        index = json.loads((RULES_FOLDER / "index.json").read_bytes())
        if {name: size for name, (size, _) in index.items()} != _sizes():
            return None
        return [_rule(data, name) for name, (_, data) in index.items()]
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _sizes() -> dict[str, int]:
    """Every page with its size in bytes."""
    with os.scandir(RULES_FOLDER) as entries:
        pages = {entry.name[:-3]: entry.stat().st_size for entry in entries if entry.name.endswith(".md")}
    return {name: size for name, size in pages.items() if name != "README"}


@lru_cache(maxsize=256)
def _written(path: Path) -> str:
    return path.read_text("utf-8")


def _page_file(name: str) -> Path:
    return RULES_FOLDER / f"{name}.md"


def find(word: str) -> Rule | None:
    """The rule with this name or code; None if there is none. Case does not matter."""
    wanted = word.strip().lower()
    return next((rule for rule in rules().values() if wanted in (rule.name, rule.code.lower())), None)


def matching(word: str) -> list[Rule]:
    """The rules that a selector names: a name, a code, or the beginning of a code ("FZ2"). "all" is every rule."""
    wanted = word.strip().lower()
    if wanted == "all":
        return list(rules().values())
    return [
        rule
        for rule in rules().values()
        if rule.name == wanted or (wanted.startswith("fz") and rule.code.lower().startswith(wanted))
    ]
