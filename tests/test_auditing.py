"""`freezelint.audit` and `audit_paths`: what they say, and what a gate makes of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import freezelint
from freezelint.audited import Answer, AuditReport
from freezelint.auditing import audit_paths
from freezelint.finding import Severity
from freezelint.report import audit_json, audit_text
from freezelint.requirements import REQUIREMENTS
from freezelint.settings import Settings, SettingsError

MODELS = Path(__file__).parent.parent / "fixtures" / "models"


def audited(*names: str, required: tuple[str, ...] = (), **settings: Any) -> AuditReport:
    return audit_paths([MODELS / name for name in names], Settings(**settings), required)


def answers(name: str) -> dict[str, str]:
    (model,) = audited(name).models
    return {found.name: found.answer.value for found in model.requirements}


def test_what_a_sound_model_is_said_to_be() -> None:
    (model,) = audited("birds_backbone.keras").models
    assert (model.format, model.writer, model.keras) == (".keras file", "Keras 3.15.1", "3.15")
    assert model.compiled is False
    assert model.parameters.trainable == 0
    assert model.parameters.frozen > 0
    assert {run.name for run in model.runs if run.served} == {"predict", "model(x), export"}
    assert {found.answer for found in model.requirements} == {Answer.YES}
    assert not model.findings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("birds_served", {"inference": "yes", "deterministic": "yes", "stateless": "yes"}),
        ("birds_served_in_training", {"inference": "no", "deterministic": "yes", "stateless": "no"}),
        ("risk_mc_dropout_export", {"inference": "no", "deterministic": "no", "stateless": "no"}),
        ("thermostat_counts_requests", {"inference": "yes", "deterministic": "yes", "stateless": "no"}),
        ("pets_pinned_true.keras", {"inference": "no", "deterministic": "yes", "stateless": "no"}),
        ("pets_pinned_frozen.keras", {"inference": "yes", "deterministic": "yes", "stateless": "yes"}),
        ("risk_mc_dropout_keras2.keras", {"inference": "no", "deterministic": "no"}),
        ("faces_lambda.h5", {"inference": "unknown", "deterministic": "unknown", "no-code": "no"}),
        ("faces_two_configurations.keras", {"consistent": "no", "inference": "yes"}),
    ],
)
def test_what_can_be_required(name: str, expected: dict[str, str]) -> None:
    found = answers(name)
    assert {what: found[what] for what in expected} == expected
    assert set(found) == set(REQUIREMENTS)


def test_a_gate_fails_on_what_is_not_met_and_on_what_is_not_known() -> None:
    assert audited("birds_served", required=("inference", "stateless")).exit_code(Severity.ERROR) == 0
    silent = {"ignore": ("all",)}
    assert audited("thermostat_counts_requests", **silent).exit_code(Severity.WARNING) == 0
    assert audited("thermostat_counts_requests", required=("stateless",), **silent).exit_code(Severity.WARNING) == 1
    report = audited("faces_lambda.h5", required=("inference",), **silent)
    assert report.exit_code(Severity.ERROR) == 1
    assert "is not known to be met" in audit_text.render(report)


def test_a_requirement_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'stateless'"):
        audited("birds_served", required=("statless",))


def test_a_folder_is_searched_and_one_table_compares() -> None:
    report = audit_paths([MODELS])
    assert len(report.models) == len([path for path in MODELS.iterdir() if path.suffix != ".toml"])
    table = audit_text.render(report).split("\n\n")[-2]
    for model in report.models:
        assert model.path in table


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04")
    report = audit_paths([tmp_path / "broken.keras"], required=("inference",))
    assert report.exit_code(Severity.ERROR) == 2
    assert "damaged zip archive" in audit_text.render(report)
    assert audit_paths([tmp_path], required=("inference",)).exit_code(Severity.ERROR) == 1


def test_a_program_is_not_audited(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import keras\n")
    report = audit_paths([tmp_path / "train.py"])
    assert report.exit_code(Severity.ERROR) == 2
    assert "`freezelint check` reads it" in report.not_read[0].reason


def test_the_json_has_everything() -> None:
    document = json.loads(audit_json.render(audited("cats_dogs_live_batchnorm_keras2", required=("frozen",))))
    assert document["schema"] == "freezelint-audit-1"
    (model,) = document["models"]
    assert [run["name"] for run in model["runs"]] == ["fit", "serving_default"]
    assert model["runs"][0]["batchnorm_in_training"] == ["backbone/block1_bn"]
    assert model["runs"][0]["evidence"] == "the training trace in the file"
    assert [one["code"] for one in model["findings"]] == ["FZ104"]
    assert {"path": model["path"], "requirement": "frozen", "answer": "no"} in document["unmet"]
    flags = {layer["path"]: (layer["own"], layer["effective"], layer["trains"]) for layer in model["layers"]}
    assert flags["backbone/block1_bn"] == (True, False, False)


def test_long_stretches_of_layers_are_folded_unless_asked(tmp_path: Path) -> None:
    layers = [{"class_name": "Dense", "config": {"name": f"d{number}", "trainable": False}} for number in range(40)]
    config = {"class_name": "Sequential", "config": {"name": "long", "layers": layers}}
    import zipfile

    with zipfile.ZipFile(tmp_path / "long.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", json.dumps(config))
    report = audit_paths([tmp_path / "long.keras"])
    assert "… 33 more" in audit_text.render(report)
    assert "d20" not in audit_text.render(report)
    assert "d20" in audit_text.render(report, all_layers=True)


def test_names_of_layers_cannot_steer_a_terminal_or_a_notebook(tmp_path: Path) -> None:
    import zipfile

    name = "<script>alert(1)</script>\x1b[2J"
    layer = {"class_name": "Dense", "config": {"name": name, "trainable": True}}
    config = {"class_name": "Sequential", "config": {"name": "x", "layers": [layer]}}
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", json.dumps(config))
    found = freezelint.audit(path)
    assert "\x1b" not in str(found)
    html = found._repr_html_()
    assert "<script" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;" in html


def test_audit_takes_models_and_paths_only(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not an object of class int"):
        freezelint.audit(3)
    with pytest.raises(ValueError, match="cannot be opened"):
        freezelint.audit(tmp_path / "nothing.keras")
    with pytest.raises(SettingsError, match="no version of Keras"):
        freezelint.audit(MODELS / "birds_backbone.keras", keras="4")


@pytest.mark.keras
@pytest.mark.parametrize("generation", [2, 3])
@pytest.mark.filterwarnings("ignore")
def test_a_loaded_model_prints_and_shows(generation: int) -> None:
    keras = pytest.importorskip("keras" if generation == 3 else "tf_keras")
    base_in = keras.Input((4,))
    base = keras.Model(base_in, keras.layers.BatchNormalization(name="bn")(base_in), name="base")
    base.trainable = False
    base.get_layer("bn").trainable = True
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(base(inputs)), name="outer")
    found = freezelint.audit(model)
    assert [one.name for one in found.findings] == ["batchnorm-live-under-frozen-parent"]
    assert found.graph.format == "live"
    assert "loaded model of Keras" in str(found)
    assert "BatchNormalization base/bn in TRAINING mode" in str(found)
    assert repr(found).startswith("<Audit of 'outer'; findings: 1 ")
    assert "<table>" in found._repr_html_()
    assert "batchnorm-live-under-frozen-parent" in found._repr_html_()
