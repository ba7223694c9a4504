"""How the time of a run grows with the size of a project, and what the parts of it cost.

    python benchmarks/growth.py [FOLDER]

Makes projects of 10, 100 and 1,000 files (a third of them build, freeze and train models, and import the others),
checks each for Keras 2 and Keras 3 in a process of its own, and prints CPU seconds. With FOLDER it also prints files
per second over that folder, behind the prefilter and without it (`--select all` reads nothing more; the second
figure counts only the files that were parsed).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILDER = '''"""Builds the model number {number}."""

import keras
from keras import layers


def build(classes, rate=1e-3):
    base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
    base.trainable = False
    inputs = keras.Input((224, 224, 3))
    x = base(inputs, training=False)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(inputs, layers.Dense(classes)(x))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model, base
'''
TRAINER = '''"""Trains the model number {number}."""

import keras

from {builder} import build


def main(train, epochs=5):
    model, base = build({number} + 2)
    model.fit(train, epochs=epochs)
    base.trainable = True
    for layer in base.layers[:100]:
        layer.trainable = False
    model.compile(keras.optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
    model.fit(train, epochs=2 * epochs, initial_epoch=epochs)


if __name__ == "__main__":
    main(None)
'''
OTHER = '''"""Reads the data number {number}."""

import csv


def rows(path):
    with open(path) as file:
        yield from csv.DictReader(file)
''' + "\n".join(
    f"\n\ndef column_{letter}(row):\n    return row[{letter!r}].strip().lower()\n" for letter in "abcdefghij"
)


def project(folder: Path, files: int) -> None:
    """Writes a project: of every three files one builds a model, one trains it, one has nothing to do with Keras."""
    for number in range(files):
        kind = number % 3
        text = (BUILDER, TRAINER, OTHER)[kind].format(number=number, builder=f"file_{number - 1}")
        (folder / f"file_{number}.py").write_text(text)
    (folder / "pyproject.toml").write_text("")


def cpu_seconds(folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of one run of the command over a folder."""
    before, started = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "freezelint", "check", "--no-cache", "--jobs", "1", "--output-format", "json", "."]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, time.perf_counter() - started


def growth() -> None:
    """Prints the curve."""
    print("| files | CPU s | wall s | CPU ms per file |\n|---|---|---|---|")
    for files in (3, 10, 100, 1000):
        with tempfile.TemporaryDirectory() as folder:
            project(Path(folder), files)
            cpu, wall = min(cpu_seconds(Path(folder)) for _ in range(3 if files < 1000 else 1))
        print(f"| {files:,} | {cpu:.2f} | {wall:.2f} | {1000 * cpu / files:.1f} |")


def throughput(folder: Path) -> None:
    """Prints files per second of CPU over a folder, in this process, imports not counted."""
    from freezelint import api
    from freezelint.source import signs

    files = [path for path in sorted(folder.rglob("*.py")) if path.stat().st_size < 1_000_000]
    rules = api.Settings().rules()
    worth = [path for path in files if signs.worth_reading(path.read_bytes(), rules)]
    api.check(files[:1])
    started = time.process_time()
    api.check([folder])
    used = time.process_time() - started
    print(f"\n{folder}: {len(files)} files, {len(worth)} behind the prefilter, {used:.1f} s CPU")
    print(f"files per second: {len(files) / used:.0f}; of those that are parsed: {len(worth) / used:.0f}")


if __name__ == "__main__":
    growth()
    for argument in sys.argv[1:]:
        throughput(Path(argument))
