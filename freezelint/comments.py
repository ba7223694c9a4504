"""Comments that silence a finding, as they stand in a text.

`# freezelint: ignore[name, ...] reason` and `# noqa: FZ101` hold for a line, `# freezelint: ignore-file[name] reason`
for the file. Only comments count, not strings that look like one.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from freezelint.finding import Edit, Finding, Position, Span

_OURS = re.compile(r"#\s*freezelint\s*:\s*ignore(-file)?\[([^\]]*)\]\s*([^#]*)", re.IGNORECASE)
_NOT_QUITE = re.compile(r"#\s*freezelint\s*:(?!\s*ignore(?:-file)?\[[^\]]*\])[^#]*", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\s*:\s*((?:[A-Z]+[0-9]+(?:\s*,\s*|\s+)?)+)", re.IGNORECASE)
_MARK = re.compile(r"freezelint\s*:|noqa\s*:", re.IGNORECASE)
_MAGIC = re.compile(r"^\s*[%!?]")
_RESTARTS = 50


class Ignore(NamedTuple):
    """One comment: its line (from 1), the names and codes it lists, in lower case, and the reason given.

    `whole` says that it holds for the file, not for a line. Without any rules it silences nothing. `columns` are those
    of the comment, `listed` those of its list (from 1, the end is the column behind it).
    """

    line: int
    rules: tuple[str, ...]
    reason: str = ""
    columns: tuple[int, int] = (1, 1)
    listed: tuple[int, int] = (1, 1)
    whole: bool = False

    def names(self, finding: Finding) -> set[str]:
        """The words of the list that mean the rule of `finding`."""
        return {finding.name, finding.code.lower()} & set(self.rules)

    def without(self, words: Collection[str], span: Callable[[int, int], Span], line: str) -> Edit:
        """The edit that takes `words` off the list; the whole comment, or line, if nothing is left."""
        first, last = self.columns
        if set(self.rules) <= set(words):
            before, after = line[: first - 1], line[last - 1 :]
            if not (before.strip() or after.strip()):
                start_of_line = span(1, 1)._replace(end=Position(self.line + 1, 1))
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
    for token in _tokens(lines):
        if token.type != tokenize.COMMENT:
            continue
        (number, column), comment = token.start, token.string
        for found in _OURS.finditer(comment):
            yield _ignore(number, column, found, 2, found.group(3).strip(), whole=bool(found.group(1)))
        for found in _NOT_QUITE.finditer(comment):
            columns = (found.start() + column + 1, found.start() + column + 1 + len(found.group().rstrip()))
            yield Ignore(number, (), columns=columns)
        for found in _NOQA.finditer(comment):
            yield _ignore(number, column, found, 1)


def _ignore(line: int, column: int, found: re.Match[str], group: int, reason: str = "", whole: bool = False) -> Ignore:
    words = tuple(word.lower() for word in re.split(r"[\s,]+", found.group(group)) if word)
    end = found.start() + len(found.group().rstrip())
    listed = found.start(group), found.start(group) + len(found.group(group).rstrip())
    return Ignore(
        line,
        words,
        reason,
        (found.start() + column + 1, end + column + 1),
        (listed[0] + column + 1, listed[1] + column + 1),
        whole,
    )


def open_lines(lines: Sequence[str]) -> set[int]:
    """The lines (from 1) at whose end a comment can stand: not inside a string, not before a continuation."""
    return {token.start[0] for token in _tokens(lines) if token.type in (tokenize.NEWLINE, tokenize.NL)}


def _tokens(lines: Sequence[str]) -> Iterator[tokenize.TokenInfo]:
    """The tokens of a text or cell; after a line that Python's tokenizer rejects, it goes on below that line."""
    first = 0
    for _ in range(_RESTARTS):
        text = "\n".join("" if _MAGIC.match(line) else line for line in lines[first:])
        reached = 1
        try:
            for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
                reached = max(reached, token.end[0])
                start, end = ((row + first, column) for row, column in (token.start, token.end))
                yield token._replace(start=start, end=end)
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
