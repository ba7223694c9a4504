"""An audit for people, in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from freezelint.audited import Answer, AuditReport, LayerFacts, ModelFacts, Requirement
from freezelint.finding import Finding, Severity
from freezelint.report import audit_words as words
from freezelint.report.style import Style, printable, width

_WRAP = 100
_LABEL = 18


def render(report: AuditReport, colour: bool = False, *, all_layers: bool = False) -> str:
    """Every model in full, then what could not be read, then one table of all of them and the requirements."""
    style = Style(colour)
    parts = ["\n".join(model_lines(model, style, all_layers=all_layers)) for model in report.models]
    unread = [
        f"{style.severity('not read', Severity.WARNING)}  {printable(f'{gap.path}: {gap.reason}')}"
        for gap in report.not_read
    ]
    if unread:
        parts.append("\n".join(unread))
    if len(report.models) > 1:
        parts.append("\n".join(_table(report.models, style)))
    parts.append("\n".join(_closing(report, style)))
    return "\n\n".join(parts) + "\n"


def model_lines(model: ModelFacts, style: Style, *, all_layers: bool = False) -> Iterator[str]:
    """The report on one model."""
    yield style.bold(printable(model.path))
    written = (
        f"{model.format}, written by {model.writer}" if model.writer else f"{model.format}; it does not say by what"
    )
    if model.format == "loaded model":
        written = f"{model.format} of {model.writer or 'Keras'}"
    if model.tensorflow_version:
        written += f" (TensorFlow {model.tensorflow_version})"
    yield from _entry("what it is", [written + {True: ", compiled", False: ", not compiled", None: ""}[model.compiled]])
    yield from _entry("judged for", [f"Keras {model.keras}"])
    yield from _entry("parameters", [words.parameters(model.parameters)])
    yield ""
    yield from _tree(model.layers, style, all_layers)
    yield ""
    for run, later in zip(model.runs, [*model.runs[1:], None], strict=True):
        is_last = later is None or later.evidence != run.evidence
        yield from _entry(run.name, [*words.run_lines(run), *([f"(from {run.evidence})"] if is_last else [])])
    yield from _entry("gradient path", list(words.path_lines(model.frozen_on_path)))
    code = [f"Python code in {words.listed(model.embedded_code)}"] if model.embedded_code else ["none"]
    yield from _entry("embedded code", code)
    yield from _entry("contradictions", list(model.inconsistencies) or ["none"])
    yield from _entry("could not tell", [*model.gaps, *model.not_read] or ["everything could be told"])
    yield ""
    yield from _entry("findings", [_finding(finding, style) for finding in model.findings] or ["none"], wrap=False)
    yield ""
    for requirement in model.requirements:
        yield from _entry(requirement.name, [_answer(requirement, style)])


def _entry(label: str, lines: Sequence[str], *, wrap: bool = True) -> Iterator[str]:
    """A label and what belongs to it, one item a line, wrapped."""
    start = f"  {printable(label):<{_LABEL - 1}} "
    for item in lines:
        shown = printable(item) if wrap else item
        pieces = textwrap.wrap(shown, _WRAP - _LABEL, break_on_hyphens=False) if wrap else [shown]
        for piece in pieces or [""]:
            yield f"{start}{piece}"
            start = " " * (_LABEL + 2)


def _tree(layers: Sequence[LayerFacts], style: Style, all_layers: bool) -> Iterator[str]:
    if not layers:
        yield "  (no layers are known)"
        return
    rows: list[tuple[str, ...]] = [("layer", "class", "parameters", "flag", "")]
    for item in words.folded(layers, all_layers=all_layers):
        if isinstance(item, words.Folded):
            state = "" if item.effective is None else "all trainable" if item.effective else "all frozen"
            rows.append((f"{'  ' * item.depth}… {item.layers} more", "", words.number(item.parameters), state, ""))
        else:
            label = f"{'  ' * item.depth}{printable(item.name)}"
            flag = "" if item.own is None and item.effective is None else words.flags(item.own, item.effective)
            size = words.number(item.parameters) if item.parameters != 0 else ""
            rows.append((label, printable(item.class_name), size, flag, printable(words.notes(item))))
    yield from _columns(rows, style, right={2})


def _columns(rows: Sequence[tuple[str, ...]], style: Style, right: set[int]) -> Iterator[str]:
    widths = [min(max(width(row[column]) for row in rows), 48) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = []
        for column, cell in enumerate(row):
            gap = " " * max(0, widths[column] - width(cell))
            cells.append(gap + cell if column in right else cell + gap)
        line = f"  {'  '.join(cells)}".rstrip()
        yield style.bold(line) if number == 0 else line


def _finding(finding: Finding, style: Style) -> str:
    head = style.severity(f"{finding.severity.value}[{finding.code}]", finding.severity)
    where = [
        f"{what} {printable(name)}"
        for what, name in (("layer", finding.layer), ("signature", finding.signature))
        if name
    ]
    return f"{head} {finding.name}{': ' if where else ''}{', '.join(where)}"


def _answer(requirement: Requirement, style: Style) -> str:
    word = words.ANSWERS[requirement.answer]
    return word if requirement.answer is Answer.YES else f"{word}: {requirement.why}"


def _table(models: Sequence[ModelFacts], style: Style) -> Iterator[str]:
    asked = ("inference", "deterministic", "stateless")
    rows: list[tuple[str, ...]] = [("model", "trainable", "frozen", *asked, "findings", "not told")]
    for model in models:
        answers = [words.ANSWERS[model.requirement(name).answer] for name in asked]
        counted = model.parameters
        gaps = str(len(model.gaps) + len(model.not_read)) if model.gaps or model.not_read else ""
        rows.append((
            printable(model.path),
            words.number(counted.trainable),
            words.number(counted.frozen),
            *answers,
            words.findings_in_short(model),
            gaps,
        ))
    yield from _columns(rows, style, right={1, 2, 7})


def _closing(report: AuditReport, style: Style) -> Iterator[str]:
    """The last lines: which requirements are not met, and how much was audited."""
    for model, requirement in report.unmet():
        verdict = "is not met" if requirement.answer is Answer.NO else "is not known to be met"
        head = style.severity(f"required: {requirement.name}", Severity.ERROR)
        yield f"{head} {verdict} by {printable(model.path)}: {printable(requirement.why)}"
    if any(model.findings for model in report.models):
        yield "freezelint explain NAME says why a finding matters and what to write instead."
    count = len(report.models)
    text = f"{count} model{'' if count == 1 else 's'} audited" if count else "No model was audited"
    if report.not_read:
        text += f"; {len(report.not_read)} not read"
    if report.required and report.models and not report.unmet():
        text += f"; all of {', '.join(report.required)} met"
    yield style.bold(text)
