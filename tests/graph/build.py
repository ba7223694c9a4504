"""Model configurations and model graphs for tests, as short as they can be written."""

from __future__ import annotations

from typing import Any

from freezelint.graph.keras_config import read_model_config
from freezelint.graph.model_graph import ModelGraph
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion

KERAS2 = Behaviour(KerasVersion(2, 15))
KERAS3 = Behaviour(KerasVersion(3, 15))
KERAS3_16 = Behaviour(KerasVersion(3, 16))

Config = dict[str, Any]


def layer(class_name: str, name: str, *calls: Any, **config: Any) -> Config:
    """A layer as Keras 3 writes it; each of `calls` is the name it takes its input from, or the result of `call`.

    `own=False` freezes it.
    """
    own = config.pop("own", True)
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "name": name,
        "config": {"name": name, "trainable": own, **config},
        "registered_name": None,
        "inbound_nodes": [one if isinstance(one, dict) else call(one) for one in calls],
    }


def call(*sources: Any, **kwargs: Any) -> Config:
    """A call with the outputs of `sources`: names, or (name, call, output)."""
    return {
        "args": [[tensor(source) for source in sources] if len(sources) > 1 else tensor(sources[0])],
        "kwargs": kwargs,
    }


def tensor(source: Any) -> Config:
    """A tensor as Keras 3 refers to it."""
    history = list(source) if isinstance(source, tuple) else [source, 0, 0]
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "keras_history": history}}


def functional(name: str, *layers: Config, calls: tuple[Any, ...] = (), own: bool = True, **ends: Any) -> Config:
    """A Functional model that begins at its first layer and ends at its last, unless `inputs`/`outputs` say otherwise.

    `calls` are those of the model itself inside another one.
    """
    last = layers[-1]
    counts_making = int(last["class_name"] == "Functional")
    config = {
        "name": name,
        "trainable": own,
        "layers": list(layers),
        "input_layers": ends.get("inputs", [layers[0]["name"], 0, 0]),
        "output_layers": ends.get("outputs", [last["name"], counts_making, 0]),
    }
    nodes = [one if isinstance(one, dict) else call(one) for one in calls]
    return {"class_name": "Functional", "name": name, "config": config, "inbound_nodes": nodes}


def sequential(name: str, *layers: Config, calls: tuple[Any, ...] = (), own: bool = True) -> Config:
    """A Sequential model as Keras 3 writes it."""
    nodes = [one if isinstance(one, dict) else call(one) for one in calls]
    config = {"name": name, "trainable": own, "layers": list(layers)}
    return {"class_name": "Sequential", "name": name, "config": config, "inbound_nodes": nodes}


def source(name: str = "in") -> Config:
    """The input of a model."""
    return {"class_name": "InputLayer", "name": name, "config": {"name": name}, "inbound_nodes": []}


def model(config: Config, **facts: Any) -> ModelGraph:
    """The model graph of a configuration; `facts` are further fields of it."""
    found = read_model_config(config)
    return ModelGraph(
        "model.keras",
        "keras",
        root=found.root,
        calls=found.calls,
        inputs=found.inputs,
        outputs=found.outputs,
        inconsistencies=found.inconsistencies,
        **facts,
    )


def base(*, own: bool = True, bn: bool = True, dropout: float = 0.0, calls: tuple[Any, ...] = ("in",)) -> Config:
    """A backbone of one convolution and one BatchNormalization, whose flags are `own` and `bn`."""
    layers = [
        source("base_in"),
        layer("Conv2D", "conv", "base_in", own=own),
        layer("BatchNormalization", "bn", "conv", own=bn),
    ]
    if dropout:
        layers.append(layer("Dropout", "drop", "bn", rate=dropout))
    return functional("base", *layers, calls=calls, own=own)


def with_head(part: Config) -> Config:
    """A part called on the input, and a Dense head."""
    return functional("outer", source(), part, layer("Dense", "head", part["name"]))
