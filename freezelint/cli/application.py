"""A group of commands whose results are exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

NOT_DONE = 2
_INTERRUPTED = 130


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
