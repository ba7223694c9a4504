"""What a run has to say: plain frozen data that checks make and reports print."""

from __future__ import annotations

from enum import Enum
from functools import total_ordering
from typing import NamedTuple, TypeVar


@total_ordering
class _Ranked(Enum):
    """An enumeration whose members compare by their order of definition, lowest first."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.rank < other.rank


class Severity(_Ranked):
    """How bad the mistake is. `INFO` is in every report and never fails a run."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Confidence(_Ranked):
    """How sure the analysis is that it sees what it says. `POSSIBLE` is shown only when asked for."""

    POSSIBLE = "possible"
    LIKELY = "likely"
    CERTAIN = "certain"


class Applicability(_Ranked):
    """`SAFE`: the program means what its author plainly wrote down. `UNSAFE`: training changes."""

    UNSAFE = "unsafe"
    SAFE = "safe"


class Position(NamedTuple):
    """A place in a text; both numbers count from 1, columns in characters."""

    line: int
    column: int


class Span(NamedTuple):
    """A stretch of a file from `start` up to, not including, `end`.

    `cell` is the 1-based index among all cells of a notebook; lines then count inside the cell.
    """

    path: str
    start: Position
    end: Position
    cell: int | None = None

    @property
    def order(self) -> tuple[str, int, Position]:
        """A key that sorts spans in reading order."""
        return (self.path, self.cell or 0, self.start)

    def meets(self, other: Span) -> bool:
        """Whether the two spans share a line of the same file (and cell)."""
        return (
            self.path == other.path
            and self.cell == other.cell
            and self.start.line <= other.end.line
            and other.start.line <= self.end.line
        )


class Related(NamedTuple):
    """One step of the story that leads to a finding: "frozen here", "compiled here"."""

    span: Span
    message: str


class Edit(NamedTuple):
    """Replace the text of `span` by `text`; an empty span inserts."""

    span: Span
    text: str


class Fix(NamedTuple):
    """Text edits that mend a mistake, and whether they may be applied without asking."""

    applicability: Applicability
    title: str
    edits: tuple[Edit, ...]


class Mistake(NamedTuple):
    """What a check yields: a mistake seen, before the catalogue says how bad it is.

    A mistake in source has a `span`; one in a model has a `layer` (path from the root model,
    `/`-separated), a `signature`, or neither when the model as a whole is meant.
    """

    message: str
    span: Span | None = None
    related: tuple[Related, ...] = ()
    layer: str | None = None
    signature: str | None = None
    confidence: Confidence = Confidence.CERTAIN
    fix: Fix | None = None
    severity: Severity | None = None
    """Only where the catalogue leaves the severity to the measurement (a configurable share)."""


class Finding(NamedTuple):
    """One line of a report: a mistake with its identity, severity and place.

    `path` is relative to the working directory, with `/`. For a model, `span` is None.
    `keras` lists the generations ("2", "3") in which this is a mistake.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    path: str
    span: Span | None = None
    layer: str | None = None
    signature: str | None = None
    keras: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    fix: Fix | None = None

    @property
    def order(self) -> tuple[str, int, Position, str, str, str, str]:
        """A key that sorts a report: by place, then by rule."""
        cell, start = (self.span.cell or 0, self.span.start) if self.span else (0, Position(0, 0))
        return (self.path, cell, start, self.code, self.layer or "", self.signature or "", self.message)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The primary span and those of the story, in that order."""
        own = (self.span,) if self.span else ()
        return own + tuple(step.span for step in self.related)


class NotRead(NamedTuple):
    """An input, or a part of one, that was not checked, and why."""

    path: str
    reason: str
    wholly: bool = True
    """Whether nothing of the input was checked (a named input then makes the run exit 2)."""
    cell: int | None = None
    line: int | None = None


_T = TypeVar("_T", bound=_Ranked)


def lower(first: _T, second: _T) -> _T:
    """The lower of two ranked values."""
    return min(first, second)
