"""Which findings a comment silences, and which comments silence nothing.

A comment holds for the findings that have its line in one of their spans, or for all of its file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from freezelint import catalogue
from freezelint.comments import Ignore, comments
from freezelint.finding import Applicability, Confidence, Finding, Fix, Position, Severity, Span
from freezelint.settings import UNUSED
from freezelint.texts import Texts

_CODE = re.compile(r"fz\d+")
_FOREIGN = re.compile(r"[a-z]+\d+")
"""Codes of other tools, in a `noqa` comment."""


class Ignores:
    """The silencing comments of the texts that findings point into, and what they silenced so far."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._known: dict[tuple[str, int | None], list[Ignore]] = {}
        self._used: dict[tuple[str, int | None, Ignore], set[str]] = {}

    def apply(self, findings: Iterable[Finding]) -> tuple[list[Finding], int]:
        """The findings that no comment silences, and how many were silenced."""
        kept: list[Finding] = []
        silenced = 0
        for finding in findings:
            if self.silences(finding):
                silenced += 1
            else:
                kept.append(finding)
        return kept, silenced

    def silences(self, finding: Finding) -> bool:
        """Whether a comment at one of the lines of its story, or for its file, silences a finding."""
        silenced = False
        for span in finding.spans:
            for ignore in self._in(span.path, span.cell):
                if span.start.line <= ignore.line <= span.end.line and not ignore.whole:
                    silenced |= self._use(ignore, span.path, span.cell, finding)
        for cell in self._texts.cells(finding.path) if finding.span is not None else ():
            for ignore in self._in(finding.path, cell):
                if ignore.whole:
                    silenced |= self._use(ignore, finding.path, cell, finding)
        return silenced

    def _use(self, ignore: Ignore, display: str, cell: int | None, finding: Finding) -> bool:
        words = ignore.names(finding)
        if words:
            self._used.setdefault((display, cell, ignore), set()).update(words)
        return bool(words)

    def unused(self, display: str, could_fire: Collection[str]) -> Iterator[Finding]:
        """What the comments of one file list without having silenced anything.

        `could_fire` are the names of the rules that ran and are mistakes in the Keras of the file; the others may
        have something to silence in another run. A word that is no rule at all is told too.
        """
        for cell in self._texts.cells(display):
            for ignore in self._in(display, cell):
                if not ignore.rules:
                    yield _not_quite(display, cell, ignore)
                used = self._used.get((display, cell, ignore), set())
                stale = {word: told for word in ignore.rules if word not in used and (told := _told(word, could_fire))}
                if stale:
                    yield self._finding(display, cell, ignore, stale)

    def _finding(self, display: str, cell: int | None, ignore: Ignore, stale: Mapping[str, str]) -> Finding:
        def span(first: int, last: int) -> Span:
            return Span(display, Position(ignore.line, first), Position(ignore.line, last), cell)

        line = self._texts.lines(display, cell)[ignore.line - 1]
        edit = ignore.without(stale.keys(), span, line)
        return Finding(
            code="FZ002",
            name=UNUSED,
            severity=Severity.WARNING,
            confidence=Confidence.CERTAIN,
            message=f"This comment silences nothing: {'; '.join(stale.values())}. Remove it, or it will hide a mistake "
            "that somebody makes here later.",
            path=display,
            span=span(*ignore.columns),
            fix=Fix(Applicability.SAFE, f"Remove `{'`, `'.join(stale)}`", (edit,)),
        )

    def _in(self, display: str, cell: int | None) -> list[Ignore]:
        place = (display, cell)
        if place not in self._known:
            self._known[place] = comments(self._texts.lines(*place))
        return self._known[place]


def _not_quite(display: str, cell: int | None, ignore: Ignore) -> Finding:
    first, last = (Position(ignore.line, column) for column in ignore.columns)
    return Finding(
        code="FZ002",
        name=UNUSED,
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN,
        message="This comment silences nothing: it names no rule. Write `# freezelint: ignore[name] reason`, or "
        "`# freezelint: ignore-file[name] reason` for the whole file.",
        path=display,
        span=Span(display, first, last, cell),
    )


def unused_entry(path: str, line: int, pattern: str, rules: Sequence[str]) -> Finding:
    """The finding about an entry of `per-file-ignores`, at a line of a configuration, that hides nothing."""
    place = Position(line, 1)
    return Finding(
        code="FZ002",
        name=UNUSED,
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN,
        message=f"This entry hides nothing: {', '.join(rules)} {'finds' if len(rules) == 1 else 'find'} nothing in the "
        f"files that match `{pattern}`. Remove it, or it will hide a mistake that somebody makes there later.",
        path=path,
        span=Span(path, place, place),
    )


def _told(word: str, could_fire: Collection[str]) -> str:
    """Why a word on a list is of no use; "" if it may be of use."""
    rule = catalogue.find(word)
    if rule is None:
        ours = _CODE.fullmatch(word) or not _FOREIGN.fullmatch(word)
        return f"there is no rule `{word}`" if ours else ""
    if rule.name not in could_fire or rule.name == UNUSED:
        return ""
    return f"`{word}` finds nothing here"
