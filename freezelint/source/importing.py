"""Runs the files that a program imports: each on one path, and once for all the runs that import it.

What a file does when it is imported does not depend on who imports it, so its names are kept beside its program and
put back as they were for the next run: another path, another function, another file that imports it. Kept is only
what can be put back: constants, functions, classes and plain objects. A file that builds a model when it is imported
is run anew each time, since what happens to that model later belongs to one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freezelint.source.timeline import ClassDefined, Event, FlagSetInTrace
from freezelint.source.values import (
    Class,
    External,
    Function,
    Imported,
    Instance,
    Items,
    Known,
    Method,
    Module,
    Partial,
    Table,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run
    from freezelint.source.parse import ParsedFile
    from freezelint.source.paths import Question

MAX_STEPS = 20_000
"""How many steps all the imports of one run may take."""

_SURROUNDINGS = (
    *("steps", "limit", "inside", "calls", "tapes", "steps_traced", "missed"),
    *("in_call_method", "loops", "shortened", "guards", "starred", "reached"),
)
"""What a run knows of the place it is at."""

Contents = list[Any] | dict[Any, Any]


@dataclass(eq=False)
class Loading:
    """A file that is being imported, and what its outcome rests on."""

    file: ParsedFile
    repeatable: bool = True
    """Whether the outcome can be put back in another run."""
    steps: int = 0
    unknowns: int = 0
    """How many unknown values were made."""
    events: list[Event] = field(default_factory=list)
    called: set[int] = field(default_factory=set)
    answers: list[tuple[Question, bool]] = field(default_factory=list)
    """The unknown conditions that were decided, and their outcomes."""
    located: dict[tuple[str, int, str], Path | None] = field(default_factory=dict)
    """What the imports in it mean."""
    rests_on: dict[str, Kept] = field(default_factory=dict)
    """The imports whose names it used, by path."""


@dataclass(frozen=True, eq=False)
class Kept:
    """The outcome of an import."""

    module: Module
    loading: Loading
    location: Path
    state: tuple[tuple[Contents, Contents], ...]
    """The names and the contents of the objects, each with a copy as it was after the import."""
    needs: tuple[Kept, ...]
    """All the imports it rests on, in order."""

    @property
    def path(self) -> str:
        """The file as it is shown."""
        return self.loading.file.path

    def put_back(self, run: Run) -> bool:
        """Makes the run look as if it had just imported the file; False (and nothing done) if it would differ."""
        needed = [kept for kept in self.needs if run.kept.get(kept.path) is not kept]
        needed.append(self)
        steps = sum(kept.loading.steps for kept in needed)
        if run.import_steps + steps > MAX_STEPS or not all(kept._stands(run) for kept in needed):
            return False
        if not run.decisions.repeat([answer for kept in needed for answer in kept.loading.answers]):
            return False
        run.import_steps += steps
        for kept in needed:
            for contents, copy in kept.state:
                _refill(contents, copy)
            run.modules[kept.path] = kept.module
            run.kept[kept.path] = kept
            run.called |= kept.loading.called
            run.timeline.events.extend(kept.loading.events)
        return True

    def _stands(self, run: Run) -> bool:
        """Whether the run has not imported the file, and it and its imports still mean what they meant."""
        if self.path in run.modules:
            return False
        stands = run.project.stands
        if self not in stands:
            stands[self] = run.project.read(self.location) is self.loading.file and all(
                run.project.locate(*asked) == found for asked, found in self.loading.located.items()
            )
        return stands[self]


def load(run: Run, file: ParsedFile, location: Path, name: str) -> None:
    """Imports a file as the module `name`: its names are in `run.modules` then, as far as its steps reached."""
    from freezelint.source.interpreter import OutOfBudget

    key = (name, run.behaviour)
    kept = file.kept.get(key)
    if kept is not None and kept.put_back(run):
        return
    loading = Loading(file)
    try:
        with _apart(run, loading):
            module = run.run_module(file, name)
    except OutOfBudget:
        run.imports_ended = True
        if run.loadings:
            raise
        return
    repeatable = loading.repeatable and all(
        isinstance(event, ClassDefined | FlagSetInTrace) for event in loading.events
    )
    state = _state(module, file) if repeatable else None
    if state is None:
        run.repeated_steps += loading.steps
        return
    run.kept[file.path] = file.kept[key] = Kept(module, loading, location, state, tuple(_all_needed(loading)))


def _all_needed(loading: Loading) -> Iterable[Kept]:
    """The imports that an import rests on, and all that those rest on, in order."""
    found: dict[str, Kept] = {}
    for kept in loading.rests_on.values():
        found.update((inner.path, inner) for inner in (*kept.needs, kept) if inner.path not in found)
    return found.values()


def note(run: Run, file: ParsedFile | None) -> None:
    """Notes that the import in progress rests on `file`, which cannot be put back if that cannot (None: not read)."""
    if not run.loadings:
        return
    kept = run.kept.get(file.path) if file is not None else None
    if kept is None:
        run.loadings[-1].repeatable = False
    else:
        run.loadings[-1].rests_on[kept.path] = kept


@contextmanager
def _apart(run: Run, loading: Loading) -> Iterator[None]:
    """Inside, the run is outside of every function, loop and tape, and counts the steps of this import."""
    around = {name: getattr(run, name) for name in _SURROUNDINGS}
    run.steps, run.limit = 0, MAX_STEPS - run.import_steps
    run.inside, run.calls, run.tapes, run.steps_traced, run.missed = [], [], [], [], []
    run.in_call_method = run.loops = run.shortened = run.guards = 0
    run.starred, run.reached = False, True
    run.loadings.append(loading)
    try:
        yield
    finally:
        run.loadings.pop()
        loading.steps = run.steps
        run.import_steps += run.steps
        for name, value in around.items():
            setattr(run, name, value)


def _state(module: Module, file: ParsedFile) -> tuple[tuple[Contents, Contents], ...] | None:
    """Everything that can change in a module, with copies; None if there is something that cannot be put back."""
    found: list[tuple[Contents, Contents]] = []
    seen: set[int] = set()
    waiting: list[Contents] = [module.names]
    while waiting:
        contents = waiting.pop()
        if id(contents) in seen:
            continue
        seen.add(id(contents))
        found.append((contents, contents.copy()))
        for value in contents.values() if isinstance(contents, dict) else contents:
            inner = _contents(value, file)
            if inner is None:
                return None
            waiting.extend(inner)
    return tuple(found)


def _contents(value: Value, file: ParsedFile) -> list[Contents] | None:
    """The contents of an object that may change; None for one of a kind that cannot be put back."""
    match value:
        case Known() | Unknown() | External() | Imported() | Module():
            return []
        case Items(items=items):
            return [items]
        case Table(items=table):
            return [table]
        case Class(members=members, bases=bases):
            return [members, bases] if value.file is file else []
        case Instance(attributes=attributes):
            return [attributes]
        case Function(defaults=defaults):
            return [defaults, *_closures(value)]
        case Method(function=function, owner=owner):
            return [[function, owner]]
        case Partial(owner=owner):
            return [[owner]]
        case _:
            return None


def _closures(function: Function) -> Iterator[Contents]:
    """The names of the calls around a function."""
    scope = function.scope
    while scope.parent is not None:
        yield scope.names
        scope = scope.parent


def _refill(contents: Contents, copy: Contents) -> None:
    contents.clear()
    if isinstance(contents, dict):
        contents.update(copy)
    else:
        contents.extend(copy)
