"""What holds for all tests: results are kept in a folder of the test, never in the tree or at home."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FREEZELINT_CACHE_DIR", str(folder))
    return folder
