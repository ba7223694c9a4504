"""How often each rule found something."""

from __future__ import annotations

import json
from collections import Counter

from freezelint.finding import Finding
from freezelint.report import Report
from freezelint.report.style import Style
from freezelint.report.summary import plural, summary


def as_text(report: Report, colour: bool = False) -> str:
    """A line for each rule, the most frequent first, then the summary."""
    style = Style(colour)
    rows = []
    for (code, name), findings in _by_rule(report):
        worst = max(finding.severity for finding in findings)
        fixes = sum(finding.fix is not None for finding in findings)
        files = len({finding.path for finding in findings})
        note = f"{plural(files, 'file')}{f', {fixes} with a fix' if fixes else ''}"
        rows.append(f"{len(findings):>6}  {style.severity(code, worst)} {name}  ({note})")
    return "\n".join([*rows, style.bold(summary(report))]) + "\n"


def as_json(report: Report) -> str:
    """The same as a JSON list, which ends with a line break."""
    rows = [
        {
            "code": code,
            "name": name,
            "count": len(findings),
            "files": len({finding.path for finding in findings}),
            "fixes": sum(finding.fix is not None for finding in findings),
        }
        for (code, name), findings in _by_rule(report)
    ]
    return json.dumps(rows, indent=2) + "\n"


def _by_rule(report: Report) -> list[tuple[tuple[str, str], list[Finding]]]:
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    return [
        (rule, [finding for finding in report.findings if (finding.code, finding.name) == rule])
        for rule, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
