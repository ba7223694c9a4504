"""The command line. It knows everything; nothing knows it. One module for each command."""

from __future__ import annotations

from freezelint.garbage import collected_seldom


def main() -> None:
    """The entry point of the command `freezelint`."""
    with collected_seldom():
        from freezelint.cli.application import cli

        cli()
