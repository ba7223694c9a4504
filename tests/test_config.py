"""What a configuration may say, where it is found, and what wins."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from freezelint import config
from freezelint.config import ConfigError, Configurations
from freezelint.finding import Confidence, Severity
from tests.test_cli import CLEAN, TYPO, document, run, write

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OVERSIZED = """\
import keras

base = keras.applications.MobileNetV2(include_top=False, input_shape=(96, 96, 3))
base.trainable = False
model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(64), keras.layers.Dense(5)])
model.compile("adam", "mse")
model.fit(train)
"""
THAWED = """\
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


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pyproject(folder: str, *lines: str) -> None:
    write(f"{folder}/pyproject.toml", "\n".join(["[tool.freezelint]", *lines, ""]))


def codes(*arguments: str) -> list[tuple[str, str]]:
    found = document(run("check", *arguments, "--output-format", "json"))
    return [(finding["path"], finding["code"]) for finding in found["findings"]]


# --- what may stand there ----------------------------------------------------------------------------------------

VALID = [
    "",
    'keras = "3.14"\nbackend = "jax"',
    'keras = "auto"',
    'select = ["FZ1", "trainable-typo", "FZ207", "all"]\nextend-select = ["FZ3"]\nignore = ["FZ2"]',
    'exclude = ["old/", "*_pb2.py"]\nforce-exclude = true',
    'per-file-ignores = { "tests/" = ["FZ2"], "a.py" = [] }',
    'min-confidence = "possible"\nfail-on = "error"\nbn-policy = "adapt"\nbaseline = "known.json"',
    "[rules.oversized-head]\nmax-weights = 1000",
    "[rules.fine-tuning-learning-rate]\nhigh-rate = 1e-3\nhigh-rate-of-sgd = 0.1",
]
INVALID = [
    ("keras = 3", "keras is a text such as"),
    ('keras = "4"', "no version of Keras"),
    ('backend = "mxnet"', "backend is one of 'tensorflow', 'jax', 'torch', not 'mxnet'"),
    ('select = "FZ1"', "select is a list of texts"),
    ("ignore = [1]", "ignore is a list of texts"),
    ('exclude = "old"', "exclude is a list of texts"),
    ('force-exclude = "yes"', "force-exclude is true or false"),
    ('per-file-ignores = ["a.py"]', "per-file-ignores is a table"),
    ('per-file-ignores = { "a.py" = "FZ1" }', "per-file-ignores is a list of texts"),
    ('min-confidence = "sure"', "min-confidence is one of"),
    ('fail-on = "info"', "fail-on is one of 'warning', 'error', not 'info'"),
    ('bn-policy = "adopt"', "did you mean 'adapt'"),
    ('baseline = ""', "baseline is the path of a file"),
    ("rules = 1", "rules is a table"),
    ("[rules.oversized-head]\nmax-weights = 0", "it is a number above 0"),
    ('[rules.oversized-head]\nmax-weights = "many"', "it is a number above 0"),
    ("[rules]\noversized-head = 5", "it is a table of max-weights"),
    ("slect = []", "there is no key 'slect' in the configuration of freezelint; did you mean 'select'?"),
    ("per_file_ignores = {}", "did you mean 'per-file-ignores'?"),
]
ONLY_FREEZELINT_KNOWS = [
    ('select = ["trainable-typpo"]', "did you mean FZ207 trainable-typo?"),
    ("[rules.oversized-haed]\nmax-weights = 5", "did you mean FZ505 oversized-head?"),
    ("[rules.oversized-head]\nmax-weight = 5", "did you mean 'max-weights'?"),
    ("[rules.trainable-typo]\nwhat = 5", "has no options; those that have are"),
    ('exclude = ["!"]', "exclude"),
]


@pytest.mark.parametrize("text", VALID)
def test_what_the_schema_allows_is_read(text: str) -> None:
    jsonschema.validate(tomllib.loads(text), config.schema())
    write("freezelint.toml", text)
    config.find(Path.cwd()).settings().validate()


@pytest.mark.parametrize(("text", "words"), INVALID)
def test_what_the_schema_forbids_is_an_error_that_says_what_to_write(text: str, words: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), config.schema())
    write("freezelint.toml", text)
    result = run("check")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "freezelint.toml" in result.stderr


