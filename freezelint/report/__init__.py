"""A run's outcome, and its renderers: one module per output format, each a pure function to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from freezelint.finding import Finding, NotRead, Severity


class Report(NamedTuple):
    """What a run found, read and could not read.

    `files` and `models` count what was checked. Counted too are the findings that are not told: `suppressed` by a
    comment, `hidden` because they are less sure than asked for, `fixed`, `baselined` because a baseline knows them,
    `unchanged` because no change touches them. `ran` says for each input, by its name in the report, which rules were
    run on it. `keras` says in words which Keras was checked for. `failed` is true if something that was named
    explicitly could not be read at all.
    """

    findings: tuple[Finding, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    files: int = 0
    models: int = 0
    suppressed: int = 0
    hidden: int = 0
    keras: str = ""
    failed: bool = False
    fixed: int = 0
    baselined: int = 0
    unchanged: int = 0
    ran: Mapping[str, frozenset[str]] = {}

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def exit_code(self, fail_on: Severity) -> int:
        """2 if a named input could not be read at all, 1 if a finding is as bad as `fail_on`, otherwise 0.

        Infos never fail a run.
        """
        if self.failed:
            return 2
        threshold = max(fail_on, Severity.WARNING)
        return int(any(finding.severity >= threshold for finding in self.findings))


class Lines(Protocol):
    """Gives the lines of a file, or of a cell of a notebook, by the path that the report shows."""

    def __call__(self, display: str, cell: int | None = None, /) -> Sequence[str]:
        """The lines; none if there is no such text."""
        ...


class Source(Protocol):
    """The texts that a report points into."""

    @property
    def lines(self) -> Lines:
        """Gives the lines of a file, or of a cell of a notebook."""
        ...

    def file_line(self, display: str, cell: int | None, line: int, /) -> int:
        """The line of the file itself: for a line of a notebook's cell, the line of its JSON that holds it."""
        ...
