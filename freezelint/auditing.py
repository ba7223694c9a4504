"""What a model is and does, as a whole: `audit` for a loaded model or a file, `audit_paths` for the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freezelint import api
from freezelint.audited import Answer, AuditReport, ModelFacts, Requirement
from freezelint.finding import Finding
from freezelint.report import audit_text
from freezelint.report.audit_words import findings_in_short
from freezelint.requirements import REQUIREMENTS
from freezelint.settings import Settings, SettingsError, SettingsOf, did_you_mean

if TYPE_CHECKING:
    from freezelint.graph.model_graph import ModelGraph
    from freezelint.keras.behaviour import Behaviour
    from freezelint.report import Report


@dataclass(frozen=True, slots=True, repr=False)
class Audit:
    """What `audit` found out: print it, or let a notebook show it.

    `graph` is the model as freezelint sees it, `facts` what the report says, `findings` the mistakes in it.
    """

    graph: ModelGraph
    facts: ModelFacts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The mistakes, in the order of the report."""
        return self.facts.findings

    def __str__(self) -> str:
        return audit_text.render(AuditReport((self.facts,))).rstrip("\n")

    def __repr__(self) -> str:
        return f"<Audit of {self.facts.path!r}; findings: {findings_in_short(self.facts)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: tables without any script."""
        from freezelint.report import audit_html

        return audit_html.render(AuditReport((self.facts,)))


def audit(model: Any, *, keras: str = "auto", select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Audit:
    """Audits a loaded `keras.Model`, or the saved model at a path.

    The model is not called, not changed, and nothing is imported for it. `keras` is the version to judge it for
    (`auto`: the one it belongs to); `select` and `ignore` are rules, as in `freezelint check`. Raises `TypeError` for
    what is no model, `ValueError` for a file that cannot be read or a setting that means nothing.
    """
    from freezelint.graph import live
    from freezelint.graph.model_graph import Unreadable
    from freezelint.graph.reader import read_model

    settings = Settings(keras=keras, select=tuple(select), ignore=tuple(ignore))
    try:
        graph = read_model(Path(model)) if isinstance(model, (str, PathLike)) else live.read(model)
    except Unreadable as error:
        if isinstance(model, (str, PathLike)):
            raise ValueError(f"{model}: {error.reason}") from error
        raise TypeError(f"audit takes a Keras model or the path of a saved one, not {error.reason}") from error
    collected = _Collected()
    settings.validate()
    report = api.check_graph(graph, settings, collected.add)
    return Audit(graph, collected.facts[0]._replace(findings=report.findings))


def audit_paths(
    paths: Iterable[str | Path], settings: Settings | SettingsOf = api.DEFAULTS, required: Sequence[str] = ()
) -> AuditReport:
    """Audits saved models and folders of them; `required` are names of `REQUIREMENTS`.

    Raises `FileNotFoundError` for a path that does not exist and `SettingsError` for a setting or requirement that
    means nothing; whatever else goes wrong with an input is part of the report.
    """
    for name in required:
        if name not in REQUIREMENTS:
            near = did_you_mean(name, REQUIREMENTS)
            raise SettingsError(
                f"nothing can be required as {name!r}{near or '; known are ' + ', '.join(REQUIREMENTS)}"
            )
    collected = _Collected()
    report = api.check_models(paths, settings, collected.add)
    return collected.report(report, tuple(dict.fromkeys(required)))


class _Collected:
    """The facts of the models that a run has read."""

    def __init__(self) -> None:
        self.facts: list[ModelFacts] = []

    def add(self, model: ModelGraph, display: str, behaviours: Sequence[Behaviour]) -> None:
        """Works out the facts of one model; where it may be of either generation, what differs is not known."""
        from freezelint.graph.audit import facts

        words = " or ".join(str(behaviour.version) for behaviour in behaviours)
        by_generation = [facts(model, behaviour, path=display, keras_words=words) for behaviour in behaviours]
        chosen = by_generation[-1]
        answers = tuple(_agreed([found.requirement(name) for found in by_generation]) for name in REQUIREMENTS)
        self.facts.append(chosen._replace(requirements=answers))

    def report(self, report: Report, required: tuple[str, ...]) -> AuditReport:
        """The facts with the findings of the run, each at its model."""
        paths = {found.path for found in self.facts}
        models = tuple(
            found._replace(findings=tuple(one for one in report.findings if one.path == found.path))
            for found in self.facts
        )
        return AuditReport(
            models,
            required,
            tuple(gap for gap in report.not_read if gap.path not in paths),
            tuple(one for one in report.findings if one.path not in paths),
            report.failed,
        )


def _agreed(answers: Sequence[Requirement]) -> Requirement:
    """The answer that holds for every Keras the model may be meant for."""
    if len({found.answer for found in answers}) == 1:
        return answers[-1]
    worst = next((found for found in answers if found.answer is not Answer.YES), answers[-1])
    return Requirement(worst.name, Answer.UNKNOWN, f"it depends on which Keras loads it: {worst.why}")
