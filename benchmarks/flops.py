"""FLOPs from a configuration against those that the profiler of TensorFlow counts in the traced graph.

    python benchmarks/flops.py [BACKBONE]...

Builds every model of `keras.applications` (or those named) with random weights, saves it, reads the file without
TensorFlow, and prints both counts of one forward pass of one picture: multiplications and additions of convolutions,
depthwise convolutions and Dense layers. The rest of what the profiler counts (bias, BatchNorm, activations) is in its
last column, for comparison.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tensorflow as tf

from freezelint.graph.cost.formulas import NotCounted, parts_of
from freezelint.graph.cost.parts import PartKind
from freezelint.graph.reader import read_model
from freezelint.graph.unrolled import unroll

KERNELS = {
    PartKind.CONVOLUTION: "Conv2D",
    PartKind.POINTWISE: "Conv2D",
    PartKind.GROUPED: "grouped",
    PartKind.DEPTHWISE: "DepthwiseConv2dNative",
    PartKind.DENSE: "MatMul",
}


def predicted(path: Path) -> dict[str, int]:
    """FLOPs of one forward pass by operation, from the file alone."""
    unrolled = unroll(read_model(path), batch=1)
    found = dict.fromkeys(KERNELS.values(), 0)
    uncounted: Counter[str] = Counter()
    for run in unrolled.runs:
        try:
            parts = parts_of(run.layer, unrolled.input_shapes(run), unrolled.output_shapes(run), in_training=False)
        except NotCounted as error:
            uncounted[f"{run.layer.class_name}: {error.reason}"] += 1
            continue
        for part in parts:
            if part.kind in KERNELS:
                found[KERNELS[part.kind]] += part.forward.flops
    for what, times in uncounted.items():
        print(f"not counted: {times} x {what}")
    return found


def profiled(model: keras.Model) -> dict[str, int]:
    """FLOPs of one forward pass by operation, from the profiler."""
    shape = (1, *model.input_shape[1:])
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec(shape)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    found: dict[str, int] = {}
    stack = [counted]
    while stack:
        node = stack.pop()
        found[node.name] = found.get(node.name, 0) + node.float_ops
        stack.extend(node.children)
    return found


def main() -> None:
    """The command."""
    names = sys.argv[1:] or [name for name in dir(keras.applications) if name[0].isupper()]
    equal = 0
    print("| backbone | Conv2D | Depthwise | Dense | profiler | equal | grouped* | other operations |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        keras.backend.clear_session()
        size = {"input_shape": (224, 224, 3)} if name.startswith("MobileNetV3") else {}
        model = getattr(keras.applications, name)(weights=None, **size)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            ours = predicted(path)
            grouped = ours.pop("grouped")
        theirs = profiled(model)
        kernels = {operation: theirs.get(operation, 0) for operation in ours}
        others = sum(count for name, count in theirs.items() if name not in (*ours, "_TFProfRoot"))
        equal += ours == kernels
        cells = [name, *(f"{ours[key] / 1e6:,.1f}" for key in ("Conv2D", "DepthwiseConv2dNative", "MatMul"))]
        cells += [f"{sum(kernels.values()) / 1e6:,.1f}", "yes" if ours == kernels else f"**no** {kernels}"]
        cells.append(f"{grouped / 1e6:,.1f}")
        print("| " + " | ".join([*cells, f"{others / sum(kernels.values()):.1%}"]) + " |", flush=True)
    print(f"\n{equal} of {len(names)} equal (millions of FLOPs, one picture)")
    print("* grouped convolutions run in a compiled function, which the profiler does not look into: not compared")


if __name__ == "__main__":
    main()
