"""The command line. It knows everything; nothing knows it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freezelint import __version__
from freezelint.finding import Confidence, Severity

if TYPE_CHECKING:
    from freezelint.api import Fixes, Settings
    from freezelint.report import Report
    from freezelint.texts import Texts

FORMATS = ("text", "concise", "json")
_NOT_DONE = 2
_INTERRUPTED = 130


class _Application(click.Group):
    """A group of commands that return their exit code, and never end in a traceback for what a user does."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nfreezelint: interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            # The reader went away (`freezelint check | head`). Nothing may be written at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_NOT_DONE)
        ctx.exit(code or 0)


@click.group(cls=_Application, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="freezelint")
def cli() -> None:
    """Find Keras layers that are not frozen when you think they are, and BatchNorm in the wrong mode.

    Reads Python files, notebooks and saved models (.keras, .h5, SavedModel) without importing or running them.
    """


def _words(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for text in value for item in text.split(",") if (word := item.strip()))


def _outputs(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> list[tuple[str, Path]]:
    outputs = []
    for text in value:
        kind, equals, file = text.partition("=")
        if not equals or not file or kind not in FORMATS:
            raise click.BadParameter(f"{text!r} is not FORMAT=FILE with one of the formats {', '.join(FORMATS)}")
        if not Path(file).absolute().parent.is_dir():
            raise click.BadParameter(f"there is no folder {Path(file).parent} to write {file} to")
        outputs.append((kind, Path(file)))
    return outputs


@cli.command(short_help="Check files, notebooks, models and folders of them.")
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
    callback=_outputs,
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
        _write_file(file, _render(kind, report, texts, colour=False))
    _write(_render(output_format, report, texts, colour=_colour()))
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
        _write(line)
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


def _render(kind: str, report: Report, texts: Texts, colour: bool) -> str:
    from freezelint.report import concise, json, text

    if kind == "json":
        return json.render(report, texts.lines)
    if kind == "concise":
        return concise.render(report, texts.lines, colour)
    return text.render(report, texts.lines, colour)


@cli.command(short_help="Show why a rule is one, and what to write instead.")
@click.argument("rule")
def explain(rule: str) -> int:
    """Show the page of a RULE (a name or a code): what it finds, why that is a mistake, what to write instead."""
    from freezelint import catalogue
    from freezelint.api import nearest

    found = catalogue.find(rule)
    if found is None:
        raise click.UsageError(f"there is no rule {rule!r}{nearest(rule) or '; `freezelint rules` lists them'}")
    if not sys.stdout.isatty():
        _write(found.page if found.page.endswith("\n") else f"{found.page}\n")
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    from freezelint.report.rules import as_page

    Console().print(Markdown(as_page(found)))
    return 0


@cli.command(short_help="List the rules.")
@click.option("--output-format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def rules(output_format: str) -> int:
    """List the rules: code, name, how bad in Keras 2 and 3, what sees them, whether there is a fix."""
    from freezelint import catalogue
    from freezelint.report import rules as index

    known = list(catalogue.rules().values())
    if output_format == "json":
        _write(index.as_json(known))
    elif output_format == "markdown":
        _write(index.as_markdown(known))
    else:
        _write(index.as_text(known, colour=_colour()))
    return 0


def _colour() -> bool:
    """NO_COLOR (no-color.org) switches colour off, FORCE_COLOR on; otherwise a terminal gets it."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    """Text to standard output; characters that its encoding lacks are replaced."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False, color=_colour() or None)
    sys.stdout.flush()


def _write_file(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8", "replace")
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror}") from error


def main() -> None:
    """The entry point of the command `freezelint`."""
    cli()
