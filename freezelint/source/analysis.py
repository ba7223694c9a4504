"""One file in, findings out: the prefilter, the paths, the checks, and what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
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
    from freezelint.source.values import Function

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
        timelines = project.idle or list(_timelines(project, file, behaviour))
        if all(timeline.idle for timeline in timelines):
            project.idle = timelines
        return _agreed(timelines, display, behaviour, selected, options), gaps


def looked_at(path: Path | None, display: str, data: bytes, overlay: Overlay | None = None) -> Mapping[str, str]:
    """Which other files the analyses of a file that was just analysed looked for or read (`Project.looked_at`).

    The arguments are those of `analyse`. Raises `NotPython` for a file that cannot be parsed.
    """
    return _project(path, display, data, (), overlay).looked_at


def imported(path: Path | None, display: str, data: bytes, overlay: Overlay | None = None) -> list[tuple[str, str]]:
    """The other files that the analyses of a file that was just analysed read: their names in reports, and texts.

    The arguments are those of `analyse`. Raises `NotPython` for a file that cannot be parsed.
    """
    from freezelint.source.text import decode

    files = _project(path, display, data, (), overlay).files
    return [(file.path, decode(file.data)) for file in files if file.path != display]


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
    for entries in (_templates, _own_entries):
        waiting = [(name, function) for name, function in entries(runs[0], file) if id(function.body) not in called]
        for name, _ in waiting[:MAX_ENTRIES]:
            if spent > MAX_STEPS:
                return
            for run in _explored(partial(_entry_run, project, file, behaviour, name), MAX_ENTRY_PATHS):
                yield run.timeline
                spent += run.steps + run.repeated_steps
                if entries is _templates:
                    called |= run.called


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


def _templates(run: Run, file: ParsedFile) -> Iterator[tuple[str, Function]]:
    """Inherited methods that train, and call what a class of this file defines: `train` of a base class that calls
    `_create`. Each as `Class.name`.
    """
    from freezelint.source.relevance import trains
    from freezelint.source.values import Class

    for class_name, cls in list(run.modules[file.path].names.items()):
        if not isinstance(cls, Class) or cls.file is not file:
            continue
        methods = cls.methods()
        for key, method in methods.items():
            if key in cls.members or key.startswith("__"):
                continue
            reached = _reached(key, methods)
            if not cls.members.keys().isdisjoint(reached) and any(trains(methods[name].body) for name in reached):
                yield f"{class_name}.{key}", method


def _reached(name: str, methods: Mapping[str, Function]) -> set[str]:
    """The names of the methods of a class that one of them calls, directly or through others, and its own."""
    from freezelint.source.relevance import words

    found, waiting = {name}, [name]
    while waiting:
        called = words(methods[waiting.pop()].body) & methods.keys() - found
        found |= called
        waiting.extend(called)
    return found


def _own_entries(run: Run, file: ParsedFile) -> Iterator[tuple[str, Function]]:
    """The functions and methods of this file that freeze, compile or train something, as `name` or `Class.name`."""
    from freezelint.source.relevance import sets_attributes_of_others, worth_entering
    from freezelint.source.values import Class, Function

    for name, value in list(run.modules[file.path].names.items()):
        if isinstance(value, Function) and value.file is file:
            found = [(name, value)]
        elif isinstance(value, Class) and value.file is file:
            members = value.members.items()
            found = [(f"{name}.{key}", member) for key, member in members if isinstance(member, Function)]
        else:
            continue
        is_callback = isinstance(value, Class) and value.is_callback
        for key, function in found:
            if worth_entering(function.body) or (is_callback and sets_attributes_of_others(function.body)):
                yield key, function


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
            return finding._replace(confidence=lower(finding.confidence, Confidence.POSSIBLE))
    return finding
