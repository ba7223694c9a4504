"""Workflow commands of GitHub Actions, which become annotations on the changed files of a pull request.

The worst come first: GitHub shows ten errors and ten warnings of a step.
"""

from __future__ import annotations

from freezelint.finding import Finding, Severity
from freezelint.report import Report, Source
from freezelint.report.style import printable
from freezelint.report.summary import summary

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, source: Source) -> str:
    """`::error file=…,line=…,title=…::message` for each finding, the most severe first, then a summary."""
    ordered = sorted(report.findings, key=lambda finding: -finding.severity.rank)
    return "\n".join([*(_command(finding, source) for finding in ordered), summary(report)]) + "\n"


def _command(finding: Finding, source: Source) -> str:
    properties = {"file": finding.path, **_place(finding, source), "title": f"{finding.code} {finding.name}"}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    where = [part for part in (finding.layer, finding.signature) if part and part not in finding.message]
    message = f"{finding.message} ({', '.join(where)})" if where else finding.message
    return f"::{_COMMANDS[finding.severity]} {said}::{_data(message)}"


def _place(finding: Finding, source: Source) -> dict[str, str]:
    """Line and column; no columns where a place has several lines, which GitHub does not take."""
    span = finding.span
    if span is None:
        return {}
    first, last = (source.file_line(span.path, span.cell, place.line) for place in (span.start, span.end))
    place = {"line": str(first), "endLine": str(max(first, last))}
    if span.cell is None and first == last:
        place |= {"col": str(span.start.column), "endColumn": str(max(span.start.column, span.end.column))}
    return place


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
