"""How a run goes about its work: what it keeps, how many processes work, and the bar that shows how far it is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from freezelint.work import Effort

QUIET_SECONDS = 1.0
"""A run that is done by then shows no bar."""


@contextmanager
def effort(inputs: Sequence[Path], jobs: int, *, keep: bool) -> Iterator[Effort]:
    """How to work on the inputs, for as long as that takes.

    `jobs` is the number of processes, 0 what is best: all processors, but one inside pre-commit, which starts hooks
    side by side itself. With `keep` results are taken from and kept for other runs.
    """
    from freezelint import cache
    from freezelint.config import common_folder
    from freezelint.work import Effort

    if not jobs and os.environ.get("PRE_COMMIT") == "1":
        jobs = 1
    progress = Progress(sys.stderr.isatty() and os.environ.get("TERM") != "dumb")
    try:
        yield Effort(cache.opened(common_folder(inputs)) if keep else None, jobs, progress.show)
    finally:
        progress.end()


class Progress:
    """A bar on standard error, which appears when a run takes long, and is gone when it ends."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._begun = time.monotonic()
        self._bar: Bar | None = None

    def show(self, done: int, total: int) -> None:
        """Says how many inputs are done, and how many there are."""
        if self._bar is None:
            if not self._wanted or done == total or time.monotonic() - self._begun < QUIET_SECONDS:
                return
            self._bar = _bar()
            self._bar.add_task("Checking", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)

    def end(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
