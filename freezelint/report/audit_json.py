"""An audit as JSON, schema `freezelint-audit-1`: what other programs read. Keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from freezelint import __version__
from freezelint.audited import AuditReport, ModelFacts, Requirement, Run
from freezelint.report import Report
from freezelint.report.fingerprint import fingerprints
from freezelint.report.json import as_object

SCHEMA = "freezelint-audit-1"


def render(report: AuditReport) -> str:
    """The audit as one JSON document, which ends with a line break. Only ASCII, so that any channel carries it."""
    unmet = [
        {"path": model.path, "requirement": found.name, "answer": found.answer.value} for model, found in report.unmet()
    ]
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "models": [_model(model) for model in report.models],
        "not_read": [{"path": gap.path, "reason": gap.reason} for gap in report.not_read],
        "required": list(report.required),
        "unmet": unmet,
    }
    return json.dumps(document, indent=2) + "\n"


def _model(model: ModelFacts) -> dict[str, Any]:
    return {
        "path": model.path,
        "format": model.format,
        "writer": model.writer,
        "keras": model.keras,
        "tensorflow": model.tensorflow_version,
        "compiled": model.compiled,
        "parameters": model.parameters._asdict(),
        "layers": [layer._asdict() for layer in model.layers],
        "runs": [_run(run) for run in model.runs],
        "frozen_on_gradient_path": None
        if model.frozen_on_path is None
        else [hit._asdict() for hit in model.frozen_on_path],
        "embedded_code": list(model.embedded_code),
        "inconsistencies": list(model.inconsistencies),
        "could_not_tell": [*model.gaps, *model.not_read],
        "answers": {found.name: _answer(found) for found in model.requirements},
        "findings": [as_object(finding, mark) for finding, mark in zip(model.findings, _marks(model), strict=True)],
    }


def _marks(model: ModelFacts) -> Iterator[str]:
    """The fingerprints of the findings, as `freezelint check` gives them; a model has no lines of text."""
    return fingerprints(Report(model.findings), lambda path, cell=None: ())


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "served": run.served,
        "evidence": run.evidence,
        "batchnorm_in_training": list(run.training),
        "batchnorm_in_inference": list(run.inference),
        "random": [{"where": place, "purpose": purpose} for place, purpose in run.random],
        "writes": list(run.writes),
        "could_not_tell": list(run.unknown),
        "inputs": dict(run.inputs),
        "outputs": dict(run.outputs),
    }


def _answer(found: Requirement) -> dict[str, str]:
    return {"answer": found.answer.value, "why": found.why}
