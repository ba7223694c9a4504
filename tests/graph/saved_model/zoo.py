"""Small models, built alike with Keras 2 and Keras 3, that do and do not what a signature should not do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CASES: dict[str, Callable[[Any], Any]] = {}


def case(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CASES[build.__name__] = build
    return build


def backbone(keras: Any, *, name: str = "base") -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3), name=f"{name}_in")
    x = layers.Conv2D(4, 3, name=f"{name}_conv", use_bias=False)(inputs)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.Model(inputs, layers.ReLU(name=f"{name}_relu")(x), name=name)


def with_head(keras: Any, base: Any, **call: Any) -> Any:
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D(name="pool")(base(image, **call))
    x = layers.Dropout(0.2, name="drop")(x)
    return keras.Model(image, layers.Dense(2, name="head")(x), name="outer")


def in_between(keras: Any, *parts: Any, shape: tuple[int, ...] = (8, 8, 3), **call: Any) -> Any:
    layers = keras.layers
    x = inputs = keras.Input(shape, name="image")
    if len(shape) == 3:
        x = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    for part in parts:
        x = part(x, **call)
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten(name="flat")(x)), name="outer")


@case
def frozen_base(keras: Any) -> Any:
    base = backbone(keras)
    base.trainable = False
    return with_head(keras, base, training=False)


@case
def live_batchnorm(keras: Any) -> Any:
    base = backbone(keras)
    base.trainable = False
    base.get_layer("base_bn").trainable = True
    return with_head(keras, base)


@case
def pinned_true(keras: Any) -> Any:
    return with_head(keras, backbone(keras), training=True)


@case
def shared_base(keras: Any) -> Any:
    base = backbone(keras)
    base.trainable = False
    first, second = keras.Input((8, 8, 3), name="first"), keras.Input((8, 8, 3), name="second")
    x = keras.layers.Concatenate(name="both")([base(first, training=False), base(second)])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model([first, second], keras.layers.Dense(2, name="head")(x), name="outer")


@case
def dense_batchnorm_true(keras: Any) -> Any:
    return in_between(keras, keras.layers.BatchNormalization(name="bn"), shape=(6,), training=True)


@case
def batchnorm_without_scale_true(keras: Any) -> Any:
    return in_between(keras, keras.layers.BatchNormalization(scale=False, center=False, name="bn"), training=True)


@case
def synchronized_batchnorm_true(keras: Any) -> Any:
    return in_between(keras, keras.layers.BatchNormalization(synchronized=True, name="bn"), training=True)


@case
def local_norms(keras: Any) -> Any:
    layers = keras.layers
    return in_between(
        keras,
        layers.LayerNormalization(name="layer"),
        layers.LayerNormalization(axis=[1, 2, 3], scale=False, center=False, name="whole"),
        layers.GroupNormalization(2, name="group"),
        layers.UnitNormalization(name="unit"),
    )


@case
def monte_carlo(keras: Any) -> Any:
    layers = keras.layers
    return in_between(
        keras,
        layers.Dropout(0.3, name="dropout"),
        layers.AlphaDropout(0.3, name="alpha"),
        layers.GaussianDropout(0.3, name="gaussian"),
        layers.SpatialDropout2D(0.3, name="spatial"),
        layers.GaussianNoise(0.3, name="noise"),
        training=True,
    )


@case
def augmented(keras: Any) -> Any:
    layers = keras.layers
    return in_between(
        keras,
        layers.RandomFlip("horizontal", name="flip"),
        layers.RandomRotation(0.2, name="turn"),
        layers.RandomContrast(0.2, name="contrast"),
        training=True,
    )


@case
def recurrent_dropout(keras: Any) -> Any:
    return in_between(keras, keras.layers.LSTM(3, dropout=0.3, name="lstm"), shape=(4, 5), training=True)


@case
def frozen_middle(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((6,), name="signal")
    x = layers.Dense(5, name="first")(inputs)
    x = layers.Dense(5, name="middle")(x)
    x = layers.BatchNormalization(name="middle_bn")(x)
    model = keras.Model(inputs, layers.Dense(2, name="last")(x), name="sandwich")
    model.get_layer("middle").trainable = False
    model.get_layer("middle_bn").trainable = False
    return model


@case
def sequential_in_functional(keras: Any) -> Any:
    part = keras.Sequential([keras.Input((8, 8, 3)), backbone(keras), keras.layers.Conv2D(2, 3, name="c")], name="seq")
    part.trainable = False
    return with_head(keras, part, training=False)


@case
def wrapped(keras: Any) -> Any:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="inner")], name="per_step")
    inner.trainable = False
    x = inputs = keras.Input((4, 5), name="steps")
    x = layers.TimeDistributed(inner, name="each")(x)
    x = layers.Bidirectional(layers.LSTM(3, name="lstm"), name="both")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x), name="outer")


def save(keras: Any, name: str, way: str, folder: Path) -> Path:
    """Builds the case and saves it as `way` says; `folder` is where."""
    import tensorflow

    keras.backend.clear_session()
    model = CASES[name](keras)
    if way == "save":
        model.save(folder, save_format="tf")
    elif way == "save_traces=False":
        model.save(folder, save_format="tf", save_traces=False)
    elif way == "export":
        model.export(folder, **({"verbose": False} if hasattr(keras, "ops") else {}))
    else:
        tensorflow.saved_model.save(model, folder)
    return folder
