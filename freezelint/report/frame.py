"""Code frames: source lines with labelled underlines, several places of one story in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from freezelint.finding import Finding, Severity, Span
from freezelint.report import Lines
from freezelint.report.style import Style, cells, printable, width

MAX_WIDTH = 120
"""Longer lines are cut around what is underlined."""

_KEPT_BEFORE = 30


@dataclass(frozen=True, slots=True)
class Label:
    """An underline with its words; the primary one marks the line that a person would change."""

    span: Span
    text: str
    primary: bool


def labels(finding: Finding) -> list[Label]:
    """The places of a finding, each once. Steps are numbered where reading order is not the order of the story."""
    steps = finding.related
    in_order = all(one.span.order <= two.span.order for one, two in pairwise(steps))
    one_file = len({(step.span.path, step.span.cell) for step in steps}) <= 1
    numbered = len(steps) > 1 and not (in_order and one_file)
    found: list[Label] = []
    told_at_primary: list[str] = []
    for number, step in enumerate(steps, 1):
        text = f"{number}. {step.message}" if numbered else step.message
        if step.span == finding.span:
            told_at_primary.append(text)
        else:
            found.append(Label(step.span, text, primary=False))
    if finding.span is not None:
        found.insert(0, Label(finding.span, ", ".join(told_at_primary), primary=True))
    return found


def frame(finding: Finding, lines: Lines, style: Style) -> Iterator[str]:
    """The lines of the picture: the file of the primary span first, then the others in the order of the story."""
    marks = labels(finding)
    margin = max((len(str(mark.span.start.line)) for mark in marks), default=1)
    places = list(dict.fromkeys((mark.span.path, mark.span.cell) for mark in marks))
    for path, cell in places:
        here = sorted((mark for mark in marks if (mark.span.path, mark.span.cell) == (path, cell)), key=_by_line)
        first = next((mark for mark in here if mark.primary), here[0])
        arrow = "-->" if first.primary else ":::"
        yield f"{' ' * margin}{style.margin(arrow)} {_where(first.span)}"
        text = lines(path, cell)
        if text:
            yield from _picture(here, text, margin, finding.severity, style)
        else:
            told = (mark for mark in here if mark.text)
            yield from (f"{' ' * margin} {style.margin('|')} line {_told(mark)}" for mark in told)
            yield f"{' ' * margin} {style.margin('|')}"


def _picture(
    marks: Sequence[Label], text: Sequence[str], margin: int, severity: Severity, style: Style
) -> Iterator[str]:
    bar = style.margin("|")
    empty = f"{' ' * margin} {bar}"
    yield empty
    before: int | None = None
    for number, group in groupby(marks, key=lambda mark: mark.span.start.line):
        if before is not None and number == before + 2:
            yield _source_line(before + 1, text, margin, bar, style)
        elif before is not None and number > before + 2:
            yield style.margin("." * min(3, margin + 1))
        before = number
        on_line = list(group)
        line = text[number - 1] if 0 < number <= len(text) else ""
        shown, columns = _layout(line, on_line)
        yield f"{style.margin(str(number).rjust(margin))} {bar} {shown}".rstrip()
        for mark in on_line:
            start, end = _columns(mark.span, line, columns)
            sign = "^" if mark.primary else "-"
            note = f"{sign * max(1, end - start)} {printable(mark.text)}".rstrip()
            coloured = style.severity(note, severity) if mark.primary else style.story(note)
            yield f"{empty} {' ' * start}{coloured}"
    yield empty


def _source_line(number: int, text: Sequence[str], margin: int, bar: str, style: Style) -> str:
    shown, _ = _layout(text[number - 1] if number <= len(text) else "", ())
    return f"{style.margin(str(number).rjust(margin))} {bar} {shown}".rstrip()


def _layout(line: str, marks: Sequence[Label]) -> tuple[str, list[int]]:
    """A source line as shown, and the display column of each of its characters (and of its end)."""
    first = min((mark.span.start.column - 1 for mark in marks), default=0)
    offset = max(0, first - _KEPT_BEFORE) if len(line) > MAX_WIDTH else 0
    shown = "..." if offset else ""
    column = len(shown)
    columns = [column] * offset
    for character in line[offset:]:
        columns.append(column)
        if column >= MAX_WIDTH:
            continue
        drawn = cells(character, column)
        shown += drawn
        column += width(drawn)
        if column >= MAX_WIDTH:
            shown += "..."
    columns.append(column)
    return shown, columns


def _columns(span: Span, line: str, columns: Sequence[int]) -> tuple[int, int]:
    """The display columns from which, and up to which, the part of `span` on its first line is underlined."""
    last = len(columns) - 1
    start = min(span.start.column - 1, last)
    end = min(span.end.column - 1, last) if span.end.line == span.start.line else len(line.rstrip())
    return columns[start], max(columns[start], columns[min(end, last)])


def _where(span: Span) -> str:
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    return f"{printable(span.path)}:{cell}{span.start.line}:{span.start.column}"


def _told(mark: Label) -> str:
    return f"{mark.span.start.line}: {printable(mark.text)}"


def _by_line(mark: Label) -> tuple[int, int, bool]:
    return (mark.span.start.line, mark.span.start.column, not mark.primary)
