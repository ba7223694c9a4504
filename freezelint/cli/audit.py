"""`freezelint audit`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freezelint.cli.settings import chosen, settings_options
from freezelint.cli.terminal import colour, write, write_file
from freezelint.requirements import REQUIREMENTS

if TYPE_CHECKING:
    from freezelint.audited import AuditReport

FORMATS = ("text", "json")


def _required(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for text in value for item in text.split(",") if (word := item.strip()))


@click.command(short_help="Say what a saved model is, and what it does when it is served.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=click.Path(path_type=str))
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="What goes to standard output.",
)
@click.option(
    "--require",
    multiple=True,
    metavar="WHAT",
    callback=_required,
    help=f"Fail unless it is known to hold: {', '.join(REQUIREMENTS)}; separated by commas.",
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Draw the model, as a page in FILE.")
@click.option("--all-layers", is_flag=True, help="Print every layer, also long stretches that are all alike.")
@settings_options
def audit(
    models: tuple[str, ...],
    output_format: str,
    require: tuple[str, ...],
    html: Path | None,
    all_layers: bool,
    **options: Any,
) -> int:
    """Say everything there is to say about saved models (.keras, .h5, SavedModel, and folders of them).

    What wrote it, which layers are frozen, what `fit` and `predict` and every signature do, what lies on the gradient
    path, what could not be told. Nothing of a model is run.

    Exit code: 0 nothing found at or above --fail-on and everything met that --require asks for, 1 otherwise, 2 the run
    could not do what was asked.
    """
    from freezelint.auditing import audit_paths
    from freezelint.settings import SettingsError

    try:
        settings = chosen(options, [Path(model) for model in models])
        report = audit_paths(models, settings.files, require)
    except (FileNotFoundError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    if not report.models and not report.not_read:
        click.echo("Nothing to audit: no saved models were found", err=True)
    if html is not None:
        _draw(report, html, options["keras"])
    write(_render(output_format, report, all_layers=all_layers))
    return report.exit_code(settings.run.fail_on)


def _draw(report: AuditReport, file: Path, keras: str | None) -> None:
    """Writes the freeze map of the one model of a report."""
    from freezelint.mapping import page_of

    if len(report.models) > 1:
        raise click.UsageError("--html shows one model on one page: name one model")
    for model in report.models:
        write_file(file, page_of(Path(model.path), model.findings, keras or "auto"))


def _render(kind: str, report: AuditReport, *, all_layers: bool) -> str:
    from freezelint.report import audit_text

    if kind == "json":
        from freezelint.report import audit_json

        return audit_json.render(report)
    return audit_text.render(report, colour(), all_layers=all_layers)
