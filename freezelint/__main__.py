"""The command `freezelint`, which is also `python -m freezelint`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 (pathlib may be anybody's until then)
    # `python -m` looks for modules in the working directory first. What lies there is to be checked, and not to be run.
    del sys.path[0]

from freezelint.garbage import collected_seldom


def main() -> None:
    """The entry point of the command."""
    with collected_seldom():
        from freezelint.cli import cli

        cli()


if __name__ == "__main__":
    main()
