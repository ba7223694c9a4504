"""The options that take known and old findings out of a report: the baseline, and what has changed in git."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from freezelint.baseline import Baseline
    from freezelint.changes import Changes
    from freezelint.config import Configuration
    from freezelint.report import Report
    from freezelint.texts import Texts

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--baseline",
        "baseline_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Do not tell the findings in this file.",
    ),
    click.option(
        "--write-baseline",
        is_flag=True,
        help="Take all findings into the baseline (without --baseline: freezelint-baseline.json).",
    ),
    click.option("--no-baseline", is_flag=True, help="Tell the findings in the configured baseline too."),
    click.option(
        "--diff-base",
        metavar="REVISION",
        help="Tell only findings that lines changed since this revision of git touch: --diff-base origin/main.",
    ),
)
NAMES = ("baseline_file", "write_baseline", "no_baseline", "diff_base")


def narrowing_options(command: _Command) -> _Command:
    """Adds to a command the options that `narrowing` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(slots=True)
class Narrowing:
    """Takes findings out of a report; with `renew` it takes them into the baseline."""

    baseline: Baseline | None
    changes: Changes | None
    renew: bool

    def __call__(self, report: Report, texts: Texts) -> Report:
        """The report without what is known or old."""
        if self.changes is not None:
            report = self.changes.narrow(report, texts)
        if self.baseline is None:
            return report
        if self.renew:
            before = len(self.baseline.entries)
            self.baseline = self.baseline.renewed(report, texts)
            _write(self.baseline, before)
        return self.baseline.narrow(report, texts)


def narrowing(options: Mapping[str, Any], own: Configuration, folder: Path) -> Narrowing:
    """What the options of `narrowing_options` and the configuration ask for; `folder` is in the repository of git.

    Raises `click.UsageError` for what cannot be.
    """
    renew, revision = options["write_baseline"], options["diff_base"]
    if options["no_baseline"] and (renew or options["baseline_file"] is not None):
        raise click.UsageError("--no-baseline contradicts --baseline and --write-baseline: leave one of them out")
    if renew and revision is not None:
        raise click.UsageError("--write-baseline takes all findings in, --diff-base leaves some out: use one of them")
    file = None if options["no_baseline"] else options["baseline_file"] or own.baseline
    if renew and file is None:
        from freezelint.baseline import DEFAULT

        file = Path(DEFAULT)
    return Narrowing(
        baseline=_open(file, renew) if file is not None else None,
        changes=_since(revision, folder) if revision is not None else None,
        renew=renew,
    )


def _open(file: Path, renew: bool) -> Baseline:
    from freezelint.baseline import Baseline, BaselineError, read

    try:
        return Baseline(file.absolute()) if renew and not file.exists() else read(file.absolute())
    except BaselineError as error:
        raise click.UsageError(str(error)) from error


def _since(revision: str, folder: Path) -> Changes:
    from freezelint.changes import ChangesError, since

    try:
        return since(revision, folder)
    except ChangesError as error:
        raise click.UsageError(str(error)) from error


def _write(baseline: Baseline, before: int) -> None:
    from freezelint.report.summary import plural
    from freezelint.source.files import display

    try:
        baseline.write()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise click.UsageError(f"cannot write {display(baseline.path)}: {reason}") from error
    now = len(baseline.entries)
    click.echo(f"{plural(now, 'finding')} in {display(baseline.path)} (before: {before})", err=True)