@pytest.mark.parametrize(("text", "words"), ONLY_FREEZELINT_KNOWS)
def test_rules_and_options_that_do_not_exist_are_errors_with_a_suggestion(text: str, words: str) -> None:
    write("freezelint.toml", text)
    result = run("check")
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"keras = ", "freezelint.toml: Invalid value"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"a = " + b"[" * 10_000, "freezelint.toml"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(data: bytes, words: str) -> None:
    write("freezelint.toml", data)
    result = run("check")
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_a_pyproject_that_does_not_speak_of_freezelint_is_not_judged() -> None:
    write("pyproject.toml", "this is = = no toml")
    write("bad.py", TYPO)
    assert run("check").exit_code == 1
    write("pyproject.toml", "[tool]\nfreezelint = 3")
    assert "tool.freezelint is a table" in run("check").stderr


def test_the_schema_is_a_schema_and_is_published() -> None:
    jsonschema.Draft7Validator.check_schema(config.schema())
    published = Path(__file__).parents[1] / "freezelint.schema.json"
    assert json.loads(published.read_text("utf-8")) == config.schema()
    assert json.loads(run("config", "--schema").stdout) == config.schema()


# --- where it is found -------------------------------------------------------------------------------------------


def test_the_nearest_configuration_decides_for_each_file() -> None:
    pyproject(".", 'ignore = ["trainable-typo"]')
    pyproject("packages/a", 'keras = "3"')
    write("packages/b/pyproject.toml", "[project]\nname = 'b'\n")
    for folder in ("packages/a", "packages/b", "packages/a/inner"):
        write(f"{folder}/bad.py", TYPO)
    assert codes() == [("packages/a/bad.py", "FZ207"), ("packages/a/inner/bad.py", "FZ207")]


def test_freezelint_toml_wins_over_pyproject_in_the_same_folder() -> None:
    pyproject(".", 'ignore = ["trainable-typo"]')
    write("freezelint.toml", "")
    write("bad.py", TYPO)
    assert codes() == [("bad.py", "FZ207")]


def test_patterns_are_relative_to_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    pyproject("sub", 'exclude = ["/old"]', 'per-file-ignores = { "/tests" = ["FZ2"] }')
    for folder in ("sub", "sub/old", "sub/tests", "old", "tests"):
        write(f"{folder}/bad.py", TYPO)
    assert codes() == [("old/bad.py", "FZ207"), ("sub/bad.py", "FZ207"), ("tests/bad.py", "FZ207")]
    monkeypatch.chdir("sub/tests")
    assert codes("..") == [("../bad.py", "FZ207")]


def test_a_named_file_is_excluded_with_force() -> None:
    pyproject(".", 'exclude = ["old/"]')
    write("old/bad.py", TYPO)
    assert codes("old/bad.py") == [("old/bad.py", "FZ207")]
    pyproject(".", 'exclude = ["old/"]', "force-exclude = true")
    assert codes("old/bad.py") == []


def test_another_file_or_none_can_be_named() -> None:
    pyproject(".", 'ignore = ["FZ2"]')
    write("bad.py", TYPO)
    write("ci.toml", 'select = ["FZ2"]')
    assert codes() == []
    assert codes("--config", "ci.toml") == [("bad.py", "FZ207")]
    assert codes("--no-config") == [("bad.py", "FZ207")]
    assert run("check", "--no-config", "--config", "ci.toml").exit_code == 2
    assert "cannot read gone.toml" in run("check", "--config", "gone.toml").stderr
    write("other/pyproject.toml", "[project]\n")
    assert "has no table [tool.freezelint]" in run("check", "--config", "other/pyproject.toml").stderr


def test_standard_input_belongs_to_the_folder_of_its_name() -> None:
    pyproject("a", 'ignore = ["FZ2"]')
    assert run("check", "-", "--stdin-filename", "a/bad.py", stdin=TYPO).exit_code == 0
    assert run("check", "-", "--stdin-filename", "b/bad.py", stdin=TYPO).exit_code == 1


# --- what wins ---------------------------------------------------------------------------------------------------


def settings(*lines: str, **given: Any) -> Any:
    pyproject(".", *lines)
    return Configurations(given)(Path("a.py"))


def test_values_become_settings() -> None:
    found = settings('keras = "2"', 'min-confidence = "certain"', 'fail-on = "error"', 'backend = "torch"')
    assert (found.keras, found.backend) == ("2", "torch")
    assert (found.min_confidence, found.fail_on) == (Confidence.CERTAIN, Severity.ERROR)


