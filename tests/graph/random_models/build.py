"""A random model from a seed: nested, shared, frozen here and there, called with and without `training`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

WIDTH = 6
IMAGE = (6, 6, 3)


class Builder:
    """Builds one model with one Keras; the same seed gives the same model in both generations, names included."""

    def __init__(self, keras: Any, seed: int) -> None:
        self.keras = keras
        self.random = random.Random(seed)
        self._count = 0
        self._shared: list[Any] = []

    def model(self) -> Any:
        """The model: built, with random weights and flags, not compiled."""
        make = self.random.choice([self._vectors, self._vectors, self._vectors, self._images, self._sequential])
        model = make("outer", 0)
        _fill(model, self.random.randrange(1 << 30))
        self._flags(model)
        return model

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def _vectors(self, name: str, depth: int) -> Any:
        """A Functional model from vectors to vectors, with branches."""
        inputs = self.keras.Input((WIDTH,), name=self._name("in"))
        tensors = [inputs]
        for _ in range(self.random.randint(2, 5)):
            step = self.random.choice(self._steps(depth))
            tensors.append(step(self.random.choice(tensors[-2:]), tensors, depth))
        return self.keras.Model(inputs, tensors[-1], name=name)

    def _steps(self, depth: int) -> list[Callable[..., Any]]:
        steps = [self._dense, self._dense, self._batchnorm, self._batchnorm, self._dropout, self._merge, self._again]
        steps += [self._activation, self._operation, self._layernorm, self._sequence, self._wrapped]
        return steps + ([self._nested] * 6 if depth < 2 else [])

    def _dense(self, x: Any, tensors: list[Any], depth: int) -> Any:
        layer = self.keras.layers.Dense(WIDTH, name=self._name("dense"))
        self._shared.append(layer)
        return layer(x)

    def _batchnorm(self, x: Any, tensors: list[Any], depth: int) -> Any:
        options = self.random.choice([{}, {}, {"scale": False}, {"center": False}])
        layer = self.keras.layers.BatchNormalization(momentum=0.5, name=self._name("bn"), **options)
        return layer(x, **self._training())

    def _layernorm(self, x: Any, tensors: list[Any], depth: int) -> Any:
        return self.keras.layers.LayerNormalization(name=self._name("ln"))(x)

    def _dropout(self, x: Any, tensors: list[Any], depth: int) -> Any:
        layers = self.keras.layers
        make = self.random.choice([layers.Dropout, layers.GaussianDropout, layers.GaussianNoise])
        rate = self.random.choice([0.0, 0.5, 0.5])
        if make is layers.GaussianNoise:  # in a SavedModel of Keras 2, noise of deviation 0 is still an operation
            rate = 0.5
        return make(rate, name=self._name("drop"))(x, **self._training())

    def _activation(self, x: Any, tensors: list[Any], depth: int) -> Any:
        return self.keras.layers.Activation("tanh", name=self._name("act"))(x)

    def _operation(self, x: Any, tensors: list[Any], depth: int) -> Any:
        return x * 2.0 if self.random.random() < 0.5 else x + self.random.choice(tensors)

    def _merge(self, x: Any, tensors: list[Any], depth: int) -> Any:
        make = self.random.choice([self.keras.layers.Add, self.keras.layers.Average])
        return make(name=self._name("merge"))([x, self.random.choice(tensors)])

    def _again(self, x: Any, tensors: list[Any], depth: int) -> Any:
        """A layer that was used before, if there is one; in this model or in another."""
        return self.random.choice(self._shared)(x) if self._shared else self._dense(x, tensors, depth)

    def _sequence(self, x: Any, tensors: list[Any], depth: int) -> Any:
        """Through a recurrent layer and back to a vector."""
        layers = self.keras.layers
        x = layers.Reshape((2, WIDTH // 2), name=self._name("split"))(x)
        dropout = self.random.choice([0.0, 0.0, 0.3])
        layer = self.random.choice([layers.LSTM, layers.GRU])(
            WIDTH // 2, dropout=dropout, return_sequences=True, name=self._name("rnn")
        )
        if self.random.random() < 0.4:
            layer = layers.Bidirectional(layer, name=self._name("both"), merge_mode="sum")
        return layers.Flatten(name=self._name("flat"))(layer(x))

    def _wrapped(self, x: Any, tensors: list[Any], depth: int) -> Any:
        """Through a TimeDistributed and back to a vector."""
        layers = self.keras.layers
        x = layers.Reshape((2, WIDTH // 2), name=self._name("split"))(x)
        inner = self.random.choice([
            lambda: layers.Dense(WIDTH // 2, name=self._name("dense")),
            lambda: layers.BatchNormalization(momentum=0.5, name=self._name("bn")),
        ])()
        return layers.Flatten(name=self._name("flat"))(layers.TimeDistributed(inner, name=self._name("each"))(x))

    def _nested(self, x: Any, tensors: list[Any], depth: int) -> Any:
        make = self.random.choice([self._vectors, self._vectors, self._sequential])
        inner = make(self._name("part"), depth + 1)
        y = inner(x, **self._training())
        if self.random.random() < 0.25:
            y = inner(y, **self._training())
        return y

    def _sequential(self, name: str, depth: int) -> Any:
        layers = self.keras.layers
        parts: list[Any] = [self.keras.Input((WIDTH,))]
        for _ in range(self.random.randint(2, 4)):
            make = self.random.choice(["dense", "bn", "drop", "part"] if depth < 2 else ["dense", "bn", "drop"])
            if make == "dense":
                parts.append(layers.Dense(WIDTH, name=self._name("dense")))
            elif make == "bn":
                parts.append(layers.BatchNormalization(momentum=0.5, name=self._name("bn")))
            elif make == "drop":
                parts.append(layers.Dropout(0.5, name=self._name("drop")))
            else:
                parts.append(self.random.choice([self._vectors, self._sequential])(self._name("part"), depth + 1))
        return self.keras.Sequential(parts, name=name)

    def _images(self, name: str, depth: int) -> Any:
        """Augmentation and preprocessing in front of a small convolutional part."""
        layers = self.keras.layers
        inputs = self.keras.Input(IMAGE, name=self._name("in"))
        x = inputs
        if self.random.random() < 0.5:
            x = layers.Rescaling(0.5, name=self._name("rescale"))(x)
        if self.random.random() < 0.4:
            make = self.random.choice([
                lambda: layers.RandomFlip("horizontal", name=self._name("flip")),
                lambda: layers.RandomTranslation(0.3, 0.3, name=self._name("shift")),
            ])
            x = make()(x, **(self._training() if self.random.random() < 0.3 else {}))
        if self.random.random() < 0.3:
            x = layers.Resizing(5, 5, name=self._name("resize"))(x)
        inner_in = self.keras.Input(tuple(x.shape[1:]), name=self._name("in"))
        y = layers.Conv2D(4, 3, name=self._name("conv"), use_bias=False)(inner_in)
        y = layers.BatchNormalization(momentum=0.5, name=self._name("bn"))(y)
        y = layers.Activation("tanh", name=self._name("act"))(y)
        if self.random.random() < 0.4:
            y = layers.SpatialDropout2D(0.5, name=self._name("drop"))(y)
        base = self.keras.Model(inner_in, y, name=self._name("base"))
        x = layers.GlobalAveragePooling2D(name=self._name("pool"))(base(x, **self._training()))
        if self.random.random() < 0.5:
            x = layers.BatchNormalization(momentum=0.5, name=self._name("bn"))(x)
        return self.keras.Model(inputs, layers.Dense(WIDTH, name=self._name("head"))(x), name=name)

    def _training(self) -> dict[str, Any]:
        return self.random.choice([{}, {}, {}, {"training": False}, {"training": True}, {"training": None}])

    def _flags(self, model: Any) -> None:
        """Sets a few flags, in the order in which people do: a model, then some layers in it, then perhaps again."""
        models = [model, *parts_of(model)]
        for _ in range(self.random.randint(0, 3)):
            chosen = self.random.choice(models)
            if chosen is model and self.random.random() < 0.7:
                continue
            chosen.trainable = self.random.choice([False, False, True])
            inner = [layer for layer in chosen.layers if not hasattr(layer, "layers")]
            for layer in self.random.sample(inner, min(len(inner), self.random.randint(0, 3))):
                if "input" not in type(layer).__name__.lower():
                    layer.trainable = self.random.choice([False, True])


def parts_of(model: Any) -> list[Any]:
    """The models inside a model, at any depth."""
    found = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found += [layer, *parts_of(layer)]
    return found


def _fill(model: Any, seed: int) -> None:
    """Gives every weight a random value that is not 0, so that a step of training moves it."""
    chance = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        low, high = (0.5, 1.5) if "variance" in weight.name or "gamma" in weight.name else (0.1, 0.6)
        sign = 1.0 if low == 0.5 else chance.choice([-1.0, 1.0], shape)
        if "float" in str(weight.dtype):
            weight.assign((chance.uniform(low, high, shape) * sign).astype("float32"))
