"""The command line. It knows everything; nothing knows it. One module for each command."""

from __future__ import annotations

import click

from freezelint import __version__
from freezelint.cli.application import Application

_MODULES = {
    "audit": "freezelint.cli.audit",
    "check": "freezelint.cli.check",
    "config": "freezelint.cli.config",
    "cost": "freezelint.cli.cost",
    "explain": "freezelint.cli.rules",
    "rules": "freezelint.cli.rules",
    "server": "freezelint.cli.server",
}


@click.group(
    cls=Application,
    modules=_MODULES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="freezelint")
def cli() -> None:
    """Find Keras layers that are not frozen when you think they are, and BatchNorm in the wrong mode.

    Reads Python files, notebooks and saved models (.keras, .h5, SavedModel) without importing or running them.
    """
