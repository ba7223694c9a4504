"""Compares what freezelint says of a random model, read live and from files, with what Keras does with it."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freezelint.graph import live
from freezelint.graph.layer_kinds import has_trainable_weights
from freezelint.graph.model_graph import Mode, ModelGraph
from freezelint.graph.modes import modes
from freezelint.graph.reader import read_model
from freezelint.graph.training import trains
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion
from tests.graph.live.comparison import differences
from tests.graph.random_models import behaviour
from tests.graph.random_models.build import Builder


@dataclass(slots=True)
class Outcome:
    """How often a verdict was compared, by kind, and every disagreement in words."""

    compared: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    built: int = 0

    def same(self, what: str, said: object, true: object, detail: str) -> None:
        """Compares a verdict with the truth."""
        self.compared[what] += 1
        if said != true:
            self.disagreements.append(f"{detail}: {what}: said {said}, is {true}")

    def agreed(self, what: str, differ: list[str], detail: str) -> None:
        """Notes the outcome of a comparison that names its differences itself."""
        self.compared[what] += 1
        self.disagreements.extend(f"{detail}: {what}: {one}" for one in differ)


def judge(keras: Any, seed: int, outcome: Outcome) -> None:
    """Builds the model of a seed, saves it in every format, runs it, and compares."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = Builder(keras, seed).model()
    version = KerasVersion.parse(keras.__version__)
    believed = Behaviour(version)
    where = f"seed {seed}, Keras {version.major}"
    outcome.built += 1
    graph = live.read(model)
    with tempfile.TemporaryDirectory() as folder:
        for name, save in _ways(keras, model).items():
            path = Path(folder) / name
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    save(path)
            except Exception as error:  # Keras cannot save everything it can build
                outcome.compared[f"not saved by Keras ({name}): {type(error).__name__}"] += 1
                continue
            file = read_model(path)
            differ = differences(file, graph, believed)
            if (differ or file.inconsistencies) and not _loads(keras, path):
                outcome.compared[f"not loaded by Keras ({name})"] += 1
                continue
            outcome.agreed(f"file and memory ({name})", differ, where)
            outcome.agreed(f"inconsistencies ({name})", file.inconsistencies, where)
            if file.not_read:
                outcome.disagreements.append(f"{where}: {name}: {file.not_read}")
            if path.is_dir():
                _signature(file, path, behaviour.inputs(model), outcome, f"{where}, {name}")
                _flags(file, graph, outcome, f"{where}, {name}")
            if file.training_trace is not None:
                traced = {one.layer for one in file.training_trace.batchnorms if one.mode is Mode.TRAINING}
                outcome.same("training trace and calls", traced, set(modes(graph, believed, True).training), where)
    _runs(keras, model, graph, believed, outcome, where)


def _loads(keras: Any, path: Path) -> bool:
    """Whether Keras can load a file; some that it writes it cannot."""
    try:
        keras.models.load_model(path)
    except Exception:  # whatever Keras raises about a file of its own
        return False
    return True


def _ways(keras: Any, model: Any) -> dict[str, Callable[[Path], Any]]:
    import tensorflow as tf

    ways: dict[str, Callable[[Path], Any]] = {
        "model.keras": lambda path: model.save(path),
        "model.h5": lambda path: model.save(path),
        "module": lambda path: tf.saved_model.save(model, str(path)),
    }
    if keras.__version__.startswith("3"):
        ways["export"] = lambda path: model.export(path, verbose=False)
    else:
        ways["export"] = lambda path: model.export(path)
        ways["saved"] = lambda path: model.save(path, save_format="tf")
    return ways


def _signature(file: ModelGraph, path: Path, given: Any, outcome: Outcome, where: str) -> None:
    """What a signature is said to do, against what it does."""
    said = next((one for one in file.signatures if one.name == "serving_default"), None)
    if said is None:
        outcome.disagreements.append(f"{where}: no signature was read")
        return
    true = behaviour.signature(path, given)
    outcome.same("signature: writes", bool(said.writes), bool(true.moved), where)
    uses_batch = any(one.mode is Mode.TRAINING for one in said.batchnorms)
    outcome.same("signature: statistics", uses_batch, any("moving" in name for name in true.moved), where)
    if not uses_batch:
        outcome.same("signature: random", bool(said.random), true.is_random, where)
    if true.needs_batch is not None:
        outcome.same("signature: needs the batch", uses_batch, true.needs_batch, where)


def _flags(file: ModelGraph, graph: ModelGraph, outcome: Outcome, where: str) -> None:
    """How many variables train, against what Keras hands its optimizer."""
    if file.trainable_variables is not None and graph.root is not None:
        true = {id(weight): weight for layer in graph.root.walk() for weight in layer.weights if weight.trainable}
        unique = {(layer.shared_id, weight.name.rpartition("/")[2], weight.shape): weight for layer in graph.root.walk()
                  for weight in layer.weights if weight.trainable}  # fmt: skip
        assert len(unique) <= len(true)
        outcome.same("list of trainable variables", len(file.trainable_variables), len(unique), where)


def _runs(keras: Any, model: Any, graph: ModelGraph, believed: Behaviour, outcome: Outcome, where: str) -> None:
    """`predict`, a plain call and a step of `fit`, by flags and calls, against what they do."""
    paths = dict(leaves(model))
    given = behaviour.inputs(model)
    for name, training, ask in (
        ("predict", False, lambda values: model.predict(values, verbose=0, batch_size=len(values))),
        ("model(x)", None, lambda values: model(values).numpy()),
    ):
        if name == "predict":
            model.compile(run_eagerly=True)
        said = modes(graph, believed, training)
        true = behaviour.served(ask, given, lambda: model.variables)
        moved = sorted({_layer_of(name_, paths) for name_ in true.moved if "moving" in name_})
        outcome.same(f"{name}: statistics moved", sorted(_plain(said.training)), moved, where)
        if not said.training:
            outcome.same(f"{name}: random", bool(said.random), true.is_random, where)
        if true.needs_batch is not None:
            outcome.same(f"{name}: needs the batch", bool(said.training), true.needs_batch, where)
    weights, statistics = behaviour.trained(keras, model, paths)
    said_trains = {
        layer.path for layer in graph.layers() if layer.path in paths and any(
            trains(graph, inner, believed) for inner in layer.walk() if has_trainable_weights(inner)
        )
    }  # fmt: skip
    outcome.same("fit: weights moved", sorted(said_trains), sorted(weights), where)
    training = {_listed(path, paths) for path in modes(graph, believed, True).training}
    outcome.same("fit: statistics moved", sorted(training), sorted(statistics), where)


def leaves(model: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """The layers that Keras lists, by path; models opened."""
    for layer in model.layers:
        path = f"{above}/{layer.name}" if above else layer.name
        if hasattr(layer, "layers"):
            yield from leaves(layer, path)
        elif hasattr(layer, "weights") and layer.weights:
            yield path, layer


def _listed(path: str, paths: dict[str, Any]) -> str:
    """The layer that Keras lists at or above a path: wrappers are closed there."""
    while path and path not in paths:
        path = path.rpartition("/")[0]
    return path


def _plain(found: list[str]) -> set[str]:
    return {path.rpartition("/")[2] for path in found}


def _layer_of(variable: str, paths: dict[str, Any]) -> str:
    """The name of the layer that a variable of this name belongs to."""
    return variable.split("#")[0].split(":")[0].split("/")[-2]
