"""The command line. It knows everything; nothing knows it. One module for each command."""

from __future__ import annotations

import click

from freezelint import __version__
from freezelint.cli.application import Application
from freezelint.cli.audit import audit
from freezelint.cli.check import check
from freezelint.cli.config import config
from freezelint.cli.cost import cost
from freezelint.cli.rules import explain, rules
from freezelint.cli.server import server


@click.group(cls=Application, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="freezelint")
def cli() -> None:
    """Find Keras layers that are not frozen when you think they are, and BatchNorm in the wrong mode.

    Reads Python files, notebooks and saved models (.keras, .h5, SavedModel) without importing or running them.
    """


for command in (check, audit, cost, explain, rules, config, server):
    cli.add_command(command)


def main() -> None:
    """The entry point of the command `freezelint`."""
    cli()
