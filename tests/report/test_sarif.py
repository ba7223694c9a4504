"""SARIF as code scanning reads it. `tools/validate_sarif.py` runs the official validator over it."""

from __future__ import annotations

from typing import Any

import pytest

from freezelint.finding import Confidence, Related
from freezelint.report import Report, sarif
from tests.report.diagnostics import IN_MODEL, IN_NOTEBOOK, REPORT, SOURCE, STORY, TYPO, span


def run(report: Report = REPORT) -> Any:
    document = sarif.document(report, SOURCE)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    return document["runs"][0]


def result(finding: Any) -> Any:
    return run(Report((finding,)))["results"][0]


def test_every_finding_is_a_result_with_its_rule() -> None:
    whole = run()
    assert [item["ruleId"] for item in whole["results"]] == [finding.code for finding in REPORT.findings]
    for item in whole["results"]:
        assert whole["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] == item["ruleId"]
    assert [item["level"] for item in whole["results"]] == ["warning", "warning", "warning", "error", "error", "note"]


def test_a_rule_brings_its_page() -> None:
    (rule,) = run(Report((STORY,)))["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("FZ101", "UnfrozenBatchnorm")
    assert rule["help"]["markdown"].startswith("# unfrozen-batchnorm")
    assert rule["helpUri"].endswith("/unfrozen-batchnorm/")
    assert len(rule["shortDescription"]["text"]) <= 1024
    assert rule["properties"]["problem.severity"] == "error"


def test_a_place_is_relative_and_in_characters() -> None:
    location = result(STORY)["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "train.py", "uriBaseId": "SRCROOT", "index": 0}
    assert location["region"] == {"startLine": 9, "startColumn": 1, "endLine": 9, "endColumn": 22}
    assert location["contextRegion"]["snippet"]["text"] == "base.trainable = True"
    assert run()["columnKind"] == "unicodeCodePoints"


def test_the_story_is_a_code_flow_in_order() -> None:
    (flow,) = result(STORY)["codeFlows"]
    steps = [item["location"] for item in flow["threadFlows"][0]["locations"]]
    assert [step["message"]["text"] for step in steps] == [
        "frozen here",
        "compiled here",
        "unfrozen-batchnorm",
        "trained here",
    ]
    assert [step["physicalLocation"]["region"]["startLine"] for step in steps] == [3, 5, 9, 10]
    related = result(STORY)["relatedLocations"]
    assert (related[0]["id"], related[0]["message"]["text"]) == (1, "frozen here")


def test_a_fix_is_a_replacement() -> None:
    (fix,) = result(TYPO)["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "train.py"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 12, "startColumn": 8, "endLine": 12, "endColumn": 16},
            "insertedContent": {"text": "trainable"},
        }
    ]


def test_a_notebook_has_the_line_of_its_file_and_names_the_cell() -> None:
    location = result(IN_NOTEBOOK)["locations"][0]
    assert location["physicalLocation"]["region"] == {"startLine": 302, "endLine": 302}
    assert location["logicalLocations"] == [{"name": "cell 3", "fullyQualifiedName": "cell 3, line 2"}]


def test_a_model_names_its_layer_and_signature() -> None:
    location = result(IN_MODEL)["locations"][0]
    assert location["physicalLocation"]["region"] == {"startLine": 1}
    assert [item["name"] for item in location["logicalLocations"]] == ["Conv1_bn", "serving_default"]


def test_fingerprints_stay_and_tell_equal_findings_apart() -> None:
    moved = TYPO._replace(span=span("train.py", 11, 1, 3), related=(Related(span("train.py", 1, 1, 2), "x"),))
    one, two, other = (item["partialFingerprints"] for item in run(Report((TYPO, TYPO, moved)))["results"])
    assert one != two != other
    assert one["primaryLocationLineHash"] == f"{one['freezelint/v1']}:1"


def test_what_was_not_read_is_a_notification() -> None:
    (invocation,) = run()["invocations"]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "not checked: not a zip archive."
    assert run(REPORT._replace(failed=True))["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("a b/ä.py", "a%20b/%C3%A4.py"),
        ("100%.py", "100%25.py"),
        ("c:d.py", "c%3Ad.py"),
        ("/abs/a.py", "file:///abs/a.py"),
        ("../a.py", "../a.py"),
        ("a#b?.py", "a%23b%3F.py"),
        ("a\nb.py", "a%0Ab.py"),
    ],
)
def test_a_path_is_a_uri(path: str, address: str) -> None:
    assert sarif.uri(path) == address


def test_no_run_holds_more_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    whole = run(Report((IN_MODEL, STORY, IN_NOTEBOOK, TYPO)))
    assert [item["ruleId"] for item in whole["results"]] == ["FZ101", "FZ207"]
    (notification,) = whole["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("2 findings, the least severe, were left out")


def test_the_limits_of_github_hold() -> None:
    steps = tuple(Related(span("train.py", 1, 1, 2), "x") for _ in range(50))
    whole = run(Report((STORY._replace(related=steps, confidence=Confidence.LIKELY),)))
    (item,) = whole["results"]
    assert len(item["locations"]) == 1
    assert len(item["codeFlows"][0]["threadFlows"][0]["locations"]) < 1_000
    assert all(len(rule["properties"]["tags"]) <= 10 for rule in whole["tool"]["driver"]["rules"])
