"""Where the imports of a project are looked up, and what a look at one of its files comes to."""

from __future__ import annotations

from pathlib import Path

ABSENT, PRESENT, UNKNOWN = "", "present", "unknown"
"""What is said of a file that is not there, of one that is there and was not read, and of one that cannot be read.

Of one that was read its digest is said.
"""

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders in which packages of different projects lie beside each other."""

_MARKERS = ("pyproject.toml", ".git", "setup.py", "setup.cfg")


def search_roots(location: Path) -> list[Path]:
    """The folders that imports are looked up in: up to the project's root, and its `src`.

    For a file of an installed package that is up to the folder it is installed in.
    """
    roots: list[Path] = []
    for folder in list(location.parents)[:8]:
        roots.append(folder)
        if folder.name in INSTALLED:
            return roots
        if any((folder / marker).exists() for marker in _MARKERS):
            roots.append(folder / "src")
            return roots
    return roots[:1]


def top_level(base: Path, importer: Path) -> str | None:
    """The only module of the folder `base` that is of the same project as a file in it; None if all of them are.

    Beside an installed package lie those of others: TensorFlow is no part of Keras.
    """
    if base.name not in INSTALLED or base not in importer.parents:
        return None
    return importer.relative_to(base).parts[0].removesuffix(".py")
