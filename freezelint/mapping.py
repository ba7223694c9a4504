"""The freeze map of a saved model: a path and the findings in it → a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from freezelint.finding import Finding
from freezelint.freeze_map import FreezeMap
from freezelint.graph.cost.answer import BATCH, costs
from freezelint.graph.freeze_map import freeze_map
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.reader import read_model
from freezelint.graph.unrolled import unroll
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import from_artifact, resolve
from freezelint.report import freeze_map as page


def page_of(path: Path, findings: Sequence[Finding] = (), keras: str = "auto") -> str:
    """The page that shows the model at `path`. Raises `Unreadable` for what is none."""
    return page.render(replace(drawn(read_model(path), keras), path=path.as_posix()), findings)


def drawn(model: ModelGraph, keras: str = "auto") -> FreezeMap:
    """The picture of a model as the newest Keras trains it that it may be meant for."""
    choice = resolve(option=keras, artifact=from_artifact(model.keras_version, model.path))
    behaviour = Behaviour(choice.versions[-1])
    return freeze_map(model, unroll(model, BATCH), costs(model, behaviour), behaviour)
