"""What makes a finding the same one after its file was edited elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

from freezelint.finding import Finding, Span
from freezelint.report import Lines, Report

_DEFINITION = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)")
_BRACKETS = re.compile(r"\s*([()\[\]{},])\s*")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """A finding without its line: rule, file, the definition around it, its code, its place in a model.

    `code` is the text of the span with all white space that means nothing taken out.
    """

    path: str
    rule: str
    definition: str = ""
    code: str = ""
    layer: str = ""
    signature: str = ""


def identity(finding: Finding, lines: Lines) -> Identity:
    """The identity of a finding; two equal mistakes in one definition have the same."""
    span = finding.span
    text = lines(span.path, span.cell) if span is not None else ()
    return Identity(
        finding.path,
        finding.name,
        _definition(span, text) if span is not None else "",
        _code(span, text) if span is not None else "",
        finding.layer or "",
        finding.signature or "",
    )


def fingerprints(report: Report, lines: Lines) -> Iterator[str]:
    """For each finding a hash of its identity; equal ones are numbered in reading order."""
    seen: Counter[Identity] = Counter()
    for finding in report.findings:
        same = identity(finding, lines)
        parts = [*astuple(same), *([str(seen[same])] if seen[same] else [])]
        seen[same] += 1
        yield hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _definition(span: Span, text: Sequence[str]) -> str:
    """The functions and classes around a line, told by indentation, outermost first: `Trainer.fit`."""
    names: list[str] = []
    margin = None
    for line in reversed(text[: span.start.line]):
        indentation = len(line) - len(line.lstrip())
        if not line.strip() or (margin is not None and indentation >= margin):
            continue
        found = _DEFINITION.match(line)
        if found is not None and margin is not None:
            names.append(found.group(1))
        margin = indentation
        if margin == 0:
            break
    return ".".join(reversed(names))


def _code(span: Span, text: Sequence[str]) -> str:
    """The code of a span on one line; how it is wrapped and spaced around brackets and commas does not count."""
    lines = list(text[span.start.line - 1 : span.end.line])
    if not lines:
        return ""
    if span.end.line - span.start.line + 1 == len(lines):
        lines[-1] = lines[-1][: span.end.column - 1]
    lines[0] = lines[0][span.start.column - 1 :]
    joined = _BRACKETS.sub(r"\1", " ".join(" ".join(lines).split()))
    return re.sub(r",([)\]}])", r"\1", joined)[:200]
