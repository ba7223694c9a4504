"""Comments that silence a finding: `# freezelint: ignore[name] reason` and `# noqa: FZ101`.

A comment holds for the findings that have its line in one of their spans. Only comments count, not strings that
look like one.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from freezelint.finding import Finding, Span
from freezelint.texts import Texts

_OURS = re.compile(r"#\s*freezelint:\s*ignore\[([^\]]*)\]\s*([^#]*)", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\s*:\s*((?:[A-Z]+[0-9]+(?:\s*,\s*|\s+)?)+)", re.IGNORECASE)
_MARK = re.compile(r"freezelint\s*:|noqa\s*:", re.IGNORECASE)
_MAGIC = re.compile(r"^\s*[%!?]")
_RESTARTS = 50


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: its line (from 1), the names and codes it lists, in lower case, and the reason given."""

    line: int
    rules: frozenset[str]
    reason: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether the comment lists the rule of `finding`."""
        return finding.name in self.rules or finding.code.lower() in self.rules


def comments(lines: Sequence[str]) -> list[Ignore]:
    """The silencing comments in a text, from its first line to its last."""
    if not any(_MARK.search(line) for line in lines):
        return []
    return list(_parse(lines))


def _parse(lines: Sequence[str]) -> Iterator[Ignore]:
    for number, comment in _comments(lines):
        for found in _OURS.finditer(comment):
            rules = frozenset(word.strip().lower() for word in found.group(1).split(",") if word.strip())
            yield Ignore(number, rules, found.group(2).strip())
        for found in _NOQA.finditer(comment):
            codes = frozenset(word.lower() for word in re.split(r"[\s,]+", found.group(1)) if word)
            yield Ignore(number, codes)


def _comments(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Every comment with its line. After a line that Python's tokenizer rejects, it goes on below that line."""
    first = 0
    for _ in range(_RESTARTS):
        text = "\n".join("" if _MAGIC.match(line) else line for line in lines[first:])
        reached = 1
        try:
            for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
                reached = max(reached, token.end[0])
                if token.type == tokenize.COMMENT:
                    yield first + token.start[0], token.string
        except tokenize.TokenError as error:
            if "multi-line statement" in str(error.args[0]):  # an open bracket: reported after the last token
                return
        except (SyntaxError, ValueError):
            pass
        else:
            return
        first += reached
        if first >= len(lines):
            return


def apply(findings: Iterable[Finding], texts: Texts) -> tuple[list[Finding], int]:
    """The findings that no comment silences, and how many were silenced."""
    known: dict[tuple[str, int | None], list[Ignore]] = {}
    kept: list[Finding] = []
    silenced = 0
    for finding in findings:
        if any(_silences(span, finding, known, texts) for span in finding.spans):
            silenced += 1
        else:
            kept.append(finding)
    return kept, silenced


def _silences(span: Span, finding: Finding, known: dict[tuple[str, int | None], list[Ignore]], texts: Texts) -> bool:
    place = (span.path, span.cell)
    if place not in known:
        known[place] = comments(texts.lines(*place))
    return any(span.start.line <= ignore.line <= span.end.line and ignore.covers(finding) for ignore in known[place])
