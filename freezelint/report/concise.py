"""One line for one finding, in the form that editors and `grep` understand."""

from __future__ import annotations

from freezelint.finding import Finding
from freezelint.report import Lines, Report
from freezelint.report.style import Style, printable
from freezelint.report.summary import summary


def render(report: Report, lines: Lines, colour: bool = False) -> str:
    """`path:line:column: FZ101 [name] message` for each finding, then a summary; the source is not looked at."""
    style = Style(colour)
    body = [f"{place(finding)}: {_what(finding, style)}" for finding in report.findings]
    return "\n".join([*body, summary(report)]) + "\n"


def place(finding: Finding) -> str:
    """Where a finding is, as one word: `train.py:3:1`, `a.ipynb:cell 2:3:1`, `model.keras`."""
    path = printable(finding.path)
    if finding.span is None:
        return path
    cell = f"cell {finding.span.cell}:" if finding.span.cell is not None else ""
    return f"{path}:{cell}{finding.span.start.line}:{finding.span.start.column}"


def _what(finding: Finding, style: Style) -> str:
    code = style.severity(finding.code, finding.severity)
    where = [
        f"{word} {printable(value)}"
        for word, value in (("layer", finding.layer), ("signature", finding.signature))
        if value and value not in finding.message
    ]
    suffix = f" ({', '.join(where)})" if where else ""
    return f"{code} [{finding.name}] {printable(finding.message)}{suffix}"
