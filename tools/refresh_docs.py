"""Write what is generated: the indexes of the rules, the schema of the configuration, the output in the README.

    python tools/refresh_docs.py           # writes
    python tools/refresh_docs.py --check   # says what is out of date; exit code 1 if anything is

In the README, a `console` block that begins with `$ freezelint check fixtures/…` or `$ freezelint audit fixtures/…`
shows what that command prints.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from freezelint import catalogue  # noqa: E402

_BLOCK = re.compile(r"^```console\n\$ freezelint ((?:check|audit) fixtures/[^\n]*)\n.*?^```$", re.MULTILINE | re.DOTALL)


def run(arguments: str) -> str:
    """What a freezelint command prints, run in the repository."""
    environment = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    command = [sys.executable, "-m", "freezelint", *shlex.split(arguments)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment, check=False)
    return done.stdout


def generated() -> dict[Path, str]:
    """Every generated text by its path."""
    readme = ROOT / "README.md"

    def with_output(block: re.Match[str]) -> str:
        return f"```console\n$ freezelint {block[1]}\n{run(block[1])}```"

    return {
        readme: _BLOCK.sub(with_output, readme.read_text("utf-8")),
        ROOT / "rules" / "README.md": run("rules --output-format markdown"),
        ROOT / "rules" / "index.json": catalogue.as_index(),
        ROOT / "freezelint.schema.json": run("config --schema"),
    }


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def main() -> int:
    """The command."""
    stale = {path: text for path, text in generated().items() if _text(path) != text}
    for path, text in stale.items():
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`")
        else:
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
