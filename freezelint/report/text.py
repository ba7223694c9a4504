"""The full report for people: what is wrong, where, how it came about, and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from freezelint.finding import Applicability, Confidence, Finding
from freezelint.report import Lines, Report
from freezelint.report.frame import frame
from freezelint.report.style import Style, printable
from freezelint.report.summary import summary

_WRAP = 100
_FIXES = {Applicability.SAFE: "safe", Applicability.UNSAFE: "changes training"}


def render(report: Report, lines: Lines, colour: bool = False) -> str:
    """Every finding with its code frame, then how to learn more, then the summary on the last line."""
    style = Style(colour)
    parts = ["\n".join(_finding(finding, lines, style)) for finding in report.findings]
    closing = style.bold(summary(report))
    if any(not finding.code.startswith("FZ0") for finding in report.findings):
        closing = f"freezelint explain NAME says why it matters and what to write instead.\n{closing}"
    return "\n\n".join([*parts, closing]) + "\n"


def _finding(finding: Finding, lines: Lines, style: Style) -> Iterator[str]:
    head = style.severity(f"{finding.severity.value}[{finding.code}]", finding.severity)
    yield f"{head} {style.bold(finding.name)}"
    yield textwrap.fill(
        printable(finding.message), _WRAP, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    notes = list(_notes(finding))
    if finding.span is not None:
        margin = max(len(str(span.start.line)) for span in finding.spans)
        picture = list(frame(finding, lines, style))
        yield from picture if notes else picture[:-1]
    else:
        margin = 1
        yield f" {style.margin('-->')} {printable(finding.path)}"
    for note in notes:
        yield f"{' ' * margin} {style.margin('=')} {note}"


def _notes(finding: Finding) -> Iterator[str]:
    if finding.layer:
        yield f"layer: {printable(finding.layer)}"
    if finding.signature:
        yield f"signature: {printable(finding.signature)}"
    if finding.confidence is not Confidence.CERTAIN:
        yield f"confidence: {finding.confidence.value}"
    if finding.fix is not None:
        yield f"fix ({_FIXES[finding.fix.applicability]}): {printable(finding.fix.title)}"
