"""Every `python` block in the guides is judged as the guide says: marked lines are found, everything else is silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from freezelint import api
from freezelint.catalogue import Example, examples_in
from freezelint.cli.application import cli
from freezelint.finding import Confidence

FOLDER = Path(__file__).parents[2] / "docs"
GUIDES = sorted(FOLDER.rglob("*.md"))
CASES = [
    pytest.param(example, keras, id=f"{guide.stem} {number}, Keras {keras}")
    for guide in GUIDES
    for number, example in enumerate(examples_in(guide.read_text("utf-8"), guide.stem), 1)
    for keras in ([example.settings["keras"]] if "keras" in example.settings else ["2", "3.15", "3.16", "any"])
]

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="a source distribution has no guides")


@pytest.mark.parametrize(("example", "keras"), CASES)
def test_a_block_is_judged_as_its_guide_says(example: Example, keras: str) -> None:
    findings = api.check_source(example.code, keras=keras)
    found = [finding for finding in findings if finding.confidence >= Confidence.LIKELY]
    places = {(finding.span.start.line if finding.span else 0, finding.name) for finding in found}
    assert places == set(example.marks), f"{example.code}\n{[finding.message for finding in found]}"


def test_the_guide_shows_the_recipe_and_the_mistakes() -> None:
    guide = (FOLDER / "guides" / "fine-tune-with-batchnorm.md").read_text("utf-8")
    first, *others = examples_in(guide, "")
    assert not first.marks and not first.settings
    assert {name for example in others for _, name in example.marks} == {
        "unfrozen-batchnorm",
        "pinned-training-ignored",
        "batchnorm-freeze-undone",
        "trainable-after-compile",
        "unfreeze-under-frozen-parent",
    }


@pytest.mark.parametrize("model", ["ecg_sandwich.keras", "flowers_frozen_base.keras"])
def test_the_costs_in_the_guide_are_those_of_the_fixtures(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER.parent)
    guide = (FOLDER / "guides" / "will-freezing-save-time.md").read_text("utf-8")
    output = CliRunner().invoke(cli, ["cost", f"fixtures/models/{model}"], catch_exceptions=False).stdout
    blocks = re.findall(r"^```text\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    shown = [block for block in blocks if set(block.splitlines()) <= set(output.splitlines())]
    assert len(blocks) == 2
    assert len(shown) == 1, output
