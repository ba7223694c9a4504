"""Who wrote a SavedModel, and what such a file therefore cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from freezelint.graph.saved_model.metadata import Metadata
from freezelint.graph.saved_model.objects import ObjectGraph

_NO_LAYERS = "it holds no layers: no classes, no configuration, no arguments of calls"


class Writer(NamedTuple):
    """The writer in words, the Keras version if it can be told, and the gaps that come with this kind of file.

    `creation_flags_hold` is set where the flag of a variable at its creation is all there ever was.
    """

    name: str
    keras_version: str | None = None
    gaps: Sequence[str] = ()
    creation_flags_hold: bool = False


def recognise(graph: ObjectGraph, metadata: Metadata) -> Writer:
    """The writer, from what the root object keeps.

    Keras 2's ExportArchive is itself the object that is saved (and so leaves its endpoint names); Keras 3 saves a
    bare object in its place. `tf.saved_model.save` of a model keeps the model's own attributes.
    """
    version = metadata.root.get("keras_version")
    if isinstance(version, str) and version:
        return Writer(f"Keras {version} model.save", version)
    if metadata.entries:
        return Writer("Keras 2 model.save", "2")
    if not graph.nodes:
        return Writer("TensorFlow 1 or an estimator", None, [_NO_LAYERS, _unknown_flags()])
    children = graph.nodes[0].children
    if "_all_variables" in children and "trainable_variables" in children:
        major = "2" if "_endpoint_names" in children or "_endpoint_signatures" in children else "3"
        gap = "it holds no flags of layers, only the list of variables that train"
        return Writer(f"Keras {major} model.export", major, [_NO_LAYERS, gap])
    if graph.nodes[0].is_keras_2:
        gap = "it holds no Keras metadata (tf.saved_model.save writes none): no classes, no configuration, no arguments"
        return Writer("tf.saved_model.save of a Keras 2 model", "2", [gap + " of calls"])
    if "_operations" in children or "_call_has_context_arg" in children or "_inbound_nodes" in children:
        return Writer("tf.saved_model.save of a Keras 3 model", "3", [_NO_LAYERS, _unknown_flags()])
    if "trainable_variables" in children:
        return Writer("TensorFlow 2", None, [_NO_LAYERS])
    return Writer("tf.saved_model.save of a module", None, [_NO_LAYERS], creation_flags_hold=True)


def _unknown_flags() -> str:
    return "it does not say which variables train"
