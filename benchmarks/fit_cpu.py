"""Measures this CPU for the estimates of `freezelint cost`, and prints `freezelint/graph/cost/cpu.json`.

    python benchmarks/fit_cpu.py > freezelint/graph/cost/cpu.json

The peak is that of a large matrix product, the bandwidth that of adding two large tensors. For every kind of part,
some layers of usual sizes are run forward, forward with the gradient of the input, and forward with the gradient of the
weights; each is timed as the fastest of several. The efficiency of a kind in a direction is the time that the roofline
allows for all of them together, divided by the time they took.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

from freezelint.costs import Work
from freezelint.graph.cost.formulas import parts_of
from freezelint.graph.cost.optimizer import Optimizer
from freezelint.graph.cost.parts import Part, PartKind
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.unrolled import unroll

K = keras.layers
BATCH = 8
PASSES = 12
IMAGES = [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
WIDE = [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (112, 112, 64)]


def same(filters: int, size: int = 3, **options: object) -> keras.layers.Layer:
    """A plain convolution."""
    return K.Conv2D(filters, size, padding="same", use_bias=False, **options)


CASES: dict[PartKind, list[tuple[Callable[[], keras.layers.Layer], tuple[int, ...]]]] = {
    PartKind.CONVOLUTION: [
        *((lambda shape=shape: same(shape[-1]), shape) for shape in IMAGES),
        (lambda: same(64, 7, strides=2), (224, 224, 3)),
        (lambda: same(32, 3), (28, 28, 128)),
        (lambda: same(512, 1, strides=2), (56, 56, 256)),
    ],
    PartKind.POINTWISE: [
        (lambda: same(256, 1), (56, 56, 64)),
        (lambda: same(64, 1), (56, 56, 256)),
        (lambda: same(256, 1), (14, 14, 1024)),
        (lambda: same(144, 1), (56, 56, 24)),
        (lambda: same(32, 1), (28, 28, 192)),
        (lambda: same(576, 1), (14, 14, 96)),
        (lambda: same(2048, 1), (7, 7, 512)),
    ],
    PartKind.GROUPED: [
        (lambda: same(128, 3, groups=16), (28, 28, 128)),
        (lambda: same(192, 7, groups=192), (28, 28, 192)),
    ],
    PartKind.DEPTHWISE: [
        *(
            (lambda size=size, strides=strides: K.DepthwiseConv2D(size, strides, padding="same", use_bias=False), shape)
            for size, strides, shape in (
                (3, 1, (112, 112, 32)),
                (3, 2, (112, 112, 96)),
                (3, 1, (56, 56, 144)),
                (3, 1, (14, 14, 576)),
                (3, 1, (7, 7, 960)),
                (5, 1, (28, 28, 240)),
            )
        ),
    ],
    PartKind.TRANSPOSED: [
        (lambda: K.Conv2DTranspose(64, 3, strides=2, padding="same", use_bias=False), (28, 28, 128)),
        (lambda: K.Conv2DTranspose(32, 2, strides=2, padding="same", use_bias=False), (56, 56, 64)),
    ],
    PartKind.DENSE: [
        (lambda: K.Dense(4096, use_bias=False), (4096,)),
        (lambda: K.Dense(1000, use_bias=False), (2048,)),
        (lambda: K.Dense(3072, use_bias=False), (197, 768)),
        (lambda: K.Dense(384, use_bias=False), (28, 28, 96)),
        (lambda: K.Dense(512, use_bias=False), (25088,)),
    ],
    PartKind.LIVE_BATCHNORM: [(lambda: K.BatchNormalization(), shape) for shape in [*IMAGES[:3], *WIDE]],
    PartKind.FROZEN_BATCHNORM: [(lambda: K.BatchNormalization(), shape) for shape in [*IMAGES[:3], *WIDE]],
    PartKind.NORMALIZATION: [
        (lambda: K.LayerNormalization(), (56, 56, 96)),
        (lambda: K.LayerNormalization(), (197, 768)),
    ],
    PartKind.ELEMENTWISE: [
        *((lambda: K.ReLU(), shape) for shape in [*IMAGES[:2], *WIDE]),
        *((lambda: K.ReLU(6.0), shape) for shape in WIDE[:2]),
        *((lambda: K.Rescaling(0.5), shape) for shape in WIDE[:1]),
    ],
    PartKind.CURVE: [
        *((lambda: K.Activation("swish"), shape) for shape in WIDE),
        *((lambda: K.Activation("sigmoid"), shape) for shape in WIDE[:2]),
        (lambda: K.Activation("gelu"), (28, 28, 768)),
        (lambda: K.Activation("tanh"), (28, 28, 256)),
    ],
    PartKind.POOLING: [
        (lambda: K.MaxPooling2D(3, 2), (112, 112, 64)),
        (lambda: K.MaxPooling2D(2), (56, 56, 256)),
        (lambda: K.AveragePooling2D(2), (56, 56, 128)),
        (lambda: K.AveragePooling2D(3, 1, padding="same"), (28, 28, 192)),
    ],
    PartKind.REDUCTION: [
        (lambda: K.GlobalAveragePooling2D(), (28, 28, 512)),
        (lambda: K.GlobalAveragePooling2D(keepdims=True), (56, 56, 144)),
    ],
    PartKind.MOVE: [
        (lambda: K.ZeroPadding2D(1), (112, 112, 64)),
        (lambda: K.ZeroPadding2D(((0, 1), (0, 1))), (56, 56, 144)),
        (lambda: K.UpSampling2D(2), (28, 28, 128)),
    ],
    PartKind.RECURRENT: [
        (lambda: K.LSTM(256, use_bias=False), (50, 256)),
        (lambda: K.LSTM(128, use_bias=False), (100, 64)),
    ],
    PartKind.ATTENTION: [(lambda: K.Dot(axes=(2, 2)), (196, 64)), (lambda: K.Dot(axes=(2, 2)), (512, 256))],
}


def fastest(function: Callable[[], object], passes: int = PASSES) -> float:
    """Seconds of the fastest of several calls."""
    function()
    function()
    found = []
    for _ in range(passes):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return min(found)


def matched_part(kind: PartKind, make: Callable[[], keras.layers.Layer], shape: tuple[int, ...]) -> Part:
    """What the cost model says of the layer, summed up over its parts of this kind."""
    inputs = [keras.Input(shape) for _ in range(2 if kind is PartKind.ATTENTION else 1)]
    built = keras.Model(inputs, make()(inputs if len(inputs) > 1 else inputs[0]))
    found = read_model_config(json.loads(built.to_json()))
    graph = ModelGraph("m", "keras", root=found.root, calls=found.calls, inputs=found.inputs, outputs=found.outputs)
    unrolled = unroll(graph, BATCH)
    run = unrolled.runs[-1]
    live = kind is not PartKind.FROZEN_BATCHNORM
    parts = [
        part
        for part in parts_of(run.layer, unrolled.input_shapes(run), unrolled.output_shapes(run), in_training=live)
        if part.kind is kind
    ]
    total = Part(kind, Work(), Work(), Work())
    for part in parts:
        total = Part(
            kind,
            total.forward + part.forward,
            total.input_gradient + part.input_gradient,
            total.weight_gradient + part.weight_gradient,
            total.weights + part.weights,
        )
    return total


def measured(kind: PartKind, make: Callable[[], keras.layers.Layer], shape: tuple[int, ...]) -> dict[str, float]:
    """Seconds of a layer in each direction."""
    layer = make()
    pair = kind is PartKind.ATTENTION
    x = tf.random.normal((BATCH, *shape))
    inputs = [x, x + 1] if pair else x
    training = kind is PartKind.LIVE_BATCHNORM
    options = {"training": training} if "BATCHNORM" in kind.name else {}
    y = layer(inputs, **options)
    dy = tf.random.normal(y.shape)

    @tf.function(autograph=False)
    def forward(x):
        return layer(x, **options)

    @tf.function(autograph=False)
    def input_gradient(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **options)
        return y, tape.gradient(y, x, dy)

    @tf.function(autograph=False)
    def weight_gradient(x, dy):
        with tf.GradientTape() as tape:
            y = layer(x, **options)
        return y, tape.gradient(y, [weight.value for weight in layer.trainable_weights], dy)

    once = fastest(lambda: forward(inputs))
    found = {"forward": once, "input_gradient": fastest(lambda: input_gradient(inputs, dy)) - once}
    if layer.trainable_weights:
        found["weight_gradient"] = fastest(lambda: weight_gradient(inputs, dy)) - once
    return found


def peak() -> float:
    """FLOPs per second of a large matrix product."""
    a = tf.random.normal((2048, 2048))
    product = tf.function(lambda: tf.matmul(a, a))
    return 2 * 2048**3 / fastest(product)


def bandwidth() -> float:
    """Bytes per second while two large tensors are added."""
    a = tf.random.normal((64, 1024, 1024))
    add = tf.function(lambda a: a + a)
    return 2 * 4 * 64 * 1024**2 / fastest(lambda: add(a))


def start_of_an_operation() -> float:
    """Seconds that an operation takes on next to no data."""

    def chain(length: int) -> Callable[[], object]:
        @tf.function(autograph=False)
        def run(x):
            for _ in range(length):
                x = tf.sin(x)
            return x

        small = tf.zeros((2, 2))
        return lambda: run(small)

    return (fastest(chain(220), 50) - fastest(chain(20), 50)) / 200


def step_of_nothing() -> float:
    """Seconds that `train_on_batch` takes with next to nothing to compute."""
    model = keras.Sequential([keras.Input((2,)), K.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.zeros((2, 2), "float32"), np.zeros((2, 1), "float32")
    return fastest(lambda: model.train_on_batch(x, y), 50)


def update_efficiency(memory: float) -> float:
    """The bandwidth of an update by Adam, as a share of that of an addition."""
    variables = [keras.Variable(np.zeros((1024, 2048), "float32")) for _ in range(4)]
    optimizer = keras.optimizers.Adam()
    optimizer.build(variables)
    gradients = [tf.random.normal((1024, 2048)) for _ in variables]

    @tf.function(autograph=False)
    def update():
        optimizer.apply(gradients)

    work = Optimizer("Adam", 2).update(4 * 1024 * 2048)
    return work.bytes / memory / fastest(update)


def processor() -> str:
    """What this machine calls its processor, and how many cores it has."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main() -> None:
    """The command."""
    flops, memory = peak(), bandwidth()
    efficiency: dict[str, dict[str, float]] = {}
    for kind, cases in CASES.items():
        allowed: dict[str, float] = {}
        taken: dict[str, float] = {}
        for make, shape in cases:
            part = matched_part(kind, make, shape)
            times = measured(kind, make, shape)
            for direction, seconds in times.items():
                work: Work = getattr(part, direction)
                best = max(work.flops / flops, work.bytes / memory)
                ratio = best / seconds if seconds > 0 else float("nan")
                print(
                    f"{kind.value:40} {shape!s:18} {direction:16} {1000 * seconds:8.2f} ms  {ratio:5.2f}",
                    file=sys.stderr,
                )
                allowed[direction] = allowed.get(direction, 0.0) + best
                taken[direction] = taken.get(direction, 0.0) + max(seconds, 1e-6)
        efficiency[kind.value] = {key: round(allowed[key] / taken[key], 3) for key in allowed if allowed[key]}
    efficiency["optimizer"] = {"update": round(update_efficiency(memory), 3)}
    document = {
        "machine": f"{processor()}, TensorFlow {tf.__version__}, Keras {keras.__version__}",
        "peak_flops": round(flops, -8),
        "bandwidth": round(memory, -8),
        "start": round(start_of_an_operation(), 7),
        "step": round(step_of_nothing(), 5),
        "efficiency": efficiency,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
