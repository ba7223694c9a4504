"""A commit with the mistake is blocked, and goes through once it is mended: real pre-commit, real git."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenes.conftest import ROOT, command, git
from tests.test_config import THAWED

MENDED = THAWED.replace(
    "base.trainable = True\n",
    "base.trainable = True\n"
    "for layer in base.layers:\n"
    "    if isinstance(layer, keras.layers.BatchNormalization):\n"
    "        layer.trainable = False\n",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where pre-commit keeps the environments it makes."""
    return str(tmp_path_factory.mktemp("pre-commit"))


@pytest.fixture
def repository(project: Path, freezelint_repository: Path, home: str) -> Path:
    """A repository with the hooks of freezelint installed."""
    revision = git(freezelint_repository, "rev-parse", "HEAD").stdout.strip()
    hooks = "".join(f"      - id: {hook}\n" for hook in ("freezelint", "freezelint-audit"))
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {freezelint_repository}\n    rev: {revision}\n    hooks:\n{hooks}"
    )
    installed = command(sys.executable, "-m", "pre_commit", "install", cwd=project, PRE_COMMIT_HOME=home)
    assert installed.returncode == 0, installed.stderr
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--no-verify", "--message", "start")
    return project


def commit(repository: Path, home: str, name: str, data: str | bytes) -> subprocess.CompletedProcess[str]:
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_bytes(data.encode() if isinstance(data, str) else data)
    git(repository, "add", ".")
    return git(repository, "commit", "--message", name, PRE_COMMIT_HOME=home)


def test_a_commit_with_the_mistake_is_blocked_until_it_is_mended(repository: Path, home: str) -> None:
    blocked = commit(repository, home, "train.py", THAWED)
    assert blocked.returncode == 1, blocked.stdout + blocked.stderr
    assert "error[FZ101] unfrozen-batchnorm" in blocked.stdout + blocked.stderr
    passed = commit(repository, home, "train.py", MENDED)
    assert passed.returncode == 0, passed.stdout + passed.stderr


def test_a_notebook_is_checked(repository: Path, home: str) -> None:
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": THAWED}], "nbformat": 4, "nbformat_minor": 5})
    blocked = commit(repository, home, "a.ipynb", notebook)
    assert (blocked.returncode, "a.ipynb:cell 1:8:1" in blocked.stdout + blocked.stderr) == (1, True)


def test_what_the_configuration_excludes_is_left_alone(repository: Path, home: str) -> None:
    (repository / "pyproject.toml").write_text('[tool.freezelint]\nexclude = ["old/"]\n')
    passed = commit(repository, home, "old/train.py", THAWED)
    assert passed.returncode == 0, passed.stdout + passed.stderr


def test_a_model_is_audited(repository: Path, home: str) -> None:
    blocked = commit(
        repository, home, "bad.keras", (ROOT / "fixtures" / "models" / "birds_all_frozen.keras").read_bytes()
    )
    assert (blocked.returncode, "FZ212" in blocked.stdout + blocked.stderr) == (1, True)
    git(repository, "reset", "--quiet", "--hard", "HEAD")
    shutil.copytree(ROOT / "fixtures" / "models" / "birds_served_in_training", repository / "served")
    git(repository, "add", ".")
    served = git(repository, "commit", "--message", "a SavedModel", PRE_COMMIT_HOME=home)
    assert (served.returncode, "FZ401" in served.stdout + served.stderr) == (1, True)
