"""Paths through a program: which way its unknown conditions go.

A run walks one path. Conditions whose outcome is not known are decided once per run and remembered, so that the
same condition asked twice is one case. Runs are repeated with other decisions, single changes first, up to a limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

MAX_PATHS = 12

Result = TypeVar("Result")
Question = tuple[Hashable] | tuple[Hashable, Hashable]
"""A condition; or what is compared, and the constant it is compared with."""


@dataclass
class Decisions:
    """The outcomes of unknown conditions on one path; `forced` are those that this run must take."""

    forced: dict[Hashable, bool] = field(default_factory=dict)
    taken: dict[Hashable, bool] = field(default_factory=dict)
    settled: set[Hashable] = field(default_factory=set)
    """The conditions of which other outcomes are not tried."""
    _equal: dict[Hashable, Hashable] = field(default_factory=dict)
    _unequal: dict[Hashable, frozenset[Hashable]] = field(default_factory=dict)

    def ask(self, question: Question, settled: bool = False) -> bool:
        """The outcome of a question of either kind; other outcomes of one that is `settled` are not tried."""
        if len(question) == 1:
            return self.choose(question[0], settled)
        return self.equals(question[0], question[1], settled)

    def choose(self, key: Hashable, settled: bool = False) -> bool:
        """The outcome of the condition `key`: as before, as forced, or True."""
        if key not in self.taken:
            self.taken[key] = self.forced.get(key, True)
            if settled:
                self.settled.add(key)
        return self.taken[key]

    def equals(self, subject: Hashable, constant: Hashable, settled: bool = False) -> bool:
        """The outcome of `subject == constant`, consistent with what was decided about `subject` before."""
        if subject in self._equal:
            return self._equal[subject] == constant
        if constant in self._unequal.get(subject, ()):
            return False
        outcome = self.choose((subject, "==", constant), settled)
        if outcome:
            self._equal[subject] = constant
        else:
            self._unequal[subject] = self._unequal.get(subject, frozenset()) | {constant}
        return outcome

    def repeat(self, answers: Sequence[tuple[Question, bool]]) -> bool:
        """Decides these conditions as they were decided elsewhere; False, and nothing decided, if one comes out
        differently here.
        """
        if not answers:
            return True
        trial = Decisions(self.forced, dict(self.taken), set(self.settled), dict(self._equal), dict(self._unequal))
        if any(trial.ask(question, settled=True) is not outcome for question, outcome in answers):
            return False
        self.taken, self.settled, self._equal, self._unequal = trial.taken, trial.settled, trial._equal, trial._unequal
        return True


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
            if key not in forced and key not in decisions.settled:
                other = {**before, key: not outcome}
                mark = frozenset(other.items())
                if mark not in tried and len(waiting) < limit:
                    tried.add(mark)
                    waiting.append(other)
            before[key] = outcome
