"""An audit for a notebook: a fragment of HTML without any script, everything that comes from the model escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from freezelint.audited import AuditReport, LayerFacts, ModelFacts
from freezelint.report import audit_words as words
from freezelint.report.style import printable

_CELL = "text-align:left;padding:1px 10px 1px 0;vertical-align:top"
_HEAD = "text-align:left;padding:1px 10px 4px 0;border-bottom:1px solid #888"
_COLOURS = {"error": "#c62828", "warning": "#b26a00", "info": "#00695c"}


def render(report: AuditReport) -> str:
    """The models of an audit, one after the other."""
    body = "".join(_model(model) for model in report.models)
    return f'<div style="font-family:ui-monospace,monospace;font-size:13px">{body}</div>'


def _model(model: ModelFacts) -> str:
    facts = [
        ("what it is", [f"{model.format}, {model.writer or 'writer not known'}"]),
        ("judged for", [f"Keras {model.keras}"]),
        ("parameters", [words.parameters(model.parameters)]),
        *((run.name, list(words.run_lines(run))) for run in model.runs),
        ("gradient path", list(words.path_lines(model.frozen_on_path))),
        ("contradictions", list(model.inconsistencies) or ["none"]),
        ("could not tell", [*model.gaps, *model.not_read] or ["everything could be told"]),
    ]
    rows = (_row([label, "<br>".join(map(_text, lines))], raw={1}) for label, lines in facts)
    return (
        f"<h4>{_text(model.path)}</h4>"
        f"<table>{''.join(rows)}</table>"
        f"{_findings(model)}"
        f"<details><summary>{len(model.layers)} layers</summary>{_tree(model.layers)}</details>"
    )


def _findings(model: ModelFacts) -> str:
    if not model.findings:
        return "<p>No findings.</p>"
    rows = []
    for finding in model.findings:
        colour = _COLOURS[finding.severity.value]
        severity = f'<b style="color:{colour}">{finding.severity.value}</b>'
        place = finding.layer or finding.signature or ""
        rows.append(_row([severity, f"{finding.code} {finding.name}", place, finding.message], raw={0}))
    return f"<table>{_header(('', 'rule', 'where', 'what'))}{''.join(rows)}</table>"


def _tree(layers: Sequence[LayerFacts]) -> str:
    def rows() -> Iterator[str]:
        for item in words.folded(layers):
            indent = "&nbsp;" * 4 * item.depth
            if isinstance(item, words.Folded):
                yield _row([f"{indent}… {item.layers} more", "", words.number(item.parameters), "", ""], raw={0})
            else:
                flag = "" if item.own is None and item.effective is None else words.flags(item.own, item.effective)
                size = words.number(item.parameters) if item.parameters != 0 else ""
                name = f"{indent}{_text(item.name)}"
                yield _row([name, item.class_name, size, flag, words.notes(item)], raw={0})

    return f"<table>{_header(('layer', 'class', 'parameters', 'flag', ''))}{''.join(rows())}</table>"


def _header(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f'<th style="{_HEAD}">{_text(cell)}</th>' for cell in cells) + "</tr>"


def _row(cells: Sequence[str], raw: set[int]) -> str:
    shown = (cell if number in raw else _text(cell) for number, cell in enumerate(cells))
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in shown) + "</tr>"


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
