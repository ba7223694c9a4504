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
    numbered = not in_order or len({step.span.path for step in steps}) > 1
    told: dict[Span, list[str]] = {finding.span: []} if finding.span is not None else {}
    for number, step in enumerate(steps, 1):
        told.setdefault(step.span, []).append(f"{number}. {step.message}" if numbered else step.message)
    return [Label(span, ", ".join(texts), primary=span == finding.span) for span, texts in told.items()]


def frame(finding: Finding, lines: Lines, style: Style) -> Iterator[str]:
    """The lines of the picture: the file of the primary span first, then the others in the order of the story.

    The cells of a notebook are one picture, in their order.
    """
    marks = labels(finding)
    margin = max((len(str(mark.span.start.line)) for mark in marks), default=1)
    pad = " " * margin
    for path in dict.fromkeys(mark.span.path for mark in marks):
        here = sorted((mark for mark in marks if mark.span.path == path), key=_by_place)
        first = next((mark for mark in here if mark.primary), here[0])
        yield f"{pad}{style.margin('-->' if first.primary else ':::')} {_where(first.span)}"
        cells_here = [list(group) for _, group in groupby(here, key=lambda mark: mark.span.cell)]
        for group in cells_here:
            cell = group[0].span.cell
            if len(cells_here) > 1:
                yield f"{pad} {style.margin('|')}"
                yield f"{pad}{style.margin(':::')} cell {cell}"
            text = lines(path, cell)
            yield from _picture(group, text, margin, finding.severity, style) if text else _told(group, pad, style)
        yield f"{pad} {style.margin('|')}"


def _told(marks: Sequence[Label], pad: str, style: Style) -> Iterator[str]:
    """The steps in words, where the text they point into is not there."""
    for mark in marks:
        if mark.text:
            yield f"{pad} {style.margin('|')} line {mark.span.start.line}: {printable(mark.text)}"


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


def _source_line(number: int, text: Sequence[str], margin: int, bar: str, style: Style) -> str:
    shown, _ = _layout(text[number - 1] if number <= len(text) else "", ())
    return f"{style.margin(str(number).rjust(margin))} {bar} {shown}".rstrip()


def _layout(line: str, marks: Sequence[Label]) -> tuple[str, list[int]]:
    """A source line as shown, and the display column of each of its characters (and of its end)."""
    if len(line) < MAX_WIDTH and line.isascii() and line.isprintable():
        return line, list(range(len(line) + 1))
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


def _by_place(mark: Label) -> tuple[int, int, int, bool]:
    return (mark.span.cell or 0, mark.span.start.line, mark.span.start.column, not mark.primary)
