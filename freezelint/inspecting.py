"""One input and its settings in, an `Outcome` out: which Keras it is for, the analyses, and what they agree on.

What comes of one input depends on nothing that a run found before, so that it can be kept, or come about in another
process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freezelint import digest, merge
from freezelint.finding import Confidence, Finding, NotRead
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import Choice, from_artifact, resolve
from freezelint.outcome import Inspected, Outcome
from freezelint.settings import UNUSED, Settings, SettingsError
from freezelint.source.files import Input, Kind, Overlay
from freezelint.source.text import read
from freezelint.texts import Texts

if TYPE_CHECKING:
    from freezelint.graph.model_graph import ModelGraph

DEBUG_VARIABLE = "FREEZELINT_DEBUG"
"""The environment variable that makes a fault of freezelint itself raise."""

Observer = Callable[["ModelGraph", str, Sequence[Behaviour]], None]
"""Is shown every model that was read: the model, what reports call it, and each Keras that it was checked for."""


class Task(NamedTuple):
    """One input, and how it is to be checked."""

    item: Input
    settings: Settings


def inspect(item: Input, settings: Settings, overlay: Overlay | None = None, seen: Observer | None = None) -> Inspected:
    """Checks one input; whatever is wrong with it, and any fault of freezelint itself, is part of the outcome.

    `overlay` holds what is to be read instead of some files. Raises only for a setting that means nothing.
    """
    if item.kind is Kind.MODEL:
        return guarded(item.display, lambda: _model(item, settings, seen))
    try:
        changed = overlay.get(item.path.resolve()) if overlay else None
        data = read(item.path) if changed is None else changed
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Inspected(_unread(item.display, reason.lower()), lasting=False)
    return inspect_text(item.path, item.display, data, item.named, settings, overlay)


def inspect_text(
    path: Path | None, display: str, data: bytes, named: bool, settings: Settings, overlay: Overlay | None = None
) -> Inspected:
    """Checks the text of a Python file or notebook, as `inspect` does; `path` is None for text that is no file."""
    return guarded(display, lambda: _source(path, display, data, named, settings, overlay or None))


def guarded(display: str, action: Callable[[], Inspected]) -> Inspected:
    """What an analysis comes to. A fault of freezelint itself is reported like an unreadable input.

    Raises `SettingsError`, and with `FREEZELINT_DEBUG` in the environment everything.
    """
    try:
        return action()
    except SettingsError:
        raise
    except Exception as error:  # the one place where a fault of an analysis is caught
        if os.environ.get(DEBUG_VARIABLE):
            raise
        fault = f"{type(error).__name__}: {error}".rstrip(": ")
        reason = f"internal error ({fault}); please report it together with the input"
        return Inspected(_unread(display, reason), lasting=False)


def _unread(display: str, reason: str) -> Outcome:
    return Outcome(not_read=(NotRead(display, reason),), checked=False)


def _source(
    path: Path | None, display: str, data: bytes, named: bool, settings: Settings, overlay: Overlay | None
) -> Inspected:
    from freezelint.source import signs, syntax

    selected = settings.rules()
    texts = Texts()
    texts.add(display, data)
    worth = signs.worth_reading(data, selected)
    glanced_at: dict[str, str] = {}
    if not worth and path is not None and (driven := signs.driven(data, selected)):
        worth, glanced_at = _worth_running(path, data, driven, overlay)
    if not worth and (not named or syntax.is_python(display, data)):
        outcome = Outcome(could_fire=_could_fire(path, display, texts, settings))
        return Inspected(outcome, digest.of_bytes(data), glanced_at)
    from freezelint.source import analysis

    analysis.forget()
    choice, backend = _keras_of_source(path, display, texts, settings)
    findings = _Findings(settings)
    seen: list[Finding] = []
    unread: dict[NotRead, None] = {}
    analysed = [
        (
            behaviour,
            analysis.analyse(path, display, data, behaviour, selected, overlay=overlay, options=settings.options),
        )
        for behaviour in _behaviours(choice, backend)
    ]
    if not choice.is_known and any(found for _, (found, _) in analysed):
        imported = analysis.imported(path, display, data, overlay)
        choice, _ = _keras_of_source(path, display, texts, settings, imported)
    for behaviour, (found, gaps) in analysed:
        if choice.allows(behaviour.version):
            findings.add(found, behaviour)
            seen.extend(found)
        unread.update(dict.fromkeys(gaps))
    checked = not any(gap.wholly for gap in unread)
    outcome = Outcome(
        findings=findings.told(),
        hidden=tuple(findings.hidden),
        not_read=tuple(unread),
        versions=choice.versions if checked else (),
        checked=checked,
        could_fire=_could_fire(path, display, texts, settings) if not unread else None,
        seen=tuple(seen),
    )
    looked_at = analysis.looked_at(path, display, data, overlay) if checked else {}
    return Inspected(outcome, digest.of_bytes(data), {**glanced_at, **looked_at})


def _worth_running(
    path: Path, data: bytes, rules: Collection[str], overlay: Overlay | None
) -> tuple[bool, dict[str, str]]:
    """Whether a file and one that it imports hold the signs of one of the rules; and which files were looked at."""
    from freezelint.source import signs
    from freezelint.source.modules import Glance

    glance, own = Glance(path.resolve(), data, overlay), signs.held(data)
    worth = any(signs.suffice(own | text.signs, rules) for text in glance.texts())
    return worth, glance.looked_at


def _could_fire(path: Path | None, display: str, texts: Texts, settings: Settings) -> frozenset[str] | None:
    """Which rules could have found something in a file, if comments in it may silence some."""
    from freezelint import catalogue
    from freezelint.comments import comments

    selected = settings.rules()
    if UNUSED not in selected or not any(map(comments, texts.all_lines(display))):
        return None
    choice, _ = _keras_of_source(path, display, texts, settings)
    generations = {behaviour.generation for behaviour in _behaviours(choice, "tensorflow")}
    rules = catalogue.rules()
    return frozenset(
        name
        for name in selected
        if "source" in rules[name].sees and any(rules[name].severity(item) for item in generations)
    )


def _keras_of_source(
    path: Path | None, display: str, texts: Texts, settings: Settings, imported: Sequence[tuple[str, str]] = ()
) -> tuple[Choice, str]:
    """Which Keras, and which backend, the settings, the text and its project speak of.

    `imported` are the names and texts of files that it imports, which are asked for the Keras last.
    """
    from freezelint.keras.pins import from_project
    from freezelint.keras.signs import backend_in_source, from_source

    text = "\n".join(chain.from_iterable(texts.all_lines(display)))
    choice = resolve(
        option=settings.keras,
        source=from_source(text, display),
        project=from_project(path) if path is not None else (),
        imported=[piece for name, said in imported for piece in from_source(said, name)],
    )
    return choice, settings.backend or backend_in_source(text) or "tensorflow"


def _model(item: Input, settings: Settings, seen: Observer | None) -> Inspected:
    from freezelint.graph.model_graph import Unreadable
    from freezelint.graph.reader import read_model

    try:
        model = read_model(item.path)
    except Unreadable as error:
        return Inspected(_unread(item.display, error.reason), lasting=False)
    outcome = inspect_graph(model, item.display, settings, seen)
    return Inspected(outcome, lasting=not outcome.not_read)


def inspect_graph(model: ModelGraph, display: str, settings: Settings, seen: Observer | None = None) -> Outcome:
    """Checks a model that was read, under the name that reports show, and shows it to `seen`."""
    from freezelint.graph.checks import graph

    choice = resolve(option=settings.keras, artifact=from_artifact(model.keras_version, display))
    behaviours = list(_behaviours(choice, settings.backend or "tensorflow"))
    findings = _Findings(settings)
    for behaviour in behaviours:
        findings.add(list(graph.run(model, display, behaviour, settings.rules(), settings.options)), behaviour)
    outcome = Outcome(
        findings=findings.told(),
        hidden=tuple(findings.hidden),
        not_read=tuple(gap._replace(path=display) for gap in model.not_read),
        versions=choice.versions,
    )
    if seen is not None:
        seen(model, display, behaviours)
    return outcome


def _behaviours(choice: Choice, backend: str) -> Iterator[Behaviour]:
    for version in choice.versions:
        yield Behaviour(version, "tensorflow" if version.major < 3 else backend)


@dataclass(slots=True)
class _Findings:
    """The findings in one input under each Keras; `hidden` are those that are not sure enough to be shown."""

    settings: Settings
    by_generation: dict[str, list[Finding]] = field(default_factory=dict)
    hidden: list[Finding] = field(default_factory=list)

    def add(self, findings: Sequence[Finding], behaviour: Behaviour) -> None:
        """Takes those of one analysis that are sure enough, without those that a more specific one silences."""
        from freezelint import catalogue

        if behaviour.backend != "tensorflow":
            findings = [finding._replace(confidence=Confidence.POSSIBLE) for finding in findings]
        sure = self._sure(merge.distinct(findings))
        if not self.settings.pedantic:
            sure = merge.speaking(sure, catalogue.rules(), behaviour.generation)
        number, muted = str(behaviour.version.major), self.settings.muted()
        self.by_generation[number] = [finding for finding in sure if finding.name not in muted]

    def told(self) -> tuple[Finding, ...]:
        """The findings of all generations as one list, as far as they are still sure enough."""
        from freezelint import catalogue

        return tuple(self._sure(merge.across_generations(self.by_generation, catalogue.rules())))

    def _sure(self, findings: Sequence[Finding]) -> list[Finding]:
        self.hidden.extend(finding for finding in findings if finding.confidence < self.settings.threshold)
        return [finding for finding in findings if finding.confidence >= self.settings.threshold]
