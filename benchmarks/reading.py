"""How long an audit of a saved model takes, and how much memory, beside loading the same file with Keras.

    python benchmarks/reading.py [--sizes]

ResNet50, MobileNetV2 and EfficientNetB0 with random weights are saved in five formats, as they are and after two
training steps (`.keras`, where `freezelint` then looks at moving statistics too). Each file is read in a process of its
own by `freezelint audit` and by Keras (`load_model`, `saved_model.load`), one after the other; printed are seconds of
the whole process, the fastest of three, and its peak memory. With `--sizes` also: a model with 50 MB and one with 2 GB
of weights.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FORMATS = ("keras2.keras", "keras2.h5", "keras2_savedmodel", "keras3.keras", "keras3_export")
BACKBONES = ("ResNet50", "MobileNetV2", "EfficientNetB0")
ROUNDS = 3

_MAKE = """
import sys, numpy as np
folder, name, generation = sys.argv[1:]
import importlib
keras = importlib.import_module("keras" if generation == "3" else "tf_keras")
model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
if generation == "3":
    model.save(f"{folder}/keras3.keras")
    model.export(f"{folder}/keras3_export", verbose=False)
else:
    model.save(f"{folder}/keras2.keras")
    model.save(f"{folder}/keras2.h5")
    model.save(f"{folder}/keras2_savedmodel", save_format="tf")
model.compile("sgd", "sparse_categorical_crossentropy")
model.fit(np.zeros((4, 64, 64, 3), "float32"), np.zeros(4), batch_size=2, verbose=0)
model.save(f"{folder}/trained_keras{generation}.keras")
"""
_WIDE = """
import sys, keras
path, units = sys.argv[1], int(sys.argv[2])
inputs = keras.Input((units,))
keras.Model(inputs, keras.layers.BatchNormalization()(keras.layers.Dense(units)(inputs))).save(path)
"""
_LOAD = {
    "keras2": "import sys, tf_keras; tf_keras.models.load_model(sys.argv[1])",
    "keras3": "import sys, keras; keras.models.load_model(sys.argv[1])",
    "keras3_export": "import sys, tensorflow as tf; tf.saved_model.load(sys.argv[1])",
}
_TIMED = """
import os, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, done.returncode)
"""
_QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
_QUIET.pop("PYTHONDONTWRITEBYTECODE", None)


def timed(*command: str) -> tuple[float, float]:
    """Seconds and peak MB of a command, run where there is no configuration."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, *command],
        capture_output=True,
        text=True,
        check=True,
        env=_QUIET,
        cwd=tempfile.gettempdir(),
    )
    seconds, memory, code = done.stdout.split()
    if code not in ("0", "1"):
        raise RuntimeError(f"{command[:3]} ended with {code}")
    return float(seconds), float(memory)


def compared(path: Path, loader: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The fastest of the audits of a file, and of the times Keras loads it, taken in turn."""
    audits, loads = [], []
    for _ in range(ROUNDS):
        audits.append(timed(sys.executable, "-m", "freezelint", "audit", str(path)))
        loads.append(timed(sys.executable, "-c", loader, str(path)))
    return min(audits), min(loads)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file to read, with what loads it."""
    for name in (*FORMATS, "trained_keras2.keras", "trained_keras3.keras"):
        loader = _LOAD.get(name) or _LOAD["keras2" if "keras2" in name else "keras3"]
        yield loader, folder / name


def main() -> None:
    """Prints the table."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print("| model | format | audit | memory | Keras | memory | times faster |\n|---|---|---|---|---|---|---|")
    for backbone in BACKBONES:
        with tempfile.TemporaryDirectory() as made:
            for generation in ("2", "3"):
                command = [sys.executable, "-c", _MAKE, made, backbone, generation]
                subprocess.run(command, env=_QUIET, check=True, capture_output=True)
            for loader, path in files(Path(made)):
                (seconds, memory), (theirs, their_memory) = compared(path, loader)
                print(
                    f"| {backbone} | {path.name} | {seconds:.2f} s | {memory:.0f} MB | {theirs:.1f} s |"
                    f" {their_memory:.0f} MB | {theirs / seconds:.0f} |"
                )
    if "--sizes" in sys.argv:
        print("\n| weights | audit | memory |\n|---|---|---|")
        for units in (3_600, 22_800):
            with tempfile.TemporaryDirectory() as made:
                path = Path(made) / "wide.keras"
                subprocess.run([sys.executable, "-c", _WIDE, str(path), str(units)], env=_QUIET, check=True)
                seconds, memory = timed(sys.executable, "-m", "freezelint", "audit", str(path))
                print(f"| {path.stat().st_size / 1e6:,.0f} MB | {seconds:.2f} s | {memory:.0f} MB |")


if __name__ == "__main__":
    main()
