"""One file in, findings out: the prefilter, the paths, the checks, and what they agree on."""

from __future__ import annotations

import gc
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from freezelint.finding import Confidence, Finding, NotRead, lower
from freezelint.keras.behaviour import Behaviour

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run
    from freezelint.source.modules import Project
    from freezelint.source.parse import ParsedFile
    from freezelint.source.paths import Decisions
    from freezelint.source.timeline import Timeline

_WORTH = re.compile(
    rb"\btrain(?:able|ing)\b|\.t\w{4,10}e\s*=[^=]|requires_grad|\.(?:is_)?frozen\s*=|learning_phase|enable_lora|KerasLayer"
)
MAX_ENTRIES = 40
"""How many functions that nobody calls are run in one file."""


def worth_reading(data: bytes) -> bool:
    """Whether a file can hold anything that a check looks for: a look at its text, before libcst is imported."""
    return _WORTH.search(data) is not None


def analyse(
    path: Path | None,
    display: str,
    data: bytes,
    behaviour: Behaviour,
    selected: Collection[str],
    roots: Sequence[Path] = (),
) -> tuple[list[Finding], list[NotRead]]:
    """The findings of the selected rules in one file or notebook, under one Keras, and what of it was not read.

    `path` is where the file lies (None for text that is no file), `display` how the report names it; `roots` are
    further folders in which imports of the project are looked up.
    """
    from freezelint.source.modules import Project
    from freezelint.source.parse import NotPython, parse

    try:
        with _without_garbage_collection():
            file = parse(display, data)
    except NotPython as error:
        return [], [NotRead(display, error.reason, line=error.line)]
    gaps = [NotRead(display, hole.reason, False, hole.cell, hole.line) for hole in file.program.unparsed]
    project = Project(file, data, path.resolve() if path is not None else None, roots)
    timelines = list(_timelines(project, file, behaviour))
    return _agreed(timelines, display, behaviour, selected), gaps


def _timelines(project: Project, file: ParsedFile, behaviour: Behaviour) -> Iterator[Timeline]:
    """The timelines of the module run as a program, and of every function and method that it does not call."""
    from freezelint.source.paths import explore

    runs: list[Run] = []

    def as_program(decisions: Decisions) -> Run:
        run = _module_run(project, file, behaviour, decisions)
        runs.append(run)
        return run

    for run in explore(as_program):
        yield run.timeline
    called = set().union(*(run.called for run in runs))
    for name in list(_uncalled(runs[0], file, called))[:MAX_ENTRIES]:
        first: list[Run] = []

        def as_entry(decisions: Decisions, name: str = name, first: list[Run] = first) -> Run:
            run = _entry_run(project, file, behaviour, decisions, name)
            first.append(run)
            return run

        for run in explore(as_entry, limit=6):
            yield run.timeline
            called |= run.called


def _module_run(project: Project, file: ParsedFile, behaviour: Behaviour, decisions: Decisions) -> Run:
    from freezelint.source.interpreter import OutOfBudget, Run

    run = Run(project, behaviour, decisions, file.path)
    try:
        run.run_module(file, "__main__")
    except (OutOfBudget, RecursionError):
        return run
    run.finish()
    return run


def _entry_run(project: Project, file: ParsedFile, behaviour: Behaviour, decisions: Decisions, name: str) -> Run:
    """A fresh run of the module in which one of its functions is then called with unknown arguments."""
    from freezelint.source.interpreter import OutOfBudget, Run

    run = Run(project, behaviour, decisions, file.path)
    try:
        run.run_module(file, "__imported__")
        run.timeline.events.clear()
        run.models.clear()
        run.steps = 0
        run.run_entry(file, name)
    except (OutOfBudget, RecursionError):
        return run
    run.finish()
    return run


def _uncalled(run: Run, file: ParsedFile, called: set[int]) -> Iterator[str]:
    """The functions and methods of the file that the program itself never calls, as `name` or `Class.name`."""
    from freezelint.source.relevance import mentions_models
    from freezelint.source.values import Class, Function

    module = run.modules.get(file.path)
    for name, value in list(module.names.items()) if module is not None else []:
        if isinstance(value, Function) and value.file is file:
            if id(value.body) not in called and mentions_models(value.body):
                yield name
        elif isinstance(value, Class) and value.file is file:
            for member in value.members.values():
                if isinstance(member, Function) and id(member.body) not in called and mentions_models(member.body):
                    yield f"{name}.{member.name}"


def _agreed(
    timelines: Sequence[Timeline], display: str, behaviour: Behaviour, selected: Collection[str]
) -> list[Finding]:
    """The findings that hold on every path on which their story happens; the others are only possible."""
    from freezelint.source.checks import source

    by_path = [list(source.run(timeline, display, behaviour, selected)) for timeline in timelines]
    merged: dict[tuple[object, ...], Finding] = {}
    for found in by_path:
        for finding in found:
            key = (finding.name, finding.span)
            known = merged.get(key)
            if known is None or known.confidence < finding.confidence:
                merged[key] = finding
    return [_weighed(key, finding, timelines, by_path) for key, finding in merged.items()]


def _weighed(
    key: tuple[object, ...], finding: Finding, timelines: Sequence[Timeline], by_path: Sequence[Sequence[Finding]]
) -> Finding:
    story = set(finding.spans)
    for timeline, found in zip(timelines, by_path, strict=True):
        if any((other.name, other.span) == key for other in found):
            continue
        if story <= timeline.spans(story):
            return replace(finding, confidence=lower(finding.confidence, Confidence.POSSIBLE))
    return finding


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Parsing makes many small objects that all live: collecting in between costs a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
