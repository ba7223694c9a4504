"""`freezelint cost` as somebody uses it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from freezelint.cli.application import cli

MODELS = Path(__file__).parent.parent / "fixtures" / "models"


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, ["cost", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("name", ["ecg_sandwich.keras", "ecg_sandwich_keras2.h5"])
def test_the_answer_names_what_is_saved_what_is_paid_and_why(name):
    words = " ".join(run(MODELS / name).split())
    assert "Freezing 3 of 5 layers with weights has removed 23% of the FLOPs" in words
    assert "because `adapter` before them trains" in words
    assert "With everything up to `encoder2` frozen, a step would cost 49% of the FLOPs" in words
    assert "run_eagerly=True" in words
    assert "estimated for CPU" in words


def test_json_holds_the_same_for_programs():
    found = json.loads(run(MODELS / "ecg_sandwich.keras", "--output-format", "json", "--batch", 8))
    assert found["schema"] == "freezelint-cost-1"
    assert found["batch"] == 8
    assert [layer["layer"] for layer in found["layers"]] == ["adapter", "encoder1", "encoder1_bn", "encoder2", "head"]
    assert found["layers"][1]["upstream"] == ["adapter"]
    assert found["present"]["total"]["flops"] == sum(
        layer[column]["flops"]
        for layer in found["layers"]
        for column in ("forward", "input_gradient", "weight_gradient", "optimizer")
    )
    assert {item["name"] for item in found["scenarios"]} == {"nothing-frozen", "prefix"}


def test_another_freeze_can_be_tried():
    assert "everything up to `head` frozen" in run(MODELS / "ecg_sandwich.keras", "--what-if", "freeze-to:head")


def test_a_model_without_calls_says_what_can_still_be_counted():
    words = " ".join(run(MODELS / "ecg_sandwich_export", code=2).split())
    assert "555 of 995 weights train" in words
    assert "does not record which layers the model calls" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.keras"], "does not exist"),
        ([MODELS / "expected.toml"], "cannot be read"),
        ([MODELS / "ecg_sandwich.keras", "--input-shape", "signals=32"], "did you mean 'signal'?"),
        ([MODELS / "ecg_sandwich.keras", "--input-shape", "signal"], "is not NAME=224,224,3"),
        ([MODELS / "ecg_sandwich.keras", "--input-shape", "signal=0"], "above 0"),
        ([MODELS / "ecg_sandwich.keras", "--what-if", "freeze:encoder9"], "nearest are 'encoder"),
        ([MODELS / "ecg_sandwich.keras", "--batch", "0"], "--batch"),
        ([MODELS / "ecg_sandwich.keras", "--optimizer", "adm"], "there is no optimizer 'adm'"),
        ([MODELS / "ecg_sandwich.keras", "--keras", "four"], "four"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_to_write(arguments, words):
    assert words in run(*arguments, code=2)


def test_every_model_of_the_fixtures_is_answered_or_says_why_not():
    for path in MODELS.iterdir():
        if path.suffix in (".keras", ".h5"):
            result = CliRunner().invoke(cli, ["cost", str(path)])
            assert result.exit_code in (0, 2), path
            assert result.exception is None or isinstance(result.exception, SystemExit), path
            assert result.exit_code == 0 or "note: " in result.output, path
