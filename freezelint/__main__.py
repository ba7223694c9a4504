"""`python -m freezelint` is the command `freezelint`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 (pathlib may be anybody's until then)
        # `python -m` looks for modules in the working directory first. What lies there is to be checked, not run.
        del sys.path[0]
    from freezelint.cli import main

    main()
