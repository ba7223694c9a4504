"""The HDF5 format (`.h5`, `.hdf5`) since Keras 2.0: a configuration in an attribute, and weights → ModelGraph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from freezelint.finding import NotRead
from freezelint.graph import compile_config, layer_kinds, untrusted_json, weights
from freezelint.graph.hdf5_tree import Group, read_tree
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.model_graph import Layer, ModelGraph, Unreadable
from freezelint.graph.sniff import open_regular


class NoModel(Unreadable):
    """A sound HDF5 file in which Keras stored nothing."""


_ROOT_WEIGHTS = "top_level_model_weights"


def read(path: Path) -> ModelGraph:
    """The model in the HDF5 file at `path`.

    A file with weights only is a model without layers. Raises `Unreadable` for a file that is damaged and
    `NoModel` for one that holds nothing of Keras.
    """
    with open_regular(path) as file:
        tree = read_tree(file)
    root = tree.root
    holder = root.groups.get("model_weights", root)
    graph = ModelGraph(str(path), "hdf5", inconsistencies=tree.inconsistencies)
    graph.keras_version = root.text("keras_version") or holder.text("keras_version")
    graph.writer = f"Keras {graph.keras_version}" if graph.keras_version else None
    if "model_config" not in root.attributes:
        return _weights_only(graph, root, holder)
    text = root.text("model_config")
    if text is None:
        raise Unreadable("an HDF5 file whose model_config is not text")
    found = read_model_config(untrusted_json.parse(text, "model_config"))
    graph.root, graph.calls, graph.inputs, graph.outputs = found.root, found.calls, found.inputs, found.outputs
    graph.embedded_code = found.embedded_code
    graph.inconsistencies += found.inconsistencies
    graph.gaps += found.gaps
    graph.compiled = "training_config" in root.attributes
    graph.optimizer = _optimizer(root)
    keras3 = (graph.keras_version or "").startswith("3")
    graph.variables = weights.attach_legacy(graph.root, holder, keras3=keras3)
    graph.optimizer_slots = weights.slots(root.groups.get("optimizer_weights"))
    graph.steps = tree.steps
    if "model_weights" not in root.groups:
        graph.gaps.append("shapes of weights (the file has none)")
    else:
        graph.inconsistencies += _disagreements(graph.root, holder)
    return graph


def _optimizer(root: Group) -> dict[str, Any] | None:
    text = root.text("training_config")
    try:
        return None if text is None else compile_config.optimizer(untrusted_json.parse(text, "training_config"))
    except Unreadable:
        return None


def _weights_only(graph: ModelGraph, root: Group, holder: Group) -> ModelGraph:
    is_keras = (
        holder.texts("layer_names") is not None
        or "layers" in root.groups
        or "_layer_checkpoint_dependencies" in root.groups
    )
    if not is_keras:
        raise NoModel("an HDF5 file without a Keras model")
    reason = "it holds weights only: no layers, no flags, no calls"
    graph.gaps.append(reason)
    graph.not_read.append(NotRead(graph.path, reason, wholly=False))
    return graph


def _disagreements(root: Layer, holder: Group) -> list[str]:
    """Where the configuration and the weights do not speak of the same layers."""
    names = holder.texts("layer_names")
    if names is None:
        return ["the weights do not say which layers they belong to"]
    layers = {layer.name: layer for layer in root.children}
    found = [
        f"weights of {name!r}, which the configuration does not have"
        for name in names
        if name not in layers | {_ROOT_WEIGHTS: root}
    ]
    found += [
        f"the configuration has {name!r}, but the file has no weights of it"
        for name, layer in layers.items()
        if name not in names and layer_kinds.has_trainable_weights(layer)
    ]
    return found[:10]