def test_the_command_line_wins() -> None:
    assert settings('keras = "2"', keras="3").keras == "3"
    selected = settings('extend-select = ["FZ1"]', 'ignore = ["FZ2"]', select=("trainable-typo",))
    assert selected.rules() == {"trainable-typo", "unreadable-input"}
    ignored = settings('ignore = ["FZ207"]', ignore=("FZ101",)).rules()
    assert not {"trainable-typo", "unfrozen-batchnorm"} & ignored


def test_fail_on_is_that_of_the_folder_that_holds_the_inputs() -> None:
    pyproject("a", 'fail-on = "error"')
    write("a/train.py", "trainable = (\n")
    write("b.py", CLEAN)
    assert run("check", "a").exit_code == 0
    assert run("check", ".").exit_code == 1
    assert run("check", "a", "--fail-on", "warning").exit_code == 1


def test_an_adapting_batchnorm_is_meant() -> None:
    write("train.py", THAWED)
    assert codes() == [("train.py", "FZ101")]
    assert codes("--bn-policy", "adapt") == []
    pyproject(".", 'bn-policy = "adapt"')
    assert codes() == []
    assert codes("--select", "unfrozen-batchnorm") == [("train.py", "FZ101")]


def test_a_threshold_of_a_rule_can_be_set() -> None:
    write("train.py", OVERSIZED)
    assert codes() == []
    pyproject(".", "[tool.freezelint.rules.FZ505]", "max-weights = 500_000")
    assert codes() == [("train.py", "FZ505")]


# --- entries that hide nothing -----------------------------------------------------------------------------------


def test_a_per_file_ignore_that_hides_nothing_is_told() -> None:
    pyproject(".", "[tool.freezelint.per-file-ignores]", '"bad.py" = ["FZ2"]', '"gone.py" = ["trainable-typo"]')
    write("bad.py", TYPO)
    result = document(run("check", "--output-format", "json"))
    (finding,) = result["findings"]
    assert (finding["path"], finding["code"], finding["start"]["line"]) == ("pyproject.toml", "FZ002", 4)
    assert "`gone.py`" in finding["message"]
    assert result["summary"]["suppressed"] == 1


def test_it_is_not_told_when_only_some_files_were_checked_or_the_rule_did_not_run() -> None:
    pyproject(".", 'per-file-ignores = { "gone.py" = ["trainable-typo"] }')
    write("sub/good.py", CLEAN)
    assert codes("sub/good.py") == []
    assert codes("sub") == []
    assert codes("--select", "FZ1,FZ002") == []
    assert codes(".") == [("pyproject.toml", "FZ002")]


# --- freezelint config -------------------------------------------------------------------------------------------


def test_config_says_what_was_found_and_why() -> None:
    pyproject(".", 'keras = "3"')
    write("sub/pyproject.toml", "[project]\nname = 'x'\n")
    write("sub/a.py", CLEAN)
    lines = run("config", "sub/a.py").stdout.splitlines()
    assert lines[0] == "configuration: pyproject.toml  (looked for from sub upwards; the nearest wins)"
    assert lines[1:3] == ["  sub/pyproject.toml: has no [tool.freezelint]", "  pyproject.toml: has [tool.freezelint]"]
    assert 'keras            = "3"  # pyproject.toml' in lines
    assert 'bn-policy        = "protect"  # default' in lines


def test_config_speaks_json() -> None:
    pyproject(".", 'ignore = ["FZ2"]')
    found = json.loads(run("config", "--output-format", "json").stdout)
    assert found["keys"]["ignore"] == {"value": ["FZ2"], "from": "pyproject.toml"}
    assert found["keys"]["keras"] == {"value": None, "from": "default"}
    assert "trainable-typo" not in found["rules"]


def test_config_refuses_what_check_refuses() -> None:
    write("freezelint.toml", "slect = []")
    assert "did you mean 'select'?" in run("config").stderr
    assert run("config", "gone").exit_code == 2


def test_an_error_of_the_library_is_one_sentence() -> None:
    write("freezelint.toml", 'keras = "4"')
    with pytest.raises(ConfigError, match=r"freezelint\.toml: keras '4' is no version of Keras: write 2, 3 or"):
        config.find(Path.cwd())
