"""Say what is wrong with the contents of a wheel: what must be in it, and what must not.

    python tools/check_wheel.py dist/freezelint-0.1.0-py3-none-any.whl

Exit code 1 if something is missing, or if there is anything besides the package, its rules and its metadata.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def faults(names: set[str]) -> list[str]:
    """What is wrong with a wheel that holds these files, in words; empty if nothing is."""
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "freezelint").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    pages = {f"freezelint/rules/{path.name}" for path in (ROOT / "rules").iterdir()}
    metadata = {name for name in names if ".dist-info/" in name}
    found = [f"{name} is missing" for name in sorted((package | pages) - names)]
    found += [f"{name} does not belong there" for name in sorted(names - package - pages - metadata)]
    if not any(name.endswith("licenses/LICENSE") for name in metadata):
        found.append("the licence is missing")
    return found


def main(arguments: list[str]) -> int:
    """Checks each wheel that is named."""
    code = 0
    for wheel in arguments:
        with zipfile.ZipFile(wheel) as archive:
            names = {name for name in archive.namelist() if not name.endswith("/")}
        for fault in faults(names):
            print(f"{wheel}: {fault}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
