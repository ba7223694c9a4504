"""JUnit XML, which every CI server shows: a test for each file, which fails with its findings."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from freezelint.finding import Finding, Severity
from freezelint.report import Report, Source
from freezelint.report.concise import place
from freezelint.report.style import printable


def render(report: Report, source: Source) -> str:
    """One `testsuite`; an info is told under the test of its file and does not make it fail."""
    by_file: dict[str, list[Finding]] = {path: [] for path in report.ran}
    for finding in report.findings:
        by_file.setdefault(finding.path, []).append(finding)
    suites = Element("testsuites", name="freezelint")
    suite = SubElement(suites, "testsuite", name="freezelint")
    failures = errors = 0
    for path, findings in sorted(by_file.items()):
        case = SubElement(suite, "testcase", classname="freezelint", name=printable(path), file=printable(path))
        failing = [finding for finding in findings if finding.severity is not Severity.INFO]
        told = [finding for finding in findings if finding.severity is Severity.INFO]
        unread = [finding for finding in failing if finding.code == "FZ001"]
        if failing:
            kind = "error" if len(unread) == len(failing) else "failure"
            errors, failures = errors + (kind == "error"), failures + (kind == "failure")
            codes = ", ".join(dict.fromkeys(f"{finding.code} {finding.name}" for finding in failing))
            SubElement(case, kind, message=codes, type=failing[0].code).text = "\n".join(map(_line, failing))
        if told:
            SubElement(case, "system-out").text = "\n".join(map(_line, told))
    for element in (suites, suite):
        element.set("tests", str(len(by_file)))
        element.set("failures", str(failures))
        element.set("errors", str(errors))
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=False).join((
        '<?xml version="1.0" encoding="utf-8"?>\n',
        "\n",
    ))


def _line(finding: Finding) -> str:
    where = [part for part in (finding.layer, finding.signature) if part and part not in finding.message]
    suffix = f" ({printable(', '.join(where))})" if where else ""
    return f"{place(finding)}: {finding.code} [{finding.name}] {printable(finding.message)}{suffix}"
