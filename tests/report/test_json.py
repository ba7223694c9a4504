"""The document that other programs read, key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from freezelint import __version__
from freezelint.report import Lines, Report
from freezelint.report import json as json_report
from tests.report.diagnostics import IN_MODEL, IN_NOTEBOOK, REPORT, STORY, TYPO, lines


def document(report: Report, source: Lines = lines) -> Any:
    return json.loads(json_report.render(report, source))


def test_the_document_says_what_the_run_did() -> None:
    whole = document(REPORT)
    assert list(whole) == ["schema", "version", "findings", "not_read", "summary"]
    assert (whole["schema"], whole["version"]) == ("freezelint-json-1", __version__)
    assert whole["not_read"] == [{"path": "broken.keras", "reason": "not a zip archive"}]
    assert whole["summary"] == {
        "files": 12,
        "models": 2,
        "errors": 2,
        "warnings": 3,
        "infos": 1,
        "suppressed": 1,
        "baselined": 0,
        "fixed": 0,
    }


def test_the_document_keeps_to_its_schema() -> None:
    schema = json.loads((Path(__file__).parents[2] / "freezelint-json-1.schema.json").read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(document(REPORT), schema)
    finding = schema["definitions"]["finding"]
    written = set(document(REPORT)["findings"][0]) - set(schema["definitions"]["place"]["required"])
    assert written == set(finding["required"]) == set(finding["properties"])


def test_a_finding_in_source_has_places_and_a_story() -> None:
    (finding,) = document(Report((STORY,)))["findings"]
    assert list(finding) == [
        *("code", "name", "severity", "confidence", "message", "path", "cell", "start", "end", "layer", "signature"),
        *("keras", "related", "fix", "fingerprint", "url"),
    ]
    assert (finding["severity"], finding["confidence"], finding["keras"]) == ("error", "certain", ["2", "3"])
    assert (finding["start"], finding["end"]) == ({"line": 9, "column": 1}, {"line": 9, "column": 22})
    assert finding["related"][0] == {
        "path": "train.py",
        "cell": None,
        "start": {"line": 3, "column": 1},
        "end": {"line": 3, "column": 23},
        "message": "frozen here",
    }
    assert finding["fix"] is None


def test_a_fix_carries_its_edits() -> None:
    (finding,) = document(Report((TYPO,)))["findings"]
    assert finding["fix"] == {
        "applicability": "safe",
        "title": "Write `trainable`",
        "edits": [
            {
                "path": "train.py",
                "cell": None,
                "start": {"line": 12, "column": 8},
                "end": {"line": 12, "column": 16},
                "text": "trainable",
            }
        ],
    }


def test_a_finding_in_a_notebook_has_its_cell_and_one_in_a_model_its_layer() -> None:
    notebook, model = document(Report((IN_NOTEBOOK, IN_MODEL)))["findings"]
    assert (notebook["cell"], notebook["start"]["line"]) == (3, 2)
    assert (model["start"], model["end"], model["cell"]) == (None, None, None)
    assert (model["layer"], model["signature"]) == ("mobilenetv2/Conv1_bn", "serving_default")


def test_names_that_are_no_unicode_still_make_a_document() -> None:
    assert document(Report((IN_MODEL._replace(path="a\udc80.keras"),)))["findings"][0]["path"] == "a\udc80.keras"
