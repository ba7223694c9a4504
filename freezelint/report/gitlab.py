"""The Code Quality report of GitLab: a JSON list that a merge request compares with that of its target."""

from __future__ import annotations

import json
from typing import Any

from freezelint.finding import Finding, Severity
from freezelint.report import Report, Source
from freezelint.report.fingerprint import fingerprints

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, source: Source) -> str:
    """The findings as a JSON list, which ends with a line break; only ASCII."""
    pairs = zip(report.findings, fingerprints(report, source.lines), strict=True)
    return json.dumps([_issue(finding, fingerprint, source) for finding, fingerprint in pairs], indent=2) + "\n"


def _issue(finding: Finding, fingerprint: str, source: Source) -> dict[str, Any]:
    span = finding.span
    first = source.file_line(span.path, span.cell, span.start.line) if span is not None else 1
    last = source.file_line(span.path, span.cell, span.end.line) if span is not None else 1
    where = [part for part in (finding.layer, finding.signature) if part and part not in finding.message]
    message = f"{finding.message} ({', '.join(where)})" if where else finding.message
    return {
        "description": message,
        "check_name": finding.name,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.path, "lines": {"begin": first, "end": max(first, last)}},
    }
