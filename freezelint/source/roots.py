"""Where the imports of a project are looked up, and what a look at one of its files comes to."""

from __future__ import annotations

from pathlib import Path

ABSENT, PRESENT, UNKNOWN = "", "present", "unknown"
"""What is said of a file that is not there, of one that is there and was not read, and of one that cannot be read.

Of one that was read its digest is said.
"""

_MARKERS = ("pyproject.toml", ".git", "setup.py", "setup.cfg")


def search_roots(location: Path) -> list[Path]:
    """The folders that imports are looked up in: up to the project's root, and its `src`."""
    roots: list[Path] = []
    for folder in list(location.parents)[:8]:
        roots.append(folder)
        if any((folder / marker).exists() for marker in _MARKERS):
            roots.append(folder / "src")
            return roots
    return roots[:1]
