"""`freezelint explain` and `freezelint rules`: the catalogue on a terminal."""

from __future__ import annotations

import sys

import click

from freezelint.cli.completion import completed
from freezelint.cli.terminal import colour, write


@click.command(short_help="Show why a rule is one, and what to write instead.")
@click.argument("rule", shell_complete=completed)
def explain(rule: str) -> int:
    """Show the page of a RULE (a name or a code): what it finds, why that is a mistake, what to write instead."""
    from freezelint import catalogue
    from freezelint.settings import nearest

    found = catalogue.find(rule)
    if found is None:
        raise click.UsageError(f"there is no rule {rule!r}{nearest(rule) or '; `freezelint rules` lists them'}")
    if not sys.stdout.isatty():
        write(found.page if found.page.endswith("\n") else f"{found.page}\n")
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    from freezelint.report.rules import as_page

    Console().print(Markdown(as_page(found)))
    return 0


@click.command(short_help="List the rules.")
@click.option("--output-format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def rules(output_format: str) -> int:
    """List the rules: code, name, how bad in Keras 2 and 3, what sees them, whether there is a fix."""
    from freezelint import catalogue
    from freezelint.report import rules as index

    known = list(catalogue.rules().values())
    if output_format == "json":
        write(index.as_json(known))
    elif output_format == "markdown":
        write(index.as_markdown(known))
    else:
        write(index.as_text(known, colour=colour()))
    return 0
