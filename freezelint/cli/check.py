"""`freezelint check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freezelint.cli.outputs import FORMATS, parse_outputs, render
from freezelint.cli.terminal import colour, write, write_file
from freezelint.finding import Confidence, Severity

if TYPE_CHECKING:
    from freezelint.api import Fixes, Settings
    from freezelint.report import Report
    from freezelint.texts import Texts


def _words(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for text in value for item in text.split(",") if (word := item.strip()))


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
@click.option(
    "--keras",
    default="auto",
    show_default=True,
    metavar="VERSION",
    help="Which Keras to check for: 2, 3, a version such as 3.14, any, or auto.",
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax", "torch"]),
    help="The backend of Keras 3; without it what the source sets, otherwise tensorflow.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    callback=_words,
    help="Only these rules: names, codes, beginnings of codes (FZ2) or all, separated by commas.",
)
@click.option("--ignore", multiple=True, metavar="RULES", callback=_words, help="Not these rules.")
@click.option(
    "--min-confidence",
    type=click.Choice([item.value for item in Confidence]),
    default="likely",
    show_default=True,
    help="Show only what is at least this sure.",
)
@click.option(
    "--pedantic", is_flag=True, help="Show what is only possible, and what a more specific rule silences, too."
)
@click.option(
    "--fail-on",
    type=click.Choice(["warning", "error"]),
    default="warning",
    show_default=True,
    help="The lowest severity that makes the exit code 1.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what matches, in the form of a line of .gitignore; may be repeated.",
)
@click.option("--force-exclude", is_flag=True, help="Leave it out even if it is named explicitly (pre-commit does).")
@click.option("--fix", is_flag=True, help="Mend what can be mended without changing what the author wrote down.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also make the fixes that change training.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@click.option("--stdin-filename", metavar="PATH", help="What to call the text read from standard input (with -).")
@click.option("--no-cache", is_flag=True, help="Accepted, and changes nothing: this version keeps no cache.")
def check(
    paths: tuple[str, ...],
    output_format: str,
    outputs: list[tuple[str, Path]],
    min_confidence: str,
    fail_on: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    stdin_filename: str | None,
    no_cache: bool,
    **options: Any,
) -> int:
    """Check Python files, notebooks, saved models, and folders of them (without PATHS: this folder).

    Exit code: 0 nothing found at or above --fail-on, 1 something found (with --fix: something left; with --diff:
    something left or to be changed), 2 the run could not do what was asked.
    """
    from freezelint import api
    from freezelint.report.summary import NOTHING
    from freezelint.texts import Texts

    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes says which fixes --fix or --diff makes: give one of them too")
    if diff and (fix or output_format != "text" or outputs):
        raise click.UsageError("--diff shows a diff and nothing else: leave out --fix, --output-format and --output")
    settings = api.Settings(min_confidence=Confidence(min_confidence), fail_on=Severity(fail_on), **options)
    texts = Texts()
    try:
        if "-" in paths or stdin_filename is not None:
            if fix or diff:
                raise click.UsageError("standard input cannot be fixed: name the file")
            report = _check_standard_input(paths, stdin_filename, settings, texts)
        elif diff:
            return _show_diff(api.fix(paths or ["."], settings, texts, unsafe=unsafe_fixes), settings)
        elif fix:
            report = _fix(api.fix(paths or ["."], settings, texts, unsafe=unsafe_fixes))
        else:
            report = api.check(paths or ["."], settings, texts)
    except (FileNotFoundError, api.SettingsError) as error:
        raise click.UsageError(str(error)) from error
    for kind, file in outputs:
        write_file(file, render(kind, report, texts, colour=False))
    write(render(output_format, report, texts, colour=colour()))
    if output_format != "text" and not (report.files or report.models or report.not_read):
        click.echo(NOTHING, err=True)
    return report.exit_code(settings.fail_on)


def _fix(fixes: Fixes) -> Report:
    """Writes the changed files; the report then says how much was mended, and what could not be written."""
    from freezelint import api

    failed = api.write(fixes)
    for gap in failed:
        click.echo(f"freezelint: {gap.path}: {gap.reason}", err=True)
    return replace(fixes.report, fixed=fixes.count, failed=fixes.report.failed or bool(failed))


def _show_diff(fixes: Fixes, settings: Settings) -> int:
    from freezelint import edit
    from freezelint.report.summary import summary

    for line in edit.diff(fixes.changes):
        write(line)
    for gap in fixes.refused:
        click.echo(f"freezelint: {gap.path}: {gap.reason}", err=True)
    left = summary(fixes.report)
    click.echo(f"{fixes.count} to be fixed; after that: {left}" if fixes.count else f"Nothing to fix; {left}", err=True)
    return fixes.report.exit_code(settings.fail_on) or int(fixes.count > 0)


def _check_standard_input(paths: Sequence[str], stdin_filename: str | None, settings: Settings, texts: Texts) -> Report:
    from freezelint.api import check_data

    if tuple(paths) != ("-",):
        raise click.UsageError("standard input is checked alone: give - as the only path")
    return check_data(sys.stdin.buffer.read(), stdin_filename or "-", settings, texts)
