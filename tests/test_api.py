"""What a caller of `check` and `check_source` gets."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from freezelint import api
from freezelint.api import Settings, SettingsError, check, check_data, check_source
from freezelint.finding import Confidence, NotRead, Severity

FINE_TUNING = """\
import keras

base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(2)])
model.compile(optimizer="adam", loss="mse")
model.fit(x, y)
base.trainable = True
model.compile(optimizer=keras.optimizers.Adam(1e-5), loss="mse")
model.fit(x, y)
"""
TYPO = "import keras\nmodel = keras.Sequential()\nmodel.trainble = False\n"
MODELS = Path(__file__).parent.parent / "fixtures" / "models"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, text: str | bytes) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})


def test_a_thawed_backbone_is_found_in_a_text() -> None:
    (finding,) = check_source(FINE_TUNING)
    assert (finding.name, finding.path, finding.span and finding.span.start.line) == (
        "unfrozen-batchnorm",
        "example.py",
        8,
    )
    assert [step.message for step in finding.related] == ["frozen here", "trained here"]


def test_severity_follows_the_version_of_keras() -> None:
    assert [finding.severity for finding in check_source(FINE_TUNING, keras="2")] == [Severity.WARNING]
    assert [finding.severity for finding in check_source(FINE_TUNING, keras="3.14")] == [Severity.ERROR]
    (both,) = check_source(FINE_TUNING, keras="any")
    assert (both.severity, both.keras) == (Severity.ERROR, ("2", "3"))


def test_the_text_says_which_keras_it_is_for() -> None:
    report = check_data(b"import tf_keras\nmodel = tf_keras.Sequential()\nmodel.trainble = False\n", "a.py")
    assert (report.keras, report.findings[0].keras) == ("2", ("2",))


def test_the_project_says_which_keras_it_is_for() -> None:
    write("requirements.txt", "keras==3.10.0\n")
    assert check([write("train.py", TYPO)]).keras == "3.10"


def test_the_imports_say_which_keras_it_is_for_where_nothing_else_does() -> None:
    write("pyproject.toml", "")
    program = "import keras\nimport nets\nmodel = nets.build()\nmodel.trainble = False\n"
    write("nets.py", "import keras\ndef build():\n    return keras.Sequential()\n")
    assert check([write("train.py", program)]).findings[0].keras == ("2", "3")
    write("nets.py", "import keras\nimport keras.engine\ndef build():\n    return keras.Sequential()\n")
    assert check(["train.py"]).findings[0].keras == ("2",)
    write("train.py", "# pip\n" + program + "keras.ops\n")
    assert check(["train.py"]).findings[0].keras == ("3",)


def test_files_notebooks_and_models_are_one_report() -> None:
    write("b.py", TYPO)
    write("a.ipynb", notebook("# hello", TYPO))
    shutil.copy(MODELS / "birds_all_frozen.keras", "c.keras")
    report = check(["."])
    assert [(finding.path, finding.name) for finding in report.findings] == [
        ("a.ipynb", "trainable-typo"),
        ("b.py", "trainable-typo"),
        ("c.keras", "nothing-trainable"),
    ]
    assert (report.files, report.models, report.findings[0].span and report.findings[0].span.cell) == (2, 1, 2)


def test_selecting_and_ignoring_take_names_codes_and_beginnings() -> None:
    assert check_data(TYPO.encode(), "a.py", Settings(ignore=("trainable-typo",))).findings == ()
    assert check_data(TYPO.encode(), "a.py", Settings(ignore=("fz2",))).findings == ()
    assert check_data(TYPO.encode(), "a.py", Settings(select=("FZ101",))).findings == ()
    assert len(check_data(TYPO.encode(), "a.py", Settings(select=("FZ207",))).findings) == 1
    assert len(check_source(TYPO, select=["all"])) == 1


def test_an_unknown_rule_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="FZ207 trainable-typo"):
        check_source(TYPO, select=["trainable-tipo"])


@pytest.mark.parametrize("keras", ["4", "", "two", "3.x"])
def test_an_unknown_version_is_refused(keras: str) -> None:
    with pytest.raises(SettingsError, match="version of Keras"):
        check_source(TYPO, keras=keras)


def test_a_comment_suppresses_and_is_counted() -> None:
    report = check_data(TYPO.replace("False", "False  # freezelint: ignore[FZ207] ours").encode(), "a.py")
    assert (report.findings, report.suppressed) == ((), 1)


def test_on_a_backend_that_was_not_measured_a_finding_is_only_possible() -> None:
    settings = Settings(keras="3", backend="torch")
    report = check_data(FINE_TUNING.encode(), "a.py", settings)
    assert (report.findings, report.hidden) == ((), 1)
    shown = check_data(FINE_TUNING.encode(), "a.py", Settings(keras="3", backend="torch", pedantic=True)).findings
    assert [finding.confidence for finding in shown] == [Confidence.POSSIBLE]


def test_a_path_that_does_not_exist_is_an_error_before_anything_is_read() -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.py"):
        check(["gone.py"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.py", "def f(:\n", "not valid Python"),
        ("a.py", b"x = '\xff'\n", "not text"),
        ("a.py", b"x = 1\0", "null"),
        ("a.py", "x = " + "(" * 5000, "nested too deeply"),
        ("a.ipynb", "{}", "not a notebook"),
        ("a.ipynb", "[" * 100_000, "not a notebook"),
        ("a.keras", "", "empty"),
        ("a.h5", "no model", "neither"),
        ("a.txt", "some notes", "not a model"),
    ],
)
def test_a_named_input_that_cannot_be_read_fails_the_run(name: str, content: str | bytes, reason: str) -> None:
    report = check([write(name, content), write("good.py", TYPO)])
    assert [finding.code for finding in report.findings] == ["FZ001", "FZ207"]
    (gap,) = report.not_read
    assert gap.path == name
    assert reason in gap.reason
    assert reason in report.findings[0].message
    assert report.exit_code(Severity.WARNING) == 2


def test_an_unreadable_file_in_a_folder_is_a_warning() -> None:
    write("sub/a.py", "import keras\ndef trainable(:\n")
    report = check(["sub"])
    assert [finding.code for finding in report.findings] == ["FZ001"]
    assert (report.exit_code(Severity.WARNING), report.exit_code(Severity.ERROR)) == (1, 0)


def test_a_cell_that_is_not_python_does_not_hide_the_others() -> None:
    report = check([write("a.ipynb", notebook("trainable = (", TYPO))])
    assert [(finding.code, finding.span and finding.span.cell) for finding in report.findings] == [
        ("FZ001", 1),
        ("FZ207", 2),
    ]
    assert report.exit_code(Severity.WARNING) == 1


def test_ignoring_the_warning_does_not_hide_that_an_input_was_not_read() -> None:
    report = check([write("a.py", "def f(:\n")], Settings(ignore=("FZ001",)))
    assert report.findings == ()
    assert [gap.path for gap in report.not_read] == ["a.py"]
    assert report.exit_code(Severity.WARNING) == 2


def test_what_was_not_read_is_told_whatever_is_selected() -> None:
    assert [finding.code for finding in check([write("a.py", "def f(:\n")], Settings(select=("FZ101",))).findings] == [
        "FZ001"
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for() -> None:
    os.mkfifo("a.py")
    os.mkfifo("b.keras")
    assert [gap.reason for gap in check(["a.py", "b.keras"]).not_read] == ["not an ordinary file"] * 2


def test_a_fault_of_freezelint_itself_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    from freezelint.source import analysis

    def fault(*args: object, **options: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(analysis, "analyse", fault)
    report = check([write("a.py", TYPO)])
    assert report.not_read == (
        NotRead("a.py", "internal error (RuntimeError: a bug); please report it together with the input"),
    )
    assert report.exit_code(Severity.WARNING) == 2
    monkeypatch.setenv(api.DEBUG_VARIABLE, "1")
    with pytest.raises(RuntimeError):
        check(["a.py"])


def test_a_finding_in_an_imported_file_is_only_reported_if_its_story_touches_what_was_named() -> None:
    write("pyproject.toml", "")
    write("helper.py", "import keras\n\ndef build():\n    model = keras.Sequential()\n    model.trainble = 1\n")
    write("train.py", "import keras\nfrom helper import build\nmodel = build()\nmodel.trainable = False\n")
    assert [finding.path for finding in check(["train.py"]).findings] == []
    assert [finding.path for finding in check(["train.py", "helper.py"]).findings] == ["helper.py"]


def test_findings_come_in_reading_order_and_once() -> None:
    write("b.py", TYPO + "model.trainble = True\n")
    write("a.py", TYPO)
    found = [
        (finding.path, finding.span and finding.span.start.line) for finding in check(["b.py", "a.py", "."]).findings
    ]
    assert found == [("a.py", 3), ("b.py", 3), ("b.py", 4)]
