"""What the command line, a notebook and a test call: inputs and settings in, a `Report` out."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freezelint import merge
from freezelint.finding import Applicability, Confidence, Finding, Fix, NotRead, Position, Severity, Span
from freezelint.inspecting import DEBUG_VARIABLE, Observer, Task, inspect, inspect_graph, inspect_text
from freezelint.keras.version import KerasVersion
from freezelint.outcome import Outcome
from freezelint.report import Report
from freezelint.settings import UNREADABLE, UNUSED, PerFileIgnore, Settings, SettingsError, SettingsOf, named
from freezelint.source.files import Input, Kind, Search, find, is_excluded
from freezelint.source.text import read
from freezelint.texts import Texts
from freezelint.work import DEFAULT_EFFORT, Effort, outcomes

if TYPE_CHECKING:
    from freezelint.edit import Change
    from freezelint.graph.model_graph import ModelGraph
    from freezelint.ignore import Ignores

MAX_FIX_PASSES = 10
"""How often a run is repeated to make fixes that overlapped with others."""

DEFAULTS = Settings()

Narrowing = Callable[[Report, Texts], Report]
"""What takes findings out of a finished report: a baseline, or a look at what has changed."""

__all__ = (
    "DEBUG_VARIABLE",
    "Effort",
    "Fixes",
    "Settings",
    "SettingsError",
    "add_ignores",
    "check",
    "check_data",
    "check_source",
    "fix",
    "write",
)


def check(
    paths: Iterable[str | Path],
    settings: Settings | SettingsOf = DEFAULTS,
    texts: Texts | None = None,
    narrow: Narrowing = lambda report, texts: report,
    effort: Effort = DEFAULT_EFFORT,
) -> Report:
    """Checks Python files, notebooks, saved models and folders of all of them.

    `settings` hold for all of them, or are given for each (`freezelint.config.Configurations`). `texts` is given the
    text of everything that findings point into; `narrow` may take findings out; `effort` says where results are
    kept, and how many processes work. Raises `FileNotFoundError` for a path that does not exist and `SettingsError`
    for a setting that means nothing; whatever else goes wrong with an input is part of the report.
    """
    run = _Run(settings, texts, _existing(paths))
    tasks = run.tasks(run.find())
    for task, outcome in zip(tasks, outcomes(tasks, effort, run.texts.overlay), strict=True):
        run.take(task.item.display, task.item.kind, task.item.named, outcome)
    return narrow(run.report(), run.texts)


def _existing(paths: Iterable[str | Path]) -> list[Path]:
    """The paths; raises `FileNotFoundError` for one that does not exist."""
    inputs = [Path(path) for path in paths]
    for path in inputs:
        if not os.path.lexists(path):
            raise FileNotFoundError(f"{path} does not exist")
    return inputs


def check_models(paths: Iterable[str | Path], settings: Settings | SettingsOf, observe: Observer) -> Report:
    """Checks the saved models among `paths` and in folders, and shows each of them to `observe`. Raises as `check`."""
    run = _Run(settings, None, _existing(paths))
    for item in run.find():
        if item.kind is Kind.MODEL:
            (task,) = run.tasks([item])
            run.take(item.display, item.kind, item.named, inspect(item, task.settings, seen=observe).outcome)
        elif item.named:
            run.could_not_read(NotRead(item.display, "a program, not a saved model: `freezelint check` reads it"), True)
    return run.report()


def check_graph(model: ModelGraph, settings: Settings, observe: Observer) -> Report:
    """Checks one model that was read already, and shows it to `observe`. Raises as `check`."""
    run = _Run(settings, None)
    run.shown[model.path] = settings
    run.take(model.path, Kind.MODEL, False, inspect_graph(model, model.path, settings, observe))
    return run.report()


class Fixes(NamedTuple):
    """What fixing came to: the report on what is left, the files that change, and how many fixes were made.

    `refused` are files whose fixes could not be made.
    """

    report: Report
    changes: tuple[Change, ...]
    made: int
    refused: tuple[NotRead, ...]


def fix(
    paths: Iterable[str | Path],
    settings: Settings | SettingsOf = DEFAULTS,
    texts: Texts | None = None,
    narrow: Narrowing = lambda report, texts: report,
    *,
    unsafe: bool = False,
) -> Fixes:
    """Checks, makes the fixes, and checks again until nothing is left to fix. Nothing is written: `write` does that.

    Only files that `paths` name or hold are changed; `unsafe` makes the fixes that change training too. Raises as
    `check` does.
    """
    inputs = list(paths)
    texts = texts if texts is not None else Texts()
    fixing = _Fixing(texts, unsafe)
    report = check(inputs, settings, texts, narrow)
    for _ in range(MAX_FIX_PASSES):
        if not fixing.make(report):
            break
        report = check(inputs, settings, texts, narrow)
    return Fixes(report, tuple(fixing.changes.values()), fixing.count, tuple(fixing.refused.values()))


def add_ignores(
    paths: Iterable[str | Path],
    reason: str,
    settings: Settings | SettingsOf = DEFAULTS,
    texts: Texts | None = None,
    narrow: Narrowing = lambda report, texts: report,
) -> Fixes:
    """Checks, and adds a comment with a reason to every line with a finding. Nothing is written: `write` does that.

    Only files that `paths` name or hold are changed. Raises as `check` does.
    """
    from freezelint import add_ignore

    inputs = list(paths)
    texts = texts if texts is not None else Texts()
    fixing = _Fixing(texts, unsafe=False)
    report = check(inputs, settings, texts, narrow)
    before = len(report.findings)
    for _ in range(MAX_FIX_PASSES):
        if not fixing.make_all(add_ignore.fixes(report.findings, texts, reason)):
            break
        report = check(inputs, settings, texts, narrow)
    added = before - len(report.findings)
    return Fixes(report, tuple(fixing.changes.values()), added, tuple(fixing.refused.values()))


def write(fixes: Fixes) -> list[NotRead]:
    """Writes the changed files, each in one step, and returns those that could not be written, with the reason."""
    from freezelint import edit

    failed = list(fixes.refused)
    for change in fixes.changes:
        try:
            edit.write(change)
        except (OSError, edit.CannotEdit) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            failed.append(NotRead(change.display, f"not fixed: {reason.lower()}"))
    return failed


def check_data(
    data: bytes,
    path: str,
    settings: Settings | SettingsOf = DEFAULTS,
    texts: Texts | None = None,
    narrow: Narrowing = lambda report, texts: report,
    *,
    location: Path | None = None,
) -> Report:
    """Checks one Python file, or (by the suffix of `path`) notebook, that is in memory.

    With `location` it is checked as the file of a project that lies there. Raises `SettingsError` for a setting that
    means nothing.
    """
    run = _Run(settings, texts, [location] if location is not None else [])
    if location is not None:
        run.texts.change(location, data)
        run.texts.add(path, location)
    else:
        run.texts.add(path, data)
    if not is_excluded(Path(path), run.search):
        run.shown[path] = run.settings_of(location or Path(path))
        found = inspect_text(location, path, data, True, run.shown[path], run.texts.overlay)
        run.take(path, Kind.PYTHON, True, found.outcome)
    return narrow(run.report(), run.texts)


def check_source(
    text: str, *, path: str = "example.py", keras: str = "any", select: Sequence[str] = ()
) -> list[Finding]:
    """The findings in a text, in reading order: for tests and for use in a notebook.

    Raises `SettingsError` for an unknown version or rule.
    """
    settings = Settings(keras=keras, select=tuple(select))
    return list(check_data(text.encode("utf-8", "replace"), path, settings).findings)


def _looks_like_model(path: Path) -> bool:
    from freezelint.graph.reader import looks_like_model

    return looks_like_model(path)


class _Fixing:
    """The fixes made so far in the files that `texts` knows; nothing is written."""

    def __init__(self, texts: Texts, unsafe: bool) -> None:
        self.texts = texts
        self.lowest = Applicability.UNSAFE if unsafe else Applicability.SAFE
        self.changes: dict[str, Change] = {}
        self.refused: dict[str, NotRead] = {}
        self.count = 0

    def make(self, report: Report) -> bool:
        """Makes the fixes of a report that do not overlap; whether there were any."""
        fixes = (finding.fix for finding in report.findings if finding.fix is not None)
        return self.make_all(fix for fix in fixes if fix.applicability >= self.lowest)

    def make_all(self, fixes: Iterable[Fix]) -> bool:
        """Makes the fixes that do not overlap; whether there were any."""
        by_file: dict[str, list[Fix]] = {}
        for fix in fixes:
            files = {change.span.path for change in fix.edits}
            if len(files) == 1:
                by_file.setdefault(files.pop(), []).append(fix)
        made = [self._make_in(display, group) for display, group in by_file.items()]
        return any(made)

    def _make_in(self, display: str, fixes: Sequence[Fix]) -> bool:
        from freezelint import edit

        path = self.texts.location(display)
        if path is None or display in self.refused:
            return False
        known = self.changes.get(display)
        try:
            data = known.after if known is not None else read(path)
            changed, count = edit.apply(data, display, fixes)
        except (OSError, ValueError, edit.CannotEdit) as error:
            self.refused[display] = NotRead(display, f"not fixed: {error}", wholly=False)
            return False
        if changed == data:
            return False
        self.changes[display] = edit.Change(display, path, known.before if known is not None else data, changed)
        self.texts.change(path, changed)
        self.count += count
        return True


class _Run:
    """One run over its inputs: what was found and read so far."""

    def __init__(self, settings: Settings | SettingsOf, texts: Texts | None, inputs: Sequence[Path] = ()) -> None:
        self.settings_of: SettingsOf = settings if callable(settings) else lambda path: settings
        self.texts = texts if texts is not None else Texts()
        self.inputs = inputs
        own = self.settings_of(None)
        own.validate()
        self.search = Search(
            _looks_like_model, own.exclude, own.force_exclude, lambda path: self.settings_of(path).configured_exclude
        )
        self.findings: list[Finding] = []
        self.hidden: list[Finding] = []
        self.outcomes: list[Outcome] = []
        self.could_fire: dict[str, frozenset[str]] = {}
        """For each file that was read as a whole the rules that ran and are mistakes in its Keras."""
        self.read: set[Path] = set()
        self.not_read: dict[NotRead, None] = {}
        self.shown: dict[str, Settings] = {}
        """What was looked at, by the name that reports show, with its settings."""
        self.versions: set[tuple[KerasVersion, ...]] = set()
        self.files = 0
        self.models = 0
        self.failed = False

    def find(self) -> list[Input]:
        """What lies in the inputs; what could not be looked at is noted."""
        found = find(self.inputs, self.search)
        for gap, was_named in found.not_read:
            self.could_not_read(gap, was_named)
        return found.inputs

    def tasks(self, items: Iterable[Input]) -> list[Task]:
        """Some inputs with their settings."""
        tasks = []
        for item in items:
            if item.kind is not Kind.MODEL:
                self.texts.add(item.display, item.path)
                self.read.add(item.path)
            self.shown[item.display] = self.settings_of(item.path)
            tasks.append(Task(item, self.shown[item.display]))
        return tasks

    def take(self, display: str, kind: Kind, named: bool, outcome: Outcome) -> None:
        """Takes in what checking one input came to."""
        for gap in outcome.not_read:
            self.could_not_read(gap, named)
        self.findings.extend(outcome.findings)
        self.hidden.extend(outcome.hidden)
        self.outcomes.append(outcome)
        if outcome.versions:
            self.versions.add(outcome.versions)
        if outcome.could_fire is not None:
            self.could_fire[display] = outcome.could_fire
        if kind is Kind.MODEL:
            self.models += outcome.checked
        else:
            self.files += outcome.checked

    def could_not_read(self, item: NotRead, named: bool) -> None:
        """Notes an input, or a part of one, that was not checked."""
        self.not_read[item] = None
        self.failed = self.failed or (named and item.wholly)

    def report(self) -> Report:
        """What all that comes to."""
        unread = [_unreadable(item) for item in self.not_read if UNREADABLE in self._settings(item.path).rules()]
        wanted = [finding for finding in merge.distinct(self.findings) if self._is_about_input(finding)]
        told, suppressed = self._not_ignored([*wanted, *unread])
        shown = {merge.key(finding) for finding in wanted}
        hidden = [finding for finding in merge.distinct(self.hidden) if merge.key(finding) not in shown]
        return Report(
            findings=tuple(sorted(told, key=lambda finding: finding.order)),
            not_read=tuple(self.not_read),
            files=self.files,
            models=self.models,
            suppressed=suppressed,
            hidden=sum(map(self._is_about_input, hidden)),
            keras=_in_words(self.versions),
            failed=self.failed,
            ran={display: settings.rules() for display, settings in self.shown.items()},
        )

    def _not_ignored(self, findings: list[Finding]) -> tuple[list[Finding], int]:
        """The findings that nobody wants ignored, and how many others there are; what hides nothing is a finding."""
        if self.settings_of(None).no_ignores:
            return findings, 0
        kept, unused = self._not_silenced(findings)
        per_file = _PerFileIgnores(self)
        told = [finding for finding in [*kept, *unused] if not per_file.silences(finding)]
        return [*told, *per_file.unused()], len(findings) + len(unused) - len(told)

    def _not_silenced(self, findings: list[Finding]) -> tuple[list[Finding], list[Finding]]:
        """The findings that no comment silences, and those about comments that silence nothing."""
        if self.texts.are_none:
            return findings, []
        from freezelint.ignore import Ignores

        ignores = Ignores(self.texts)
        return ignores.apply(findings)[0], ignores.apply(self._unused(ignores))[0]

    def _unused(self, ignores: Ignores) -> Iterator[Finding]:
        """The comments that silence nothing, in the files that were read as a whole."""
        if not self.could_fire:
            return
        for finding in chain.from_iterable(outcome.seen for outcome in self.outcomes):
            ignores.silences(finding)
        for display, could_fire in self.could_fire.items():
            stale = list(ignores.unused(display, could_fire))
            if stale and not self._is_imported_elsewhere(display):
                yield from stale

    def _is_imported_elsewhere(self, display: str) -> bool:
        """Whether a file that this run did not look at imports the file, and may have findings in it."""
        from freezelint.source.modules import importers

        location = self.texts.location(display)
        read = {path.resolve() for path in self.read}
        return location is not None and any(path not in read for path in importers(location))

    def _settings(self, display: str) -> Settings:
        """The settings for a file by its name in reports, which need not be one of the inputs."""
        return self.shown.get(display) or self.settings_of(self.texts.location(display) or Path(display))

    def _is_about_input(self, finding: Finding) -> bool:
        """Whether a finding, which may lie in an imported file, touches what this run was asked about."""
        return finding.path in self.shown or any(step.span.path in self.shown for step in finding.related)


class _PerFileIgnores:
    """The rules that a configuration ignores in some files, and which of these entries hid something."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._used: set[PerFileIgnore] = set()

    def silences(self, finding: Finding) -> bool:
        """Whether a finding is ignored in its file."""
        path = self._run.texts.location(finding.path) or Path(finding.path)
        entries = [entry for entry in self._run.settings_of(path).per_file_ignores if entry.covers(path, finding.name)]
        self._used.update(entries)
        return bool(entries)

    def unused(self) -> Iterator[Finding]:
        """The entries that hide nothing although the whole folder of their configuration was searched."""
        from freezelint.ignore import unused_entry

        searched = [path.absolute() for path in self._run.inputs if path.is_dir()]
        entries = {entry: settings for settings in self._run.shown.values() for entry in settings.per_file_ignores}
        for entry, settings in entries.items():
            folder = entry.patterns.folder
            if entry in self._used or folder is None or not any(top in (folder, *folder.parents) for top in searched):
                continue
            if UNUSED in settings.rules() and named(entry.rules) & settings.rules():
                yield unused_entry(entry.source, entry.line, entry.patterns.lines[0], entry.rules)


def _in_words(choices: Collection[tuple[KerasVersion, ...]]) -> str:
    """Which Keras a run checked for; empty if nothing in it depended on that."""
    known = sorted({versions[0] for versions in choices if len(versions) == 1}, key=str)
    unknown = "unknown (checked for 2 and 3)" if any(len(versions) > 1 for versions in choices) else ""
    if not known:
        return unknown
    told = ", ".join(map(str, known))
    return f"{told} as the inputs say, elsewhere {unknown}" if unknown else told


def _unreadable(item: NotRead) -> Finding:
    """The finding FZ001 that stands for an input, or a part of one, that was not checked."""
    place = Position(item.line or 1, 1)
    what = "not checked" if item.wholly else "this cell was not checked" if item.cell else "checked only in part"
    return Finding(
        code="FZ001",
        name=UNREADABLE,
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN,
        message=f"{what}: {item.reason}",
        path=item.path,
        span=Span(item.path, place, place, item.cell) if item.line or item.cell else None,
    )
