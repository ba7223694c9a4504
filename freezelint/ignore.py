"""Comments that silence a finding: `# freezelint: ignore[name] reason` and `# noqa: FZ101`.

A comment holds for the findings that have its line in one of their spans. Only comments count, not strings that
look like one.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from freezelint import catalogue
from freezelint.finding import Applicability, Confidence, Edit, Finding, Fix, Position, Severity, Span
from freezelint.texts import Texts

_OURS = re.compile(r"#\s*freezelint:\s*ignore\[([^\]]*)\]\s*([^#]*)", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\s*:\s*((?:[A-Z]+[0-9]+(?:\s*,\s*|\s+)?)+)", re.IGNORECASE)
_MARK = re.compile(r"freezelint\s*:|noqa\s*:", re.IGNORECASE)
_MAGIC = re.compile(r"^\s*[%!?]")
_CODE = re.compile(r"fz\d+")
_FOREIGN = re.compile(r"[a-z]+\d+")
"""Codes of other tools, in a `noqa` comment."""
_RESTARTS = 50
UNUSED = "unused-ignore"


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: its line (from 1), the names and codes it lists, in lower case, and the reason given.

    `columns` are those of the comment, `listed` those of its list (from 1, the end is the column behind it).
    """

    line: int
    rules: tuple[str, ...]
    reason: str = ""
    columns: tuple[int, int] = (1, 1)
    listed: tuple[int, int] = (1, 1)

    def names(self, finding: Finding) -> set[str]:
        """The words of the list that mean the rule of `finding`."""
        return {finding.name, finding.code.lower()} & set(self.rules)

    def without(self, words: Collection[str], span: Callable[[int, int], Span], line: str) -> Edit:
        """The edit that takes `words` off the list; the whole comment, or line, if nothing is left."""
        first, last = self.columns
        if set(self.rules) <= set(words):
            before, after = line[: first - 1], line[last - 1 :]
            if not (before.strip() or after.strip()):
                start_of_line = replace(span(1, 1), end=Position(self.line + 1, 1))
                return Edit(start_of_line, "")
            if not after.strip():
                first, last = len(before.rstrip()) + 1, len(line) + 1
            elif after.lstrip().startswith("#"):
                last += len(after) - len(after.lstrip())
            return Edit(span(first, last), "")
        start, end = self.listed
        kept = [word for word in re.split(r"[\s,]+", line[start - 1 : end - 1]) if word and word.lower() not in words]
        return Edit(span(start, end), ", ".join(kept))


def comments(lines: Sequence[str]) -> list[Ignore]:
    """The silencing comments in a text, from its first line to its last."""
    if not any(_MARK.search(line) for line in lines):
        return []
    return list(_parse(lines))


def _parse(lines: Sequence[str]) -> Iterator[Ignore]:
    for number, column, comment in _comments(lines):
        for found in _OURS.finditer(comment):
            yield _ignore(number, column, found, found.group(2).strip())
        for found in _NOQA.finditer(comment):
            yield _ignore(number, column, found)


def _ignore(line: int, column: int, found: re.Match[str], reason: str = "") -> Ignore:
    words = tuple(word.lower() for word in re.split(r"[\s,]+", found.group(1)) if word)
    end = found.start() + len(found.group().rstrip())
    listed = found.start(1), found.start(1) + len(found.group(1).rstrip())
    return Ignore(
        line,
        words,
        reason,
        (found.start() + column + 1, end + column + 1),
        (listed[0] + column + 1, listed[1] + column + 1),
    )


def _comments(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Every comment with its line (from 1) and its column (from 0).

    After a line that Python's tokenizer rejects, it goes on below that line.
    """
    first = 0
    for _ in range(_RESTARTS):
        text = "\n".join("" if _MAGIC.match(line) else line for line in lines[first:])
        reached = 1
        try:
            for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
                reached = max(reached, token.end[0])
                if token.type == tokenize.COMMENT:
                    yield first + token.start[0], token.start[1], token.string
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
        """Whether a comment at one of the lines of its story silences a finding."""
        silenced = False
        for span in finding.spans:
            for ignore in self._in(span.path, span.cell):
                if span.start.line <= ignore.line <= span.end.line and (words := ignore.names(finding)):
                    self._used.setdefault((span.path, span.cell, ignore), set()).update(words)
                    silenced = True
        return silenced

    def unused(self, display: str, could_fire: Collection[str]) -> Iterator[Finding]:
        """What the comments of one file list without having silenced anything.

        `could_fire` are the names of the rules that ran and are mistakes in the Keras of the file; the others may
        have something to silence in another run. A word that is no rule at all is told too.
        """
        for cell in self._texts.cells(display):
            for ignore in self._in(display, cell):
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
