"""Validate the SARIF that freezelint writes with the official validator, SARIF Multitool, which comes from npm.

    python tools/validate_sarif.py [FOLDER]    # the validator is installed in FOLDER (default: .sarif-multitool)

Runs its rules for SARIF and for GitHub's code scanning, and checks against its JSON schema; notes are let pass. Exit
code 1 if it finds a warning or an error, 2 if it cannot be run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "@microsoft/sarif-multitool"
PLATFORMS = {"linux": "linux", "darwin": "darwin", "win32": "win32"}


def install(folder: Path) -> Path:
    """The folder of the validator for this platform, installed if it is not there."""
    installed = folder / "node_modules" / f"{PACKAGE}-{PLATFORMS[sys.platform]}"
    if not installed.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-fund", "--no-audit", "--prefix", str(folder), PACKAGE]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    tool = installed / "Sarif.Multitool"
    tool.chmod(0o755)
    return installed


def write_sarif(file: Path) -> None:
    """The report on all fixtures: Python files, notebooks and models."""
    command = [sys.executable, "-m", "freezelint", "check", "fixtures", "--pedantic", "--output", f"sarif={file}"]
    subprocess.run([*command, "--no-config", "--statistics"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def complaints(tool: Path, file: Path, folder: Path) -> list[str]:
    """What the validator says that is worse than a note."""
    found = folder / "validation.sarif"
    options = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note", "--log", "ForceOverwrite"]
    command = [str(tool / "Sarif.Multitool"), "validate", str(file), *options, "--output", str(found)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    results: list[dict[str, Any]] = json.loads(found.read_text("utf-8-sig"))["runs"][0]["results"]
    print(f"SARIF Multitool: {len(results)} results, notes included")
    return [f"{item['ruleId']}: {item['message']}" for item in results if item.get("level", "warning") != "note"]


def main() -> int:
    """The command."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".sarif-multitool")
    try:
        tool = install(folder)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        print(f"cannot install {PACKAGE}: {error}")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "freezelint.sarif"
        write_sarif(file)
        document = json.loads(file.read_text("utf-8"))
        schema = json.loads((tool / "sarif-2.1.0.json").read_text("utf-8-sig"))
        jsonschema.validate(document, schema)
        print(f"schema: {len(document['runs'][0]['results'])} results are valid")
        found = complaints(tool, file, Path(scratch))
    print("\n".join(found) or "SARIF Multitool: no warning, no error")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
