"""`freezelint check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freezelint.cli.effort import effort
from freezelint.cli.narrowing import NAMES, Narrowing, narrowing, narrowing_options
from freezelint.cli.outputs import FORMATS, parse_outputs, render, render_statistics
from freezelint.cli.settings import chosen, settings_options
from freezelint.cli.terminal import colour, write, write_file

if TYPE_CHECKING:
    from freezelint.api import Fixes
    from freezelint.report import Report
    from freezelint.settings import Settings, SettingsOf
    from freezelint.texts import Texts


@click.command(short_help="Check files, notebooks, models and folders of them.")
@click.argument("paths", nargs=-1, metavar="[PATHS]... | -", type=click.Path(path_type=str))
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="What goes to standard output.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=FILE",
    callback=parse_outputs,
    help="Write a report to a file as well; may be repeated.",
)
@click.option("--statistics", is_flag=True, help="Show how often each rule found something, instead of what.")
@settings_options
@narrowing_options
@click.option("--fix", is_flag=True, help="Mend what can be mended without changing what the author wrote down.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also make the fixes that change training.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@click.option(
    "--add-ignore", metavar="REASON", help="Write a comment that silences it, with a reason, at every finding."
)
@click.option("--stdin-filename", metavar="PATH", help="What to call the text read from standard input (with -).")
@click.option("--no-cache", is_flag=True, help="Take no results of earlier runs, and keep none.")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="How many processes work on many files.  [default: as many as there are processors, 1 inside pre-commit]",
)
def check(
    paths: tuple[str, ...],
    output_format: str,
    outputs: list[tuple[str, Path]],
    statistics: bool,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    add_ignore: str | None,
    stdin_filename: str | None,
    no_cache: bool,
    jobs: int,
    **options: Any,
) -> int:
    """Check Python files, notebooks, saved models, and folders of them (without PATHS: this folder).

    Exit code: 0 nothing found at or above --fail-on, 1 something found (with --fix: something left; with --diff:
    something left or to be changed), 2 the run could not do what was asked.
    """
    from freezelint import api
    from freezelint.config import common_folder
    from freezelint.report.summary import NOTHING
    from freezelint.texts import Texts

    if statistics and output_format not in ("text", "json"):
        raise click.UsageError(f"--statistics are text or json: leave out --output-format {output_format}")
    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes says which fixes --fix or --diff makes: give one of them too")
    if diff and (fix or output_format != "text" or outputs):
        raise click.UsageError("--diff shows a diff and nothing else: leave out --fix, --output-format and --output")
    if add_ignore is not None:
        _validate_reason(add_ignore, fix=fix, no_ignores=bool(options["no_ignores"]))
    if options["write_baseline"] and (fix or diff or add_ignore is not None or "-" in paths):
        raise click.UsageError("--write-baseline writes the baseline and changes nothing else: run it alone")
    texts = Texts()
    narrow_options = {name: options.pop(name) for name in NAMES}
    inputs = [Path(path) for path in paths if path != "-"]
    try:
        settings = chosen(options, inputs)
        narrow = narrowing(narrow_options, settings.own, common_folder(inputs))
        if "-" in paths or stdin_filename is not None:
            if fix or diff or add_ignore is not None:
                raise click.UsageError("standard input cannot be changed: name the file")
            report = _check_standard_input(paths, stdin_filename, settings.files, texts, narrow)
        elif add_ignore is not None:
            ignores = api.add_ignores(paths or ["."], add_ignore, settings.files, texts, narrow)
            if diff:
                return _show_diff(ignores, settings.run, "to be ignored")
            report = _add_ignores(ignores)
        elif diff:
            fixes = api.fix(paths or ["."], settings.files, texts, narrow, unsafe=unsafe_fixes)
            return _show_diff(fixes, settings.run)
        elif fix:
            report = _fix(api.fix(paths or ["."], settings.files, texts, narrow, unsafe=unsafe_fixes))
        else:
            with effort(inputs, jobs, keep=not no_cache) as how:
                report = api.check(paths or ["."], settings.files, texts, narrow, how)
    except (FileNotFoundError, api.SettingsError) as error:
        raise click.UsageError(str(error)) from error
    for kind, file in outputs:
        write_file(file, render(kind, report, texts, colour=False))
    if statistics:
        write(render_statistics(output_format, report, colour=colour()))
    else:
        write(render(output_format, report, texts, colour=colour()))
    if output_format != "text" and not (report.files or report.models or report.not_read):
        click.echo(NOTHING, err=True)
    return report.exit_code(settings.run.fail_on)


def _validate_reason(reason: str, *, fix: bool, no_ignores: bool) -> None:
    if not reason.strip() or not reason.isprintable():
        raise click.UsageError('--add-ignore takes the reason, on one line: --add-ignore "the domains differ"')
    if fix or no_ignores:
        raise click.UsageError("--add-ignore goes with neither --fix nor --no-ignores: leave it or them out")


def _add_ignores(ignores: Fixes) -> Report:
    """Writes the comments, and says how many findings they silence."""
    from freezelint.report.summary import plural

    report = _fix(ignores)
    click.echo(f"{plural(ignores.made, 'finding')} silenced with a comment", err=True)
    return report._replace(fixed=0)


def _fix(fixes: Fixes) -> Report:
    """Writes the changed files; the report then says how much was mended, and what could not be written."""
    from freezelint import api

    failed = api.write(fixes)
    for gap in failed:
        click.echo(f"freezelint: {gap.path}: {gap.reason}", err=True)
    return fixes.report._replace(fixed=fixes.made, failed=fixes.report.failed or bool(failed))


def _show_diff(fixes: Fixes, settings: Settings, what: str = "to be fixed") -> int:
    from freezelint import edit
    from freezelint.report.summary import summary

    for line in edit.diff(fixes.changes):
        write(line)
    for gap in fixes.refused:
        click.echo(f"freezelint: {gap.path}: {gap.reason}", err=True)
    left = summary(fixes.report)
    click.echo(f"{fixes.made} {what}; after that: {left}" if fixes.made else f"Nothing to fix; {left}", err=True)
    return fixes.report.exit_code(settings.fail_on) or int(fixes.made > 0)


def _check_standard_input(
    paths: Sequence[str], stdin_filename: str | None, settings: SettingsOf, texts: Texts, narrow: Narrowing
) -> Report:
    from freezelint.api import check_data

    if tuple(paths) != ("-",):
        raise click.UsageError("standard input is checked alone: give - as the only path")
    location = Path(stdin_filename) if stdin_filename is not None else None
    if location is not None and not location.absolute().parent.is_dir():
        location = None
    return check_data(sys.stdin.buffer.read(), stdin_filename or "-", settings, texts, narrow, location=location)
