"""Every model in fixtures/models has the findings that fixtures/models/expected.toml says, and no others."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from freezelint import catalogue
from freezelint.graph.checks import graph as checks
from freezelint.graph.reader import read_model
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[3] / "fixtures" / "models"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text("utf-8"))


def key(rule: str, layer: str | None, signature: str | None) -> tuple[str, str, str]:
    return (rule, layer or "", signature or "")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_findings(name: str) -> None:
    model = read_model(FOLDER / name)
    keras = Behaviour(KerasVersion.parse(model.keras_version or "3"))
    on = {rule.name for rule in catalogue.rules().values() if rule.default}
    found = checks.run(model, name, keras, on)
    expected: list[Mapping[str, str]] = EXPECTED[name]["findings"]
    assert sorted(key(one.name, one.layer, one.signature) for one in found) == sorted(
        key(one["rule"], one.get("layer"), one.get("signature")) for one in expected
    )
    assert not model.not_read


def test_the_list_and_the_folder_agree() -> None:
    assert set(EXPECTED) == {path.name for path in FOLDER.iterdir()} - {"expected.toml"}
    assert len(EXPECTED) >= 14


def test_the_table_for_people_says_the_same() -> None:
    table = (FOLDER.parent / "README.md").read_text("utf-8")
    for name, expected in EXPECTED.items():
        rules = ", ".join(f"`{one['rule']}`" for one in expected["findings"]) or "none"
        assert re.search(rf"^\| `{re.escape(name)}` \|.*\| {re.escape(rules)} \|$", table, re.MULTILINE), name


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2_200_000
