"""A group of commands whose results are exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import click

NOT_DONE = 2
_INTERRUPTED = 130


class Application(click.Group):
    """A group of commands that return their exit code, and never end in a traceback for what a user does."""

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
