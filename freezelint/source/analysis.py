"""One file in, findings out: the prefilter, the paths, the checks, and what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from freezelint.checking import Options
from freezelint.finding import Confidence, Finding, NotRead, lower
from freezelint.keras.behaviour import Behaviour

if TYPE_CHECKING:
    from freezelint.source.files import Overlay
    from freezelint.source.interpreter import Run
    from freezelint.source.modules import Project
    from freezelint.source.parse import ParsedFile
    from freezelint.source.paths import Decisions
    from freezelint.source.timeline import Timeline

_ONE_AT_A_TIME = RLock()
"""What is remembered of imported files is used by one analysis at a time."""
MAX_ENTRIES = 40
"""How many functions that nobody calls are run in one file."""
MAX_ENTRY_PATHS = 4
"""How many paths through each of them are walked."""
MAX_IDLE_PATHS = 2
"""How many paths are walked as long as nothing happens to a layer or model on them."""
MAX_STEPS = 60_000
"""How many steps all the runs of one file may take; a run that has begun is finished."""


def analyse(
    path: Path | None,
    display: str,
    data: bytes,
    behaviour: Behaviour,
    selected: Collection[str],
    roots: Sequence[Path] = (),
    overlay: Overlay | None = None,
    options: Options | None = None,
) -> tuple[list[Finding], list[NotRead]]:
    """The findings of the selected rules in one file or notebook, under one Keras, and what of it was not read.

    `path` is where the file lies (None for text that is no file), `display` how the report names it; `roots` are
    further folders in which imports of the project are looked up, `overlay` what to read instead of some files,
    `options` the thresholds that a configuration changes.
    """
    from freezelint.source.text import NotPython

    try:
        project = _project(path, display, data, tuple(roots), overlay)
    except NotPython as error:
        return [], [NotRead(display, error.reason, line=error.line)]
    file = project.entry
    gaps = [NotRead(display, hole.reason, False, hole.cell, hole.line) for hole in file.program.unparsed]
    with _ONE_AT_A_TIME:
        timelines = list(_timelines(project, file, behaviour))
        return _agreed(timelines, display, behaviour, selected, options), gaps


def looked_at(path: Path | None, display: str, data: bytes, overlay: Overlay | None = None) -> Mapping[str, str]:
    """Which other files the analyses of a file that was just analysed looked for or read (`Project.looked_at`).

    The arguments are those of `analyse`. Raises `NotPython` for a file that cannot be parsed.
    """
    return _project(path, display, data, (), overlay).looked_at


def forget() -> None:
    """Forgets the file that was analysed last: what it imports may have changed since."""
    _project.cache_clear()


@lru_cache(maxsize=1)
def _project(path: Path | None, display: str, data: bytes, roots: tuple[Path, ...], overlay: Overlay | None) -> Project:
    """The parsed file and what it may import; kept for the next Keras that the same file is analysed for."""
    from freezelint.source.modules import Project
    from freezelint.source.parse import parse

    file = parse(display, data)
    return Project(file, data, path.resolve() if path is not None else None, roots, overlay)


def _timelines(project: Project, file: ParsedFile, behaviour: Behaviour) -> Iterator[Timeline]:
    """The timelines of the module run as a program, and of every function and method that it does not call."""
    from freezelint.source.paths import MAX_PATHS

    runs: list[Run] = []
    spent = 0
    for run in _explored(partial(_module_run, project, file, behaviour), MAX_PATHS):
        yield run.timeline
        runs.append(run)
        spent += run.steps + run.repeated_steps
        if spent > MAX_STEPS:
            break
    called = set().union(*(run.called for run in runs))
    for name in list(_uncalled(runs[0], file, called))[:MAX_ENTRIES]:
        if spent > MAX_STEPS:
            return
        for run in _explored(partial(_entry_run, project, file, behaviour, name), MAX_ENTRY_PATHS):
            yield run.timeline
            spent += run.steps + run.repeated_steps


def _explored(run: Callable[[Decisions], Run], limit: int) -> Iterator[Run]:
    """The runs along up to `limit` paths; few if nothing happens on them."""
    from freezelint.source.paths import explore

    idle = True
    for number, result in enumerate(explore(run, limit), 1):
        yield result
        idle = idle and result.timeline.idle
        if idle and number == MAX_IDLE_PATHS:
            return


def _module_run(project: Project, file: ParsedFile, behaviour: Behaviour, decisions: Decisions) -> Run:
    from freezelint.source.interpreter import OutOfBudget, Run

    run = Run(project, behaviour, decisions, file.path)
    try:
        run.run_module(file, "__main__")
    except (OutOfBudget, RecursionError):
        return run
    run.finish()
    return run


def _entry_run(project: Project, file: ParsedFile, behaviour: Behaviour, name: str, decisions: Decisions) -> Run:
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
    from freezelint.source.relevance import worth_entering
    from freezelint.source.values import Class, Function

    module = run.modules.get(file.path)
    for name, value in list(module.names.items()) if module is not None else []:
        if isinstance(value, Function) and value.file is file:
            if id(value.body) not in called and worth_entering(value.body):
                yield name
        elif isinstance(value, Class) and value.file is file:
            for member in value.members.values():
                if isinstance(member, Function) and id(member.body) not in called and worth_entering(member.body):
                    yield f"{name}.{member.name}"


def _agreed(
    timelines: Sequence[Timeline],
    display: str,
    behaviour: Behaviour,
    selected: Collection[str],
    options: Options | None,
) -> list[Finding]:
    """The findings that hold on every path on which their story happens; the others are only possible."""
    from freezelint.source.checks import source

    by_path = [list(source.run(timeline, display, behaviour, selected, options)) for timeline in timelines]
    merged: dict[tuple[object, ...], Finding] = {}
    for found in by_path:
        for finding in found:
            key = (finding.name, finding.span)
            known = merged.get(key)
            if known is None or known.confidence < finding.confidence:
                merged[key] = finding
    told = [{(finding.name, finding.span) for finding in found} for found in by_path]
    return [_weighed(key, finding, timelines, told) for key, finding in merged.items()]


def _weighed(
    key: tuple[object, ...], finding: Finding, timelines: Sequence[Timeline], told: Sequence[Container[object]]
) -> Finding:
    story = [step.span for step in finding.related]
    for timeline, keys in zip(timelines, told, strict=True):
        if key in keys:
            continue
        if timeline.tells(finding.span, story):
            return replace(finding, confidence=lower(finding.confidence, Confidence.POSSIBLE))
    return finding
