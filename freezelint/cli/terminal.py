"""What goes to standard output: colour, encoding; and reports that go to files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


def colour() -> bool:
    """NO_COLOR (no-color.org) switches colour off, FORCE_COLOR on; otherwise a terminal gets it."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """Text to standard output; characters that its encoding lacks are replaced."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False, color=colour() or None)
    sys.stdout.flush()


def write_file(file: Path, text: str) -> None:
    """Writes a report; raises `click.UsageError` if the file cannot be written."""
    try:
        file.write_text(text, "utf-8", "replace")
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror}") from error
