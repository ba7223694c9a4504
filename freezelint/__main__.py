"""`python -m freezelint` is the command `freezelint`."""

from __future__ import annotations

from freezelint.cli import main

if __name__ == "__main__":
    main()
