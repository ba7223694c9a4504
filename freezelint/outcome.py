"""What checking one input came to, as plain data, and the same as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from freezelint.finding import (
    Applicability,
    Confidence,
    Edit,
    Finding,
    Fix,
    NotRead,
    Position,
    Related,
    Severity,
    Span,
)
from freezelint.keras.version import KerasVersion


class Outcome(NamedTuple):
    """What checking one file, notebook or model came to, before comments and baselines are looked at.

    `findings` are those to be told, `hidden` those that are not sure enough, `not_read` what was not checked.
    `versions` are the Keras that it was checked for, empty if nothing depended on that. `could_fire` are the rules
    that could have found something, None where no comment asks. `checked` says that it counts as read. `seen` are all
    findings in source, also those that others silence.
    """

    findings: tuple[Finding, ...] = ()
    hidden: tuple[Finding, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    versions: tuple[KerasVersion, ...] = ()
    checked: bool = True
    could_fire: frozenset[str] | None = None
    seen: tuple[Finding, ...] = ()


class Inspected(NamedTuple):
    """An outcome, and what it depends on: the digest of the content, and the other files that were looked at.

    `digest` is empty where there is none, `looked_at` says of each file what it holds (`freezelint.source.roots`).
    An outcome that need not come again with the same content, such as a time-out, is not `lasting`.
    """

    outcome: Outcome
    digest: str = ""
    looked_at: Mapping[str, str] = {}
    lasting: bool = True


def to_json(outcome: Outcome) -> list[Any]:
    """An outcome as what JSON can hold."""
    return [
        [_plain_finding(item) for item in outcome.findings],
        [_plain_finding(item) for item in outcome.hidden],
        [[item.path, item.reason, item.wholly, item.cell, item.line] for item in outcome.not_read],
        [[version.major, version.minor] for version in outcome.versions],
        outcome.checked,
        None if outcome.could_fire is None else sorted(outcome.could_fire),
        [_plain_finding(item) for item in outcome.seen],
    ]


def from_json(data: Any) -> Outcome:
    """The outcome that `to_json` made this of. Raises `ValueError` for anything else."""
    try:
        findings, hidden, not_read, versions, checked, could_fire, seen = data
        return Outcome(
            findings=tuple(map(_finding, findings)),
            hidden=tuple(map(_finding, hidden)),
            not_read=tuple(map(_not_read, not_read)),
            versions=tuple(KerasVersion(_whole(major), _maybe_whole(minor)) for major, minor in versions),
            checked=_of(bool, checked),
            could_fire=None if could_fire is None else frozenset(map(_text, could_fire)),
            seen=tuple(map(_finding, seen)),
        )
    except (TypeError, LookupError) as error:
        raise ValueError(f"not an outcome: {error}") from error


def _plain_finding(finding: Finding) -> list[Any]:
    return [
        finding.code,
        finding.name,
        finding.severity.value,
        finding.confidence.value,
        finding.message,
        finding.path,
        _plain_span(finding.span),
        finding.layer,
        finding.signature,
        list(finding.keras),
        [[_plain_span(step.span), step.message] for step in finding.related],
        None if finding.fix is None else _plain_fix(finding.fix),
    ]


def _plain_span(span: Span | None) -> list[Any] | None:
    if span is None:
        return None
    return [span.path, span.start.line, span.start.column, span.end.line, span.end.column, span.cell]


def _plain_fix(fix: Fix) -> list[Any]:
    return [fix.applicability.value, fix.title, [[_plain_span(edit.span), edit.text] for edit in fix.edits]]


def _finding(data: Any) -> Finding:
    try:
        code, name, severity, confidence, message, path, span, layer, signature, keras, related, fix = data
        return Finding(
            code=_text(code),
            name=_text(name),
            severity=_SEVERITIES[severity],
            confidence=_CONFIDENCES[confidence],
            message=_text(message),
            path=_text(path),
            span=None if span is None else _span(span),
            layer=_maybe_text(layer),
            signature=_maybe_text(signature),
            keras=tuple(map(_text, keras)),
            related=tuple(Related(_span(place), _text(words)) for place, words in related),
            fix=None if fix is None else _fix(fix),
        )
    except (TypeError, LookupError) as error:
        raise ValueError(f"not a finding: {error}") from error


_SEVERITIES = {item.value: item for item in Severity}
_CONFIDENCES = {item.value: item for item in Confidence}


def _fix(data: Any) -> Fix:
    applicability, title, edits = data
    return Fix(
        Applicability(applicability), _text(title), tuple(Edit(_span(place), _text(text)) for place, text in edits)
    )


def _span(data: Any) -> Span:
    path, line, column, last_line, last_column, cell = data
    start, end = Position(_whole(line), _whole(column)), Position(_whole(last_line), _whole(last_column))
    return Span(_text(path), start, end, _maybe_whole(cell))


def _not_read(data: Any) -> NotRead:
    path, reason, wholly, cell, line = data
    return NotRead(_text(path), _text(reason), _of(bool, wholly), _maybe_whole(cell), _maybe_whole(line))


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value


def _text(value: Any) -> str:
    return str(_of(str, value))


def _maybe_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _whole(value: Any) -> int:
    return int(_of(int, value))


def _maybe_whole(value: Any) -> int | None:
    return None if value is None else _whole(value)
