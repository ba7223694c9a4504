"""The commands as a group, whose results are exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from freezelint import __version__

NOT_DONE = 2
_INTERRUPTED = 130


_MODULES = {
    "audit": "freezelint.cli.audit",
    "check": "freezelint.cli.check",
    "config": "freezelint.cli.config",
    "cost": "freezelint.cli.cost",
    "explain": "freezelint.cli.rules",
    "rules": "freezelint.cli.rules",
    "server": "freezelint.cli.server",
}


class Application(click.Group):
    """A group of commands that return their exit code, and never end in a traceback for what a user does.

    `modules` says in which module each command is, under its own name; only the one that is asked for is imported.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, as help shows them."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None if there is none."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = getattr(import_module(self._modules[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command and exits with what it returns."""
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
            ctx.exit(NOT_DONE)
        ctx.exit(code or 0)


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
