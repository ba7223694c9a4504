"""The scenes run when they are asked for; each gets a copy of this repository as people would have it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_IDENTITY = ("-c", "user.name=A Person", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("FREEZELINT_SCENES"):
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="a scene: `make scenes` runs it"))


def command(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command without the settings of git and of Python that surround the tests."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GIT_", "PYTHON", "PRE_COMMIT", "VIRTUAL_ENV"))
    }
    return subprocess.run(words, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False)


def git(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs git as a person who has a name."""
    return command("git", *_IDENTITY, *words, cwd=folder, **environment)


@pytest.fixture(scope="session")
def freezelint_repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A git repository with the files of this one as they are now."""
    copy = tmp_path_factory.mktemp("freezelint")
    names = command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    assert git(copy, "commit", "--quiet", "--message", "A release").returncode == 0
    yield copy


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty git repository."""
    git(tmp_path, "init", "--quiet")
    return tmp_path
