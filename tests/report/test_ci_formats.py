"""What CI servers read: annotations of GitHub, Code Quality of GitLab, JUnit."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from freezelint.report import Report, github, gitlab, junit
from tests.report.diagnostics import IN_MODEL, IN_NOTEBOOK, INFO, REPORT, SOURCE, STORY, TYPO, UNREAD, span


def annotations(*findings: object) -> list[str]:
    return github.render(Report(tuple(findings)), SOURCE).splitlines()[:-1]  # type: ignore[arg-type]


def test_annotations_come_worst_first() -> None:
    levels = [line.split(" ")[0] for line in github.render(REPORT, SOURCE).splitlines()[:-1]]
    assert levels == ["::error"] * 2 + ["::warning"] * 3 + ["::notice"]


def test_an_annotation_has_a_place_a_title_and_a_message() -> None:
    assert annotations(STORY) == [
        "::error file=train.py,line=9,endLine=9,col=1,endColumn=22,title=FZ101 unfrozen-batchnorm::"
        "Thawing `base` thaws its BatchNormalization layers too."
    ]


def test_a_place_on_several_lines_has_no_columns_which_github_would_not_take() -> None:
    (line,) = annotations(STORY._replace(span=span("train.py", 9, 1, 2, last=10)))
    assert "line=9,endLine=10,title" in line


def test_a_notebook_is_annotated_on_the_line_of_its_file() -> None:
    (line,) = annotations(IN_NOTEBOOK)
    assert "file=a.ipynb,line=302,endLine=302,title" in line


def test_a_model_is_annotated_as_a_file_and_names_its_layer() -> None:
    (line,) = annotations(IN_MODEL)
    assert line.startswith("::warning file=models/cat.keras,title=")
    assert line.endswith("(mobilenetv2/Conv1_bn, serving_default)")


def test_a_name_cannot_write_a_command_of_its_own() -> None:
    finding = IN_MODEL._replace(path="a,title=x\n::error::y.keras", message="100%\n::stop-commands::z")
    (line,) = annotations(finding)
    assert "file=a%2Ctitle=x\\n%3A%3Aerror%3A%3Ay.keras," in line
    assert "::100%25\\n::stop-commands::z" in line


def test_code_quality_is_a_list_with_unique_fingerprints() -> None:
    issues = json.loads(gitlab.render(Report((STORY, TYPO, TYPO, IN_MODEL, IN_NOTEBOOK, INFO)), SOURCE))
    assert issues[0]["location"] == {"path": "train.py", "lines": {"begin": 9, "end": 9}}
    assert issues[0]["check_name"] == "unfrozen-batchnorm"
    assert [issue["severity"] for issue in issues] == ["major", "major", "major", "minor", "minor", "info"]
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert issues[3]["location"]["lines"]["begin"] == 1
    assert issues[4]["location"]["lines"]["begin"] == 302


def cases(report: Report) -> dict[str, ElementTree.Element]:
    suites = ElementTree.fromstring(junit.render(report, SOURCE))
    assert suites.find("testsuite") is not None
    return {case.get("name", ""): case for case in suites.iter("testcase")}


def test_junit_has_a_test_for_each_file_and_fails_those_with_findings() -> None:
    ran = {"train.py": frozenset({"x"}), "clean.py": frozenset({"x"})}
    report = Report((STORY, TYPO, INFO, UNREAD), ran=ran)
    found = cases(report)
    assert sorted(found) == ["broken.keras", "clean.py", "train.py", "wide.py"]
    failure = found["train.py"].find("failure")
    assert failure is not None
    assert failure.get("message") == "FZ101 unfrozen-batchnorm, FZ207 trainable-typo"
    assert "train.py:9:1: FZ101 [unfrozen-batchnorm]" in (failure.text or "")
    assert list(found["clean.py"]) == []
    assert found["broken.keras"].find("error") is not None
    assert found["wide.py"].find("failure") is None
    suites = ElementTree.fromstring(junit.render(report, SOURCE))
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("4", "1", "1")


def test_junit_is_xml_whatever_the_names_are() -> None:
    finding = IN_MODEL._replace(layer="a\x00]]><b>&\ud800", message="\x1b[31m")
    (case,) = cases(Report((finding,))).values()
    assert "\\x1b[31m" in (case[0].text or "")
