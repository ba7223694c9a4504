"""FLOPs of kernels against the profiler of TensorFlow; `benchmarks/flops.py` does it for every backbone."""

import importlib
import math

import pytest

from freezelint.graph.cost.formulas import parts_of
from freezelint.graph.cost.parts import PartKind
from freezelint.graph.unrolled import unroll
from tests.graph.test_output_shapes_against_keras import graph_of

pytestmark = pytest.mark.keras

CONVOLUTIONS = {PartKind.CONVOLUTION, PartKind.POINTWISE, PartKind.GROUPED}


def profiled(model) -> dict[str, int]:
    import tensorflow as tf

    shape = (1, *model.input_shape[1:])
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec(shape)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    stack, found = [tf.compat.v1.profiler.profile(graph, cmd="op", options=options)], {}
    while stack:
        node = stack.pop()
        found[node.name] = node.float_ops
        stack.extend(node.children)
    return found


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        ("keras", "MobileNetV2"),
        ("keras", "Xception"),
        ("keras", "ResNet50"),
        ("keras", "InceptionResNetV2"),
        ("tf_keras", "EfficientNetB0"),
    ],
)
def test_kernels_multiply_as_often_as_the_profiler_counts(name, backbone):
    model = getattr(importlib.import_module(name).applications, backbone)(weights=None)
    unrolled = unroll(graph_of(model))
    counted = {"Conv2D": 0, "DepthwiseConv2dNative": 0, "MatMul": 0}
    for run in unrolled.runs:
        for part in parts_of(run.layer, unrolled.input_shapes(run), unrolled.output_shapes(run), in_training=False):
            if part.kind in CONVOLUTIONS:
                counted["Conv2D"] += part.forward.flops
            elif part.kind is PartKind.DEPTHWISE:
                counted["DepthwiseConv2dNative"] += part.forward.flops
            elif part.kind is PartKind.DENSE:
                counted["MatMul"] += part.forward.flops
    theirs = profiled(model)
    assert counted == {operation: theirs.get(operation, 0) for operation in counted}


def test_the_weights_of_every_layer_are_counted_right():
    import keras

    model = keras.applications.EfficientNetV2B0(weights=None)
    unrolled = unroll(graph_of(model))
    counted = {}
    for run in unrolled.runs:
        parts = parts_of(run.layer, unrolled.input_shapes(run), unrolled.output_shapes(run), in_training=False)
        counted[run.layer.path] = sum(part.weights for part in parts)
    held = {layer.name: sum(math.prod(weight.shape) for weight in layer.trainable_weights) for layer in model.layers}
    assert {name: count for name, count in counted.items() if count} == {
        name: count for name, count in held.items() if count
    }
