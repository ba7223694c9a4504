"""The command `freezelint`, which is also `python -m freezelint`."""

from __future__ import annotations

from freezelint.garbage import collected_seldom


def main() -> None:
    """The entry point of the command."""
    with collected_seldom():
        from freezelint.cli import cli

        cli()


if __name__ == "__main__":
    main()
