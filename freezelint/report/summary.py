"""The last line of a report for people."""

from __future__ import annotations

from collections import Counter

from freezelint.finding import Applicability, Severity
from freezelint.report import Report

NOTHING = "Nothing to check: no Python files, notebooks or saved models were found"


def summary(report: Report) -> str:
    """One line: how much was found, in how much, for which Keras, and what was left out."""
    if not report.files and not report.models:
        return f"Nothing was checked{_left_out(report)}" if report.not_read else NOTHING
    keras = f"; Keras: {report.keras}" if report.keras else ""
    fixed = f"{plural(report.fixed, 'finding')} fixed; " if report.fixed else ""
    return f"{fixed}{_found(report)} in {_read(report)}{keras}{_left_out(report)}{_fixable(report)}"


def _found(report: Report) -> str:
    counts = [
        plural(report.count(severity), word)
        for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "info"))
        if report.count(severity)
    ]
    return ", ".join(counts) or "No findings"


def _fixable(report: Report) -> str:
    """How many of the findings `--fix` would mend."""
    fixes = Counter(finding.fix.applicability for finding in report.findings if finding.fix is not None)
    parts = [
        f"{fixes[kind]} can be fixed with {option}"
        for kind, option in ((Applicability.SAFE, "--fix"), (Applicability.UNSAFE, "--fix --unsafe-fixes"))
        if fixes[kind]
    ]
    return f"; {', '.join(parts)}" if parts else ""


def _read(report: Report) -> str:
    parts = [plural(report.files, "file")] if report.files else []
    parts += [plural(report.models, "model")] if report.models else []
    return " and ".join(parts)


def _left_out(report: Report) -> str:
    parts = []
    if report.not_read:
        parts.append(f"{plural(len(report.not_read), 'input')} not or only partly read")
    if report.suppressed:
        parts.append(f"{report.suppressed} suppressed by comments")
    if report.baselined:
        parts.append(f"{report.baselined} known from the baseline")
    if report.unchanged:
        parts.append(f"{report.unchanged} not touched by the changes")
    if report.hidden:
        parts.append(f"{report.hidden} less sure not shown (--pedantic shows them)")
    return f"; {', '.join(parts)}" if parts else ""


def plural(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
