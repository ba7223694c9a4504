"""Estimated against measured: what share of a step is left under four freezes of every backbone.

    python benchmarks/steps.py [--save FILE] [BACKBONE]...
    python benchmarks/steps.py --again FILE

For each backbone (with a head of ten classes) a step is run as `freezelint cost --measure` runs it, and estimated from
the saved file: with nothing frozen, with the first half of the layers frozen, with the whole backbone frozen, and with
its middle half frozen. Printed are the ratios
to the step with nothing frozen, and how many points they are apart.
`--save` keeps what was measured, `--again` estimates anew for that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras

from freezelint.asking import step_seconds
from freezelint.graph.cost import flags as flagged
from freezelint.graph.cost.optimizer import named
from freezelint.graph.cost.rates import cpu
from freezelint.graph.cost.step import Accounts
from freezelint.graph.reader import read_model
from freezelint.graph.unrolled import unroll
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion
from freezelint.measuring import measure, recipe

BACKBONES = (
    *("VGG16", "ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "MobileNetV3Large"),
    *("EfficientNetB0", "EfficientNetV2B0", "DenseNet121", "InceptionV3", "Xception", "NASNetMobile"),
)
SIDE = 96
BATCH = 8
KERAS = Behaviour(KerasVersion(3, 15))


def build(name: str, path: Path) -> None:
    """Saves the backbone with a head, everything in one model.

    The statistics of BatchNorm are those of a batch, as trained ones are near those of the data. With those of a new
    model, activations fade from layer to layer where BatchNorm is frozen, and the arithmetic takes another time.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    base = getattr(keras.applications, name)(
        weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3)
    )
    momenta = {}
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            momenta[layer], layer.momentum = layer.momentum, 0.0
    base(keras.random.normal((BATCH, SIDE, SIDE, 3)), training=True)
    for layer, momentum in momenta.items():
        layer.momentum = momentum
    keras.Model(base.input, keras.layers.Dense(10, name="head_of_ten")(base.output)).save(path)


def freezes(flags: flagged.Flags, order: list[str]) -> dict[str, flagged.Flags]:
    """The four freezes."""
    count = len(order)
    frozen = {
        "none": set[str](),
        "first half": set(order[: count // 2]),
        "backbone": set(order[:-1]),
        "middle": set(order[count // 4 : 3 * count // 4]),
    }
    return {name: flags.with_frozen(paths) for name, paths in frozen.items()}


def estimated_and_measured(name: str, known: dict[str, float] | None) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of a step under each freeze."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        build(name, path)
        model = read_model(path)
        unrolled = unroll(model, BATCH)
        flags = flagged.present(model, KERAS)
        order = [one for one in dict.fromkeys(run.layer.path for run in unrolled.runs) if one in flags.trains]
        wanted = freezes(flags, order)
        adam = named("Adam")
        assert adam is not None
        accounts = Accounts(unrolled, cpu(), adam)
        estimated = {freeze: step_seconds(accounts.step(found)) for freeze, found in wanted.items()}
        if known is None:
            how = recipe(path, model, unrolled, "Adam", trust_code=False)
            known = measure(how, {freeze: found.trains for freeze, found in wanted.items()}, rounds=5)
    return estimated, known


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("backbones", nargs="*", default=BACKBONES)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--again", type=Path)
    options = parser.parse_args()
    measured = json.loads(options.again.read_text("utf-8")) if options.again else {}
    errors = []
    print("| backbone | freeze | estimated | measured | points apart | step, estimated | step, measured |")
    print("|---|---|---|---|---|---|---|")
    for name in list(measured) or options.backbones:
        estimated, real = estimated_and_measured(name, measured.get(name))
        measured[name] = real
        for freeze, seconds in real.items():
            ratio, guess = seconds / real["none"], estimated[freeze] / estimated["none"]
            apart = 100 * abs(ratio - guess)
            if freeze != "none":
                errors.append((apart, name, freeze))
            cells = [name, freeze, f"{guess:.0%}", f"{ratio:.0%}", f"{apart:.0f}"]
            cells += [f"{1000 * estimated[freeze]:.0f} ms", f"{1000 * seconds:.0f} ms"]
            print("| " + " | ".join(cells) + " |", flush=True)
        if options.save:
            options.save.write_text(json.dumps(measured, indent=1), "utf-8")
    worst = max(errors)
    print(f"\nmedian {statistics.median(apart for apart, _, _ in errors):.1f} points apart, without the row none;")
    print(f"worst {worst[0]:.0f} points: {worst[1]}, {worst[2]}; pictures of {SIDE}×{SIDE}, batches of {BATCH}")
    print(f"estimates fitted on {cpu().machine}")


if __name__ == "__main__":
    main()
