"""`freezelint cost --measure`, with real Keras."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from freezelint.cli.application import cli

MODELS = Path(__file__).parent.parent / "fixtures" / "models"


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, ["cost", *map(str, arguments), "--measure"])
    assert result.exit_code == code, result.output
    return result.output


def test_a_model_that_carries_code_is_not_run():
    assert "carries Python code (normalise), which --measure would run" in run(MODELS / "faces_lambda.h5", code=2)


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", ["ecg_sandwich.keras", "ecg_sandwich_keras2.h5", "reviews_sequential.h5", "flowers_frozen_base_keras2"]
)
def test_every_freeze_is_run_and_timed(name):
    found = json.loads(run(MODELS / name, "--output-format", "json"))
    runs = {"as-it-is", *(item["name"] for item in found["scenarios"] if item["name"] != "features-once")}
    assert {item["name"] for item in found["measured"]} == runs
    assert all(0 < item["seconds"] < 5 for item in found["measured"])


@pytest.mark.keras
def test_freezing_a_prefix_is_seen_in_the_measured_time(tmp_path):
    import keras

    layers = [keras.layers.Dense(1024, activation="relu", name=f"d{number}") for number in range(8)]
    for layer in layers:
        layer.trainable = False
    model = keras.Sequential([keras.Input((1024,)), *layers, keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    found = json.loads(run(tmp_path / "model.keras", "--batch", "256", "--output-format", "json"))
    seconds = {item["name"]: item["seconds"] for item in found["measured"]}
    assert seconds["as-it-is"] < 0.6 * seconds["nothing-frozen"]
