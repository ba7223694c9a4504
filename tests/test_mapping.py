"""`freezelint audit --html`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from freezelint.cli.application import cli
from freezelint.mapping import page_of

MODELS = Path(__file__).parent.parent / "fixtures" / "models"


def run(*arguments):
    return CliRunner().invoke(cli, ["audit", *map(str, arguments)])


def test_audit_writes_the_page(tmp_path):
    result = run(MODELS / "ecg_sandwich.keras", "--html", tmp_path / "map.html")
    assert result.exit_code == 0, result.output
    assert "frozen-on-gradient-path" in (tmp_path / "map.html").read_text("utf-8")


def test_one_page_shows_one_model(tmp_path):
    result = run(MODELS / "ecg_sandwich.keras", MODELS / "pets_pinned_true.keras", "--html", tmp_path / "map.html")
    assert result.exit_code == 2
    assert "name one model" in result.output


def test_a_page_that_cannot_be_written_is_said(tmp_path):
    result = run(MODELS / "ecg_sandwich.keras", "--html", tmp_path / "nowhere" / "map.html")
    assert result.exit_code == 2
    assert "cannot write" in result.output


@pytest.mark.parametrize("path", sorted(MODELS.iterdir()), ids=lambda path: path.name)
def test_every_model_of_the_fixtures_can_be_drawn(path):
    if path.suffix != ".toml":
        assert page_of(path).startswith("<!doctype html>")
