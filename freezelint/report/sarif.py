"""SARIF 2.1.0, the exchange format of static analysis, within what GitHub's code scanning takes.

Paths are relative to the working directory, which should be the root of the repository. A finding in a notebook is at
the line of its JSON, with the cell as logical location; one in a model is at line 1, with the layer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from freezelint import __version__, catalogue
from freezelint.finding import Confidence, Edit, Finding, Fix, NotRead, Severity, Span
from freezelint.report import Report, Source
from freezelint.report.fingerprint import fingerprints
from freezelint.report.rules import as_page

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 25_000
"""GitHub rejects a run with more; the least severe are left out, and a notification says so."""

_HOME = "https://freezelint.readthedocs.io/"
_ROOT = "SRCROOT"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SEVERITIES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_PRECISION = {Confidence.CERTAIN: "very-high", Confidence.LIKELY: "high", Confidence.POSSIBLE: "low"}


def render(report: Report, source: Source) -> str:
    """The report as one SARIF document, which ends with a line break; only ASCII."""
    return json.dumps(document(report, source), indent=2) + "\n"


def document(report: Report, source: Source) -> dict[str, Any]:
    """The report as a SARIF log with one run."""
    pairs = list(zip(report.findings, fingerprints(report, source.lines), strict=True))
    told = pairs
    if len(pairs) > MAX_RESULTS:
        worst = sorted(range(len(pairs)), key=lambda index: -pairs[index][0].severity.rank)[:MAX_RESULTS]
        told = [pairs[index] for index in sorted(worst)]
    writer = _Writer(source, _used_rules([finding for finding, _ in told]))
    results = [writer.result(finding, fingerprint) for finding, fingerprint in told]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "freezelint",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "informationUri": _HOME,
                        "rules": [_rule(rule) for rule in writer.rules.values()],
                    }
                },
                "automationDetails": {"id": "freezelint/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _ROOT: {"description": {"text": "The folder that freezelint was run in: the root of the sources."}}
                },
                "invocations": [
                    {
                        "executionSuccessful": not report.failed,
                        "toolExecutionNotifications": [
                            *map(writer.notification, report.not_read),
                            *_left_out(len(pairs) - len(told)),
                        ],
                    }
                ],
                "artifacts": writer.artifacts,
                "results": results,
            }
        ],
    }


def uri(path: str) -> str:
    """A path as a report names it as a URI reference; absolute ones with the scheme `file`.

    >>> uri("a folder/ä.py")
    'a%20folder/%C3%A4.py'
    """
    encoded = quote(path.encode("utf-8", "replace"), safe="/~!$&'()*+,;=@")
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        return f"file:///{encoded.lstrip('/')}"
    return encoded


def _used_rules(findings: Sequence[Finding]) -> dict[str, catalogue.Rule]:
    found = {rule.code: rule for finding in findings if (rule := catalogue.find(finding.code)) is not None}
    return dict(sorted(found.items()))


def _rule(rule: catalogue.Rule) -> dict[str, Any]:
    worst = max(rule.severities.values(), default=Severity.WARNING)
    page = as_page(rule)
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _sentence(rule.summary)},
        "fullDescription": {"text": _plain(rule.section("What it does")) or _sentence(rule.summary)},
        "help": {"text": _plain(page), "markdown": page},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": _LEVELS[worst]},
        "properties": {"tags": ["keras", rule.name], "precision": "high", "problem.severity": _SEVERITIES[worst]},
    }


def _left_out(count: int) -> Iterator[dict[str, Any]]:
    if count:
        text = f"{count} findings, the least severe, were left out: a run holds at most {MAX_RESULTS} results."
        yield {"level": "warning", "message": {"text": text}}


@dataclass
class _Writer:
    """Makes the objects of one run, and collects the files that they point into."""

    source: Source
    rules: dict[str, catalogue.Rule]

    def __post_init__(self) -> None:
        self.artifacts: list[dict[str, Any]] = []
        self._indices: dict[str, int] = {}
        self._rule_indices = {code: index for index, code in enumerate(self.rules)}

    def result(self, finding: Finding, fingerprint: str) -> dict[str, Any]:
        """One finding."""
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "ruleIndex": self._rule_indices.get(finding.code, -1),
            "level": _LEVELS[finding.severity],
            "message": {"text": _sentence(finding.message)},
            "locations": [self._with_snippet(self._location(finding.path, finding.span, finding), finding.span)],
            "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1", "freezelint/v1": fingerprint},
            "properties": {
                "confidence": finding.confidence.value,
                "precision": _PRECISION[finding.confidence],
                "keras": list(finding.keras),
            },
        }
        if finding.related:
            result["relatedLocations"] = [
                {"id": number, **self._location(step.span.path, step.span), "message": {"text": step.message}}
                for number, step in enumerate(finding.related, 1)
            ]
            result["codeFlows"] = [{"threadFlows": [{"locations": list(self._story(finding))}]}]
        if finding.fix is not None and not any(edit.span.cell for edit in finding.fix.edits):
            result["fixes"] = [self._fix(finding.fix)]
        return result

    def notification(self, item: NotRead) -> dict[str, Any]:
        """One input, or part of one, that was not checked."""
        return {
            "level": "error" if item.wholly else "warning",
            "message": {"text": _sentence(f"not checked: {item.reason}")},
            "locations": [{"physicalLocation": {"artifactLocation": self._artifact(item.path)}}],
        }

    def _story(self, finding: Finding) -> Iterator[dict[str, Any]]:
        """The steps in the order of the story; the place of the finding itself where it comes in the text."""
        steps = [(step.span, step.message) for step in finding.related]
        own = finding.span
        if own is not None and all(span != own for span, _ in steps):
            later = (index for index, (span, _) in enumerate(steps) if span.order > own.order)
            steps.insert(next(later, len(steps)), (own, finding.name))
        for span, message in steps:
            yield {"location": {**self._location(span.path, span), "message": {"text": message}}}

    def _fix(self, fix: Fix) -> dict[str, Any]:
        changes: dict[str, list[Edit]] = {}
        for edit in fix.edits:
            changes.setdefault(edit.span.path, []).append(edit)
        return {
            "description": {"text": f"{fix.title} ({fix.applicability.value})"},
            "artifactChanges": [
                {
                    "artifactLocation": self._artifact(path),
                    "replacements": [
                        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in edits
                    ],
                }
                for path, edits in changes.items()
            ],
        }

    def _location(self, path: str, span: Span | None, finding: Finding | None = None) -> dict[str, Any]:
        physical: dict[str, Any] = {"artifactLocation": self._artifact(path), "region": self._region(span)}
        location: dict[str, Any] = {"physicalLocation": physical}
        logical = list(_logical(span, finding))
        if logical:
            location["logicalLocations"] = logical
        return location

    def _with_snippet(self, location: dict[str, Any], span: Span | None) -> dict[str, Any]:
        if span is not None and span.cell is None:
            text = self.source.lines(span.path)[span.start.line - 1 : span.end.line]
            if text:
                location["physicalLocation"]["contextRegion"] = {
                    "startLine": span.start.line,
                    "endLine": span.end.line,
                    "snippet": {"text": "\n".join(text)},
                }
        return location

    def _region(self, span: Span | None) -> dict[str, Any]:
        if span is None:
            return {"startLine": 1}
        if span.cell is None:
            return _region(span)
        first, last = (self.source.file_line(span.path, span.cell, place.line) for place in (span.start, span.end))
        return {"startLine": first, "endLine": max(first, last)}

    def _artifact(self, path: str) -> dict[str, Any]:
        address = uri(path)
        location = {"uri": address} if address.startswith("file:") else {"uri": address, "uriBaseId": _ROOT}
        if path not in self._indices:
            self._indices[path] = len(self.artifacts)
            self.artifacts.append({"location": location, "roles": ["analysisTarget"]})
        return {**location, "index": self._indices[path]}


def _logical(span: Span | None, finding: Finding | None) -> Iterator[dict[str, Any]]:
    if span is not None and span.cell is not None:
        yield {"name": f"cell {span.cell}", "fullyQualifiedName": f"cell {span.cell}, line {span.start.line}"}
    if finding is not None and finding.layer:
        yield {"name": finding.layer.rpartition("/")[2] or finding.layer, "fullyQualifiedName": finding.layer}
    if finding is not None and finding.signature:
        yield {"name": finding.signature, "fullyQualifiedName": f"signature {finding.signature}", "kind": "function"}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _sentence(text: str) -> str:
    """Text that ends like a sentence, as SARIF wants its messages."""
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _plain(markdown: str) -> str:
    """Markdown as text for tools that show no Markdown: links become their words, marks go."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"(?m)^#+ +", "", text).strip()
