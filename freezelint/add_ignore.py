"""Comments that silence findings, written into the source: fixes that add them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from freezelint.comments import Ignore, comments, open_lines
from freezelint.finding import Applicability, Edit, Finding, Fix, Position, Span
from freezelint.texts import Texts

Line = tuple[str, int | None, int]


def fixes(findings: Iterable[Finding], texts: Texts, reason: str) -> Iterator[Fix]:
    """One fix for each line on which a comment silences findings; a comment that is there already is extended.

    A finding about a model, or about the run itself, has no line, and gets none.
    """
    wanted: dict[Line, dict[str, None]] = {}
    for finding in findings:
        line = _line(finding, texts)
        if line is not None:
            wanted.setdefault(line, {})[finding.name] = None
    for (path, cell, number), names in wanted.items():
        yield Fix(Applicability.SAFE, f"Ignore {', '.join(names)}", (_edit(path, cell, number, names, texts, reason),))


def _line(finding: Finding, texts: Texts) -> Line | None:
    """The last line of the finding itself at whose end a comment can stand."""
    span = finding.span
    if span is None or finding.code.startswith("FZ0"):
        return None
    possible = open_lines(texts.lines(span.path, span.cell))
    lines = [number for number in range(span.end.line, span.start.line - 1, -1) if number in possible]
    return (span.path, span.cell, lines[0]) if lines else None


def _edit(path: str, cell: int | None, number: int, names: Iterable[str], texts: Texts, reason: str) -> Edit:
    lines = texts.lines(path, cell)
    there = next((item for item in comments(lines) if item.line == number and _can_be_extended(item, lines)), None)
    if there is not None:
        place = Position(number, there.listed[1])
        return Edit(Span(path, place, place, cell), "".join(f", {name}" for name in names))
    end = len(lines[number - 1].rstrip())
    span = Span(path, Position(number, end + 1), Position(number, len(lines[number - 1]) + 1), cell)
    return Edit(span, f"  # freezelint: ignore[{', '.join(names)}] {reason}")


def _can_be_extended(ignore: Ignore, lines: Sequence[str]) -> bool:
    first, last = ignore.columns
    is_ours = "freezelint" in lines[ignore.line - 1][first - 1 : last - 1]
    return is_ours and bool(ignore.rules) and not ignore.whole
