"""Every model in fixtures/models, made anew: the file says what the model in memory says."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from freezelint.graph import live
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.reader import read_model
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion
from tests.graph.live.comparison import differences

pytestmark = pytest.mark.keras

MODELS = Path(__file__).parents[3] / "fixtures" / "models"
NAMES = sorted(path.name for path in MODELS.iterdir() if path.suffix != ".toml")
NO_KERAS_MODEL = {"birds_served", "birds_served_in_training", "thermostat_counts_requests"}
"""A `tf.Module` of somebody's own, around a Keras model or without any."""
CHANGED_AFTERWARDS = {"faces_two_configurations.keras"}


@pytest.fixture(scope="module")
def makers() -> dict[str, Callable[[Path], None]]:
    for package in ("tensorflow", "keras", "tf_keras"):
        pytest.importorskip(package)
    source = importlib.util.spec_from_file_location("make_models", MODELS.parent / "make_models.py")
    assert source is not None
    assert source.loader is not None
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    return module.MAKERS


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModelGraph]]:
    """The graphs of the models that are saved or exported during the test, read from memory at that moment."""
    import keras
    import tf_keras

    graphs: list[ModelGraph] = []
    for owner in (keras.Model, tf_keras.Model):
        for method in ("save", "export"):
            write = getattr(owner, method)

            def also_read(model: Any, *args: Any, _write: Any = write, **kwargs: Any) -> Any:
                graphs.append(live.read(model))
                return _write(model, *args, **kwargs)

            monkeypatch.setattr(owner, method, also_read)
    yield graphs


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_KERAS_MODEL | CHANGED_AFTERWARDS])
@pytest.mark.filterwarnings("ignore")
def test_the_file_says_what_the_model_says(
    name: str, makers: dict[str, Callable[[Path], None]], saved: list[ModelGraph], tmp_path: Path
) -> None:
    makers[name](tmp_path / name)
    (graph,) = saved
    file = read_model(tmp_path / name)
    assert not differences(file, graph, Behaviour(KerasVersion.parse(graph.keras_version or "3")))
