"""A folder for programs of several files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The root of a project with nothing in it."""
    (tmp_path / "pyproject.toml").touch()
    return tmp_path
