"""The steps of `action.yml` and of the GitLab template, run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.scenes.conftest import ROOT, git
from tests.test_config import THAWED

CLEAN = "import keras\n\nmodel = keras.Sequential([keras.layers.Dense(2)])\n"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class Runner:
    """Runs the steps of a composite action that are shell scripts, and notes those that call other actions."""

    def __init__(self, action: Path, workspace: Path, scratch: Path, inputs: Mapping[str, str], **given: str) -> None:
        self.definition: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text("utf-8"))
        self.workspace, self.scratch, self.given = workspace, scratch, given
        defaults = {name: str(item["default"]) for name, item in self.definition["inputs"].items()}
        self.values = {f"inputs.{name}": value for name, value in {**defaults, **inputs}.items()}
        self.values["github.action_path"] = str(action)
        self.output = ""
        self.used: list[dict[str, Any]] = []

    def run(self) -> int:
        """Runs all the steps; the exit code of the first that fails, otherwise 0."""
        for number, step in enumerate(self.definition["runs"]["steps"]):
            if "if" in step and not self._holds(step["if"]):
                continue
            if "uses" in step:
                self.used.append({"uses": step["uses"], **{k: self._text(v) for k, v in step["with"].items()}})
                continue
            code = self._shell(step, self.scratch / f"output-{number}")
            if code:
                return code
        return 0

    def _shell(self, step: dict[str, Any], outputs: Path) -> int:
        outputs.write_text("")
        environment = {name: self._text(value) for name, value in step.get("env", {}).items()}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PYTHON"))}
        surroundings = {"RUNNER_TEMP": str(self.scratch), "GITHUB_OUTPUT": str(outputs), **self.given}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={**kept, **surroundings, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.output += done.stdout + done.stderr
        for line in outputs.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            self.values[f"steps.{step.get('id')}.outputs.{name}"] = value
        return done.returncode

    def _text(self, value: Any) -> str:
        return _EXPRESSION.sub(lambda found: self.values.get(found[1], ""), str(value))

    def _holds(self, condition: str) -> bool:
        def side(text: str) -> str:
            return text.strip("'") if text.startswith("'") else self.values.get(text, "")

        parts = [re.fullmatch(r"(\S+) (==|!=) (\S+)", part.strip()) for part in condition.split("&&")]
        assert all(parts), f"this test does not know the condition {condition}"
        return all((side(part[1]) == side(part[3])) == (part[2] == "==") for part in parts if part)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner")


def action(project: Path, source: Path, scratch: Path, given: Mapping[str, str] | None = None, **inputs: str) -> Runner:
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    return Runner(source, project, scratch, {"python": sys.executable, **named}, **(given or {}))


def test_the_action_annotates_writes_sarif_uploads_it_and_then_fails(
    project: Path, freezelint_repository: Path, scratch: Path
) -> None:
    (project / "train.py").write_text(THAWED)
    runner = action(project, freezelint_repository, scratch, upload_sarif="true")
    assert runner.run() == 1, runner.output
    assert "::error file=train.py,line=8" in runner.output
    assert runner.used == [
        {
            "uses": "github/codeql-action/upload-sarif@v3",
            "sarif_file": "freezelint.sarif",
            "category": "freezelint",
        }
    ]
    results = json.loads((project / "freezelint.sarif").read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["FZ101"]


def test_the_action_passes_when_nothing_is_found(project: Path, freezelint_repository: Path, scratch: Path) -> None:
    (project / "train.py").write_text(CLEAN)
    runner = action(project, freezelint_repository, scratch)
    assert (runner.run(), runner.used) == (0, []), runner.output


def test_the_action_takes_options_and_fails_when_they_are_wrong(
    project: Path, freezelint_repository: Path, scratch: Path
) -> None:
    (project / "train.py").write_text(THAWED)
    assert action(project, freezelint_repository, scratch, args="--ignore FZ1").run() == 0
    wrong = action(project, freezelint_repository, scratch, args="--keras 9", upload_sarif="true")
    assert (wrong.run(), wrong.used) == (2, [])
    hostile = action(project, freezelint_repository, scratch, paths="train.py;touch${IFS}pwned")
    assert hostile.run() == 2
    assert not (project / "pwned").exists()


def test_the_action_tells_only_what_a_pull_request_touches(
    project: Path, freezelint_repository: Path, scratch: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (project / "old.py").write_text(THAWED)
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "old")
    clone = tmp_path_factory.mktemp("clone") / "project"
    git(project, "clone", "--quiet", str(project), str(clone))
    git(clone, "checkout", "--quiet", "-b", "topic")
    (clone / "new.py").write_text(THAWED)
    runner = action(clone, freezelint_repository, scratch, {"GITHUB_BASE_REF": "main"}, only_changed="true")
    assert runner.run() == 1, runner.output
    assert "file=new.py" in runner.output
    assert "file=old.py" not in runner.output


def test_the_job_for_gitlab_writes_its_reports_and_fails(project: Path, freezelint_repository: Path) -> None:
    (job,) = yaml.safe_load((ROOT / "templates" / "freezelint.gitlab-ci.yml").read_text("utf-8")).values()
    (project / "train.py").write_text(THAWED)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PYTHON"))}
    variables = {**job["variables"], "FREEZELINT": str(freezelint_repository)}
    script = "\n".join(["set -e", *job["script"]])
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env={**kept, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    reports = job["artifacts"]["reports"]
    (issue,) = json.loads((project / reports["codequality"]).read_text())
    assert issue["location"]["path"] == "train.py"
    assert ElementTree.parse(project / reports["junit"]).getroot().get("failures") == "1"
