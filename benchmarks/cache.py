"""What is gained by the results that are kept, and by working in several processes.

    python benchmarks/cache.py [FILES]

Makes a project of FILES (500) training programs, of which every second imports a module of its own, and prints wall
seconds of the whole command: cold, warm, with one program changed, with one imported module changed; and without the
cache in one process and in as many as there are processors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILDER = '''"""Builds the model number {number}: a backbone, some augmentation, a head."""

import keras
from keras import layers

IMAGE_SIZE = (224, 224)


def augmentation(strength=0.1):
    return keras.Sequential([
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(strength),
        layers.RandomZoom(strength),
    ])


def build(classes, rate=1e-3, dropout=0.2):
    base = keras.applications.{backbone}(include_top=False, weights="imagenet", pooling="avg")
    base.trainable = False
    inputs = keras.Input((*IMAGE_SIZE, 3))
    x = augmentation()(inputs)
    x = base(x, training=False)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name="classifier_{number}")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, base
'''
TRAINER = '''"""Trains the model number {number}: first its head, then its last layers too."""

import argparse
from pathlib import Path

import keras
import tensorflow as tf
{imports}

AUTOTUNE = tf.data.AUTOTUNE


def datasets(folder, batch_size):
    train = keras.utils.image_dataset_from_directory(folder / "train", image_size=IMAGE_SIZE, batch_size=batch_size)
    test = keras.utils.image_dataset_from_directory(folder / "test", image_size=IMAGE_SIZE, batch_size=batch_size)
    return train.cache().shuffle(1000).prefetch(AUTOTUNE), test.cache().prefetch(AUTOTUNE)


def callbacks(folder, patience=3):
    return [
        keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(folder / "best_{number}.keras", save_best_only=True),
        keras.callbacks.TensorBoard(folder / "logs"),
    ]


def thaw(model, base, last, rate):
    base.trainable = True
    for layer in base.layers[:-last]:
        layer.trainable = False
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--last", type=int, default={last})
    options = parser.parse_args()
    train, test = datasets(options.folder, options.batch_size)
    model, base = build({classes})
    history = model.fit(train, validation_data=test, epochs=options.epochs, callbacks=callbacks(options.folder))
    print(max(history.history["val_accuracy"]))
    thaw(model, base, options.last, 1e-5)
    model.fit(
        train,
        validation_data=test,
        epochs=2 * options.epochs,
        initial_epoch=history.epoch[-1],
        callbacks=callbacks(options.folder),
    )
    loss, accuracy = model.evaluate(test)
    print(f"loss {{loss:.3f}}, accuracy {{accuracy:.3f}}")
    model.save(options.folder / "model_{number}.keras")


if __name__ == "__main__":
    main()
'''
BACKBONES = ("MobileNetV2", "ResNet50", "EfficientNetB0", "Xception", "DenseNet121")


def project(folder: Path, files: int) -> None:
    """Writes a project: every second program builds its model itself, the others import who builds it."""
    for number in range(files):
        backbone = BACKBONES[number % len(BACKBONES)]
        builder = BUILDER.format(number=number, backbone=backbone)
        imports = f"\nfrom build_{number} import IMAGE_SIZE, build"
        if number % 4 == 0:
            (folder / f"build_{number}.py").write_text(builder)
            continue
        if number % 4 == 1:
            imports = f"\nfrom build_{number - 1} import IMAGE_SIZE, build"
        else:
            _, _, own = builder.partition("import keras\n")
            imports = own
        text = TRAINER.format(number=number, imports=imports, last=10 + number % 30, classes=2 + number % 9)
        (folder / f"train_{number}.py").write_text(text)
    (folder / "pyproject.toml").write_text("")


def seconds(folder: Path, *options: str) -> float:
    """Wall seconds of one run of the command over a folder."""
    command = [sys.executable, "-m", "freezelint", "check", "--output-format", "concise", *options, "."]
    environment = {**os.environ, "FREEZELINT_CACHE_DIR": str(folder / ".freezelint_cache")}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False, env=environment)
    taken = time.perf_counter() - started
    assert done.returncode == 1, "a benchmark needs findings"
    return taken


def changed(path: Path) -> None:
    """Adds a line to a file."""
    path.write_text(path.read_text() + f"# {time.time()}\n")


def main(files: int) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, files)
        serial = seconds(folder, "--no-cache", "--jobs", "1")
        parallel = seconds(folder, "--no-cache")
        cold = seconds(folder)
        warm = min(seconds(folder) for _ in range(5))
        changed(folder / "train_2.py")
        program = seconds(folder)
        changed(folder / "build_0.py")
        module = seconds(folder)
    print(f"{files} files; wall seconds of the whole command, and how many times faster than one process without cache")
    print("| | s | |\n|---|---|---|")
    for words, taken in (
        ("no cache, 1 process", serial),
        ("no cache, all processors", parallel),
        ("cold cache, all processors", cold),
        ("warm cache", warm),
        ("warm, one program changed", program),
        ("warm, one imported module changed", module),
    ):
        print(f"| {words} | {taken:.2f} | {serial / taken:.1f} |")
    print(f"\ncold / warm: {cold / warm:.1f}; analysis is most of a cold run, starting Python most of a warm one")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
