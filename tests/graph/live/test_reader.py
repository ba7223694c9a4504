"""What the live reader sees that no file says, and what it says when it cannot see."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from freezelint.graph import live
from freezelint.graph.model_graph import LayerKind, Unreadable
from freezelint.graph.training import trains
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(params=[2, 3])
def keras(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip("keras" if request.param == 3 else "tf_keras")


def behaviour(keras: Any) -> Behaviour:
    return Behaviour(KerasVersion(int(keras.__version__[0]), int(keras.__version__.split(".")[1])))


def test_what_is_no_model_says_so() -> None:
    with pytest.raises(Unreadable, match="an object of class int"):
        live.read(3)


def test_a_subclassed_model_shows_its_layers_and_says_that_its_calls_are_unknown(keras: Any) -> None:
    class Mine(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="mine")
            self.blocks = [keras.layers.Dense(4, name="a"), keras.layers.BatchNormalization(name="bn")]
            self.head = keras.layers.Dense(1, name="head")

        def call(self, x: Any, training: Any = None) -> Any:
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    model = Mine()
    model(keras.ops.zeros((2, 3)) if hasattr(keras, "ops") else __import__("numpy").zeros((2, 3), "float32"))
    model.blocks[1].trainable = False
    graph = live.read(model)
    assert graph.root is not None
    assert graph.root.kind is LayerKind.SUBCLASSED
    assert [(layer.path, layer.own_trainable) for layer in graph.layers()] == [
        ("a", True),
        ("bn", False),
        ("head", True),
    ]
    assert any("cannot be seen" in gap for gap in graph.gaps)


def test_a_functional_subclass_with_a_call_of_its_own_is_not_taken_for_its_graph(keras: Any) -> None:
    class Detour(keras.Model):
        def call(self, x: Any, training: Any = None) -> Any:
            return x

    inputs = keras.Input((3,))
    graph = live.read(Detour(inputs, keras.layers.Dense(2)(inputs)))
    assert graph.root is not None
    assert graph.root.kind is LayerKind.SUBCLASSED


def test_a_variable_that_is_frozen_by_itself_does_not_train() -> None:
    keras = pytest.importorskip("keras")
    dense = keras.layers.Dense(2, use_bias=False, name="dense")
    model = keras.Sequential([keras.Input((3,)), dense, keras.layers.Dense(1, name="head")])
    dense.kernel.trainable = False
    graph = live.read(model)
    layer = graph.layer("dense")
    assert layer is not None
    assert layer.own_trainable is True
    assert trains(graph, layer, behaviour(keras)) is False


def test_what_is_not_built_yet_is_a_gap(keras: Any) -> None:
    graph = live.read(keras.Sequential([keras.layers.Dense(2, name="first")]))
    assert [layer.path for layer in graph.layers()] == ["first"]
    assert any("not built" in gap for gap in graph.gaps)


def test_a_broken_get_config_does_not_stop_the_reading(keras: Any) -> None:
    class Odd(keras.layers.Layer):
        def __init__(self, factor: float) -> None:
            super().__init__(name="odd")
            self.factor = factor

        def get_config(self) -> Any:
            raise RuntimeError("not today")

        def call(self, x: Any) -> Any:
            return x * self.factor

    inputs = keras.Input((3,))
    graph = live.read(keras.Model(inputs, Odd(2.0)(inputs)))
    layer = graph.layer("odd")
    assert layer is not None
    assert layer.config["factor"] == 2.0


def test_nothing_of_the_model_changes(keras: Any) -> None:
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("adam", "mse")
    before = [weight.numpy().tolist() for weight in model.weights], model.get_config(), vars(model).keys()
    live.read(model)
    assert ([weight.numpy().tolist() for weight in model.weights], model.get_config(), vars(model).keys()) == before
