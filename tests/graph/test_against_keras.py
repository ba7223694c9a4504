"""What is read from a file is what Keras itself has in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from freezelint.graph.model_graph import Layer, LayerKind, ModelGraph
from freezelint.graph.reader import read_model
from freezelint.graph.training import trains, weighted_layers
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion

pytestmark = pytest.mark.keras

BUILDERS: dict[str, Callable[[Any], Any]] = {}


def build(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BUILDERS[function.__name__] = function
    return function


def block(k: Any, name: str) -> Any:
    inputs = k.Input((8, 8, 3), name=f"{name}_in")
    x = k.layers.Conv2D(4, 3, name=f"{name}_conv", use_bias=False)(inputs)
    x = k.layers.BatchNormalization(name=f"{name}_bn", scale=False)(x)
    return k.Model(inputs, k.layers.SeparableConv2D(3, 3, padding="same", name=f"{name}_sep")(x), name=name)


@build
def frozen_base(k: Any) -> Any:
    base = block(k, "base")
    base.trainable = False
    inputs = k.Input((8, 8, 3))
    return k.Model(inputs, k.layers.Dense(2)(k.layers.Flatten()(base(inputs, training=False))))


@build
def thawed_by_hand(k: Any) -> Any:
    model = frozen_base(k)
    base = model.get_layer("base")
    base.get_layer("base_bn").trainable = True
    return model


@build
def shared_and_nested(k: Any) -> Any:
    inner = block(k, "inner")
    twin = k.layers.Dense(3, name="twin")
    first, second = k.Input((8, 8, 3), name="first"), k.Input((8, 8, 3), name="second")
    joined = k.layers.Concatenate(name="join")([twin(inner(first)), twin(inner(second))])
    middle = k.Model([first, second], joined, name="middle")
    a, b = k.Input((8, 8, 3), name="a"), k.Input((8, 8, 3), name="b")
    x = k.layers.Flatten(name="flat")(middle([a, b]))
    twin.trainable = False
    return k.Model([a, b], [k.layers.Dense(1, name="one")(x), k.layers.Dense(2, name="two")(x)])


@build
def sequence(k: Any) -> Any:
    layers = k.layers
    return k.Sequential([
        k.Input((12,)),
        layers.Embedding(20, 4, name="words", trainable=False),
        layers.TimeDistributed(layers.Dense(4, name="inner"), name="each"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
        layers.GRU(2, name="last"),
        layers.Dense(1, name="head"),
    ])


@build
def attention(k: Any) -> Any:
    inputs = k.Input((6, 4))
    x = k.layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs)
    x = k.layers.LayerNormalization(name="norm")(x + inputs)
    return k.Model(inputs, k.layers.PReLU(name="prelu")(x * 2.0))


@build
def sequential_in_sequential(k: Any) -> Any:
    inner = k.Sequential([k.layers.Dense(4, name="a"), k.layers.BatchNormalization(name="bn")], name="inner")
    return k.Sequential([k.Input((5,)), inner, k.layers.Dense(1, name="head")])


@build
def mobilenet(k: Any) -> Any:
    base = k.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.75)
    for layer in base.layers[:-30]:
        layer.trainable = False
    inputs = k.Input((32, 32, 3))
    return k.Model(inputs, k.layers.Dense(2)(k.layers.GlobalAveragePooling2D()(base(inputs))))


def loaded_layers(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        below = f"{path}/{layer.name}" if path else layer.name
        if hasattr(layer, "layers"):
            yield from loaded_layers(layer, below)
        else:
            yield below, layer


def leaves(graph: ModelGraph) -> Iterator[Layer]:
    """The layers that Keras would list: containers opened, wrappers closed."""
    stack = list(reversed(graph.root.children)) if graph.root else []
    while stack:
        layer = stack.pop()
        if layer.is_container:
            stack.extend(reversed(layer.children))
        else:
            yield layer


def parameters(layer: Layer) -> int:
    total = 0
    for inner in layer.walk():
        for weight in inner.weights:
            size = 1
            for length in weight.shape or ():
                size *= length or 0
            total += size
    return total


# A Sequential of Keras 2 writes no flag of its own; that matters where its layers do not agree.
GAPS = {("sequence", 2): ["whether the model itself was frozen as a whole"]}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("generation", [2, 3])
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.filterwarnings("ignore")
def test_a_file_says_what_keras_has_in_memory(name: str, generation: int, suffix: str, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras" if generation == 3 else "tf_keras")
    model = BUILDERS[name](keras)
    model.save(tmp_path / f"model{suffix}")
    graph = read_model(tmp_path / f"model{suffix}")
    expected = {
        path: (layer.trainable, layer.count_params())
        for path, layer in loaded_layers(model)
        if type(layer).__name__ not in ("InputLayer", "TFOpLambda")
    }
    found = {
        layer.path: (layer.own_trainable, parameters(layer))
        for layer in leaves(graph)
        if layer.kind not in (LayerKind.INPUT, LayerKind.OPERATION)
    }
    assert set(found) == set(expected)
    for path, (flag, count) in expected.items():
        own, size = found[path]
        assert size == count, path
        assert own is None or own == flag, path
    assert not graph.inconsistencies
    assert [gap.split(":")[0] for gap in graph.gaps] == GAPS.get((name, generation), [])
    behaviour = Behaviour(KerasVersion(generation))
    trained = sum(
        _size(weight.shape)
        for layer in weighted_layers(graph)
        if trains(graph, layer, behaviour)
        for weight in layer.weights
        if weight.role not in ("moving_mean", "moving_variance")
    )
    assert trained == sum(_size(tuple(weight.shape)) for weight in model.trainable_weights)


def _size(shape: tuple[int | None, ...] | None) -> int:
    size = 1
    for length in shape or ():
        size *= length or 0
    return size


@pytest.mark.parametrize("name", ["tf_keras", "keras"])
def test_a_layer_shared_with_an_inner_model_is_told_as_what_keras_cannot_load(name: str, tmp_path: Path) -> None:
    k = pytest.importorskip(name)
    shared = k.layers.Dense(6, name="shared")
    inside = k.Input((6,))
    inner = k.Model(inside, shared(inside), name="inner")
    inputs = k.Input((6,))
    path = tmp_path / "model.keras"
    k.Model(inputs, shared(inner(inputs))).save(path)
    with pytest.raises(ValueError, match="received 0 variables"):
        k.models.load_model(path)
    (sentence,) = read_model(path).inconsistencies
    assert "'shared' has no weights: it is 'inner/shared' too" in sentence
