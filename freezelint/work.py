"""Many inputs in, their outcomes in the same order out: what is kept is taken, the rest is worked on.

The work goes to other processes only if there is so much of it that starting them pays (`freezelint.processes`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from freezelint.garbage import collected_between_inputs
from freezelint.inspecting import Task, inspect
from freezelint.outcome import Inspected, Outcome
from freezelint.source.files import Kind, Overlay

if TYPE_CHECKING:
    from freezelint.cache import Cache, Subject

FEW = 40
"""So many files that have to be parsed are done before other processes have started."""
WEIGHT_OF_MODEL = 5
"""A model takes about as long as this many files."""


class Effort(NamedTuple):
    """How a run goes about its work.

    `cache` keeps outcomes (None: nothing is kept). `jobs` is how many processes work at most, 0 as many as there are
    processors. `progress` is told how many inputs are done, and how many there are.
    """

    cache: Cache | None = None
    jobs: int = 1
    progress: Callable[[int, int], None] = lambda done, total: None


DEFAULT_EFFORT = Effort()


def outcomes(tasks: Sequence[Task], effort: Effort, overlay: Overlay | None = None) -> list[Outcome]:
    """What the tasks come to, in their order. What an `overlay` changes is neither kept nor taken from what is.

    Raises only for a setting that means nothing.
    """
    cache = effort.cache if not overlay else None
    if cache is None:
        return [found.outcome for found in _worked(tasks, effort, overlay, 0, len(tasks))]
    subjects = [cache.subject(task.item, task.settings) for task in tasks]
    known = [cache.get(subject) if subject is not None else None for subject in subjects]
    missing = [number for number, outcome in enumerate(known) if outcome is None]
    done = len(tasks) - len(missing)
    try:
        worked = _worked([tasks[number] for number in missing], effort, overlay, done, len(tasks))
        for number, found in zip(missing, worked, strict=True):
            known[number] = found.outcome
            _keep(cache, subjects[number], found)
    finally:
        cache.save()
    return [outcome for outcome in known if outcome is not None]


def _keep(cache: Cache, subject: Subject | None, found: Inspected) -> None:
    if subject is not None and found.lasting:
        cache.put(subject, found)


def _worked(
    tasks: Sequence[Task], effort: Effort, overlay: Overlay | None, done: int, total: int
) -> Iterator[Inspected]:
    """What working on the tasks comes to, one by one."""
    for number, found in enumerate(_inspected(tasks, effort, overlay), done + 1):
        effort.progress(number, total)
        yield found


def _inspected(tasks: Sequence[Task], effort: Effort, overlay: Overlay | None) -> Iterator[Inspected]:
    jobs = min(effort.jobs or processors(), len(tasks)) if not overlay else 1
    if jobs > 1 and _pays(tasks):
        from freezelint import processes

        yield from processes.inspected(tasks, jobs)
        return
    with collected_between_inputs() as collect:
        for task in tasks:
            yield inspect(task.item, task.settings, overlay)
            collect()


def _pays(tasks: Sequence[Task]) -> bool:
    """Whether so many of the tasks take long that other processes are worth starting."""
    from freezelint.source import signs
    from freezelint.source.text import read

    weight = 0
    for task in tasks:
        if task.item.kind is Kind.MODEL:
            weight += WEIGHT_OF_MODEL
            continue
        try:
            weight += signs.worth_reading(read(task.item.path), task.settings.rules())
        except (OSError, ValueError):
            continue
        if weight > FEW:
            return True
    return weight > FEW


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
