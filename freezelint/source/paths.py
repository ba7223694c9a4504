"""Paths through a program: which way its unknown conditions go.

A run walks one path. Conditions whose outcome is not known are decided once per run and remembered, so that the
same condition asked twice is one case. Runs are repeated with other decisions, single changes first, up to a limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

MAX_PATHS = 12

Result = TypeVar("Result")


@dataclass
class Decisions:
    """The outcomes of unknown conditions on one path; `forced` are those that this run must take."""

    forced: dict[Hashable, bool] = field(default_factory=dict)
    taken: dict[Hashable, bool] = field(default_factory=dict)
    _equal: dict[Hashable, Hashable] = field(default_factory=dict)
    _unequal: dict[Hashable, set[Hashable]] = field(default_factory=dict)

    def choose(self, key: Hashable, first: bool = True) -> bool:
        """The outcome of the condition `key`: as before, as forced, or `first`."""
        if key not in self.taken:
            self.taken[key] = self.forced.get(key, first)
        return self.taken[key]

    def equals(self, subject: Hashable, constant: Hashable) -> bool:
        """The outcome of `subject == constant`, consistent with what was decided about `subject` before."""
        if subject in self._equal:
            return self._equal[subject] == constant
        if constant in self._unequal.get(subject, ()):
            return False
        outcome = self.choose((subject, "==", constant))
        if outcome:
            self._equal[subject] = constant
        else:
            self._unequal.setdefault(subject, set()).add(constant)
        return outcome


def explore(run: Callable[[Decisions], Result], limit: int = MAX_PATHS) -> Iterator[Result]:
    """The results of `run` along up to `limit` different paths."""
    waiting: deque[dict[Hashable, bool]] = deque([{}])
    tried: set[frozenset[tuple[Hashable, bool]]] = set()
    for _ in range(limit):
        if not waiting:
            return
        forced = waiting.popleft()
        decisions = Decisions(forced)
        yield run(decisions)
        before: dict[Hashable, bool] = {}
        for key, outcome in decisions.taken.items():
            if key not in forced:
                other = {**before, key: not outcome}
                mark = frozenset(other.items())
                if mark not in tried and len(waiting) < limit:
                    tried.add(mark)
                    waiting.append(other)
            before[key] = outcome
