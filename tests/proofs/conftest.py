"""Both generations of Keras side by side, and the table of what was measured (`pytest tests/proofs --measure`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

_TABLE = pytest.StashKey[dict[tuple[str, str], dict[str, str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--measure", action="store_true", help="print what the proofs measured, per version of Keras")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = {}


@pytest.fixture(scope="session")
def keras2() -> Any:
    """Keras 2, as `tf_keras`."""
    pytest.importorskip("tensorflow")
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="session")
def keras3() -> Any:
    """Keras 3 on TensorFlow."""
    pytest.importorskip("tensorflow")
    keras = pytest.importorskip("keras", minversion="3")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("measured on the TensorFlow backend only")
    return keras


@pytest.fixture(params=["keras2", "keras3"])
def keras(request: pytest.FixtureRequest) -> Any:
    """Each generation in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def measured(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """`measured(keras, label, value)` notes a number for the table and for the JUnit report."""

    def note(keras: Any, label: str, value: float) -> None:
        text = str(value) if isinstance(value, int) else f"{value:.4g}"
        rule = request.path.stem.removeprefix("test_").replace("_", "-")
        record_property(f"{label} (Keras {keras.__version__})", text)
        request.config.stash[_TABLE].setdefault((rule, label), {})[keras.__version__] = text

    return note


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    table = config.stash[_TABLE]
    if not config.getoption("--measure", default=False) or not table:
        return
    versions = sorted({version for row in table.values() for version in row})
    terminalreporter.section("measured")
    terminalreporter.write_line("| rule | what | " + " | ".join(f"Keras {version}" for version in versions) + " |")
    terminalreporter.write_line("|---|---|" + "---|" * len(versions))
    for (rule, label), row in table.items():
        cells = " | ".join(row.get(version, "–") for version in versions)
        terminalreporter.write_line(f"| {rule} | {label} | {cells} |")
