"""JSON, schema `freezelint-json-1`: what other programs read. Keys are only ever added within a schema."""

from __future__ import annotations

import json
from typing import Any

from freezelint import __version__, catalogue
from freezelint.finding import Edit, Finding, Fix, Position, Related, Severity, Span
from freezelint.report import Lines, Report
from freezelint.report.fingerprint import fingerprints

SCHEMA = "freezelint-json-1"


def render(report: Report, lines: Lines) -> str:
    """The report as one JSON document, which ends with a line break. Only ASCII, so that any channel carries it."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "findings": [
            as_object(finding, fingerprint)
            for finding, fingerprint in zip(report.findings, fingerprints(report, lines), strict=True)
        ],
        "not_read": [{"path": item.path, "reason": item.reason} for item in report.not_read],
        "summary": {
            "files": report.files,
            "models": report.models,
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "infos": report.count(Severity.INFO),
            "suppressed": report.suppressed,
            "baselined": report.baselined,
            "fixed": report.fixed,
        },
    }
    return json.dumps(document, indent=2) + "\n"


def as_object(finding: Finding, fingerprint: str) -> dict[str, Any]:
    """One finding as it stands in the document."""
    rule = catalogue.find(finding.code)
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "path": finding.path,
        **_place(finding.span),
        "layer": finding.layer,
        "signature": finding.signature,
        "keras": list(finding.keras),
        "related": [_related(step) for step in finding.related],
        "fix": _fix(finding.fix) if finding.fix else None,
        "fingerprint": fingerprint,
        "url": rule.url if rule else None,
    }


def _related(step: Related) -> dict[str, Any]:
    return {"path": step.span.path, **_place(step.span), "message": step.message}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability.value,
        "title": fix.title,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {"path": edit.span.path, **_place(edit.span), "text": edit.text}


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"cell": None, "start": None, "end": None}
    return {"cell": span.cell, "start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
