"""Start a new rule: its page, the skeleton of its check, its proof, and its line among the published names.

    python tools/new_rule.py torch-style-freeze FZ209 "A PyTorch attribute is set on a Keras object" --keras2 error

What it writes is red on purpose: the page shows a mistake that no check finds yet. CONTRIBUTING.md walks through
the rest with an example.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SEVERITIES = ("error", "warning", "info", "none")
MODULES = {
    "source": {"1": "batchnorm", "2": "trainable", "3": "training_loop", "4": "serving", "5": "training_loop"},
    "graph": {"1": "batchnorm", "2": "trainable", "3": "gradient", "4": "serving"},
}
"""The module that holds the checks of a family of codes (FZ1…, FZ2…), per pass."""
LINE = 120
OTHERWISE = {"source": "growing", "graph": "artifact"}
FACTS = {"source": ("timeline", "Timeline", "freezelint.source.timeline"),
         "graph": ("model", "ModelGraph", "freezelint.graph.model_graph")}  # fmt: skip
HINTS = {
    "source": "# Go through `timeline.events` and yield a Mistake with the span of the line to change.",
    "graph": "# Go through `model.layers()`, `model.calls` or `model.signatures` and yield a Mistake with the layer.",
}


class Refused(Exception):
    """The rule cannot be made; the text says why."""


@dataclass(frozen=True)
class NewRule:
    """What is asked for on the command line."""

    name: str
    code: str
    summary: str
    keras2: str
    keras3: str
    sees: tuple[str, ...]
    fix: str
    advice: str | None

    @property
    def function(self) -> str:
        """The name as a Python name."""
        return self.name.replace("-", "_")

    @property
    def proof(self) -> str:
        """The file that shows the mistake with real Keras."""
        return f"tests/proofs/test_{self.function}.py"


def create(rule: NewRule, root: Path) -> list[Path]:
    """Writes everything a new rule needs below `root`; returns what was written. Raises `Refused` before that."""
    _refuse(rule, root)
    changes = {root / "rules" / f"{rule.name}.md": page(rule), **_published(rule, root)}
    for where in rule.sees:
        changes.update(_check(rule, where, root))
    if rule.advice is None:
        changes[root / rule.proof] = proof(rule)
    for path, text in changes.items():
        path.write_text(text, "utf-8")
    return list(changes)


def _refuse(rule: NewRule, root: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.name):
        raise Refused(f"{rule.name!r} is no name: lower-case words joined by hyphens, naming the bad pattern")
    if not re.fullmatch(r"FZ[1-6][0-9][0-9]", rule.code):
        raise Refused(f"{rule.code!r} is no code: FZ, the digit of the family (1 to 6), two more digits")
    if rule.keras2 == rule.keras3 == "none":
        raise Refused("a rule that is a mistake in no generation of Keras says nothing: give --keras2 or --keras3")
    if (root / "rules" / f"{rule.name}.md").exists():
        raise Refused(f"rules/{rule.name}.md is there already")
    for code, name, *_ in _rows(root):
        if (code == rule.code) != (name == rule.name):
            raise Refused(f"{code} {name} is published: neither may mean anything else")


def _rows(root: Path) -> list[list[str]]:
    lines = (root / "tests/pages/published.txt").read_text("utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def _published(rule: NewRule, root: Path) -> dict[Path, str]:
    """The list of published names with the new one in its place; nothing if it is there."""
    path = root / "tests/pages/published.txt"
    if any(code == rule.code for code, *_ in _rows(root)):
        return {}
    lines = path.read_text("utf-8").splitlines()
    later = (number for number, line in enumerate(lines) if line[:2] == "FZ" and line[:5] > rule.code)
    lines.insert(next(later, len(lines)), f"{rule.code}  {rule.name}  {rule.keras2}  {rule.keras3}  on")
    return {path: "\n".join(lines) + "\n"}


def _check(rule: NewRule, where: str, root: Path) -> dict[Path, str]:
    """The module of the check with its skeleton at the end, and its package if the module is new."""
    module = MODULES[where].get(rule.code[2], OTHERWISE[where])
    package = root / "freezelint" / where / "checks"
    path = package / f"{module}.py"
    argument, facts, facts_module = FACTS[where]
    skeleton = f'''

@{where}.check("{rule.name}")
def {rule.function}({argument}: {facts}, keras: Behaviour) -> Iterator[Mistake]:
    """{rule.summary}."""
    {HINTS[where]}
    yield from ()
'''
    if path.exists():
        return {path: path.read_text("utf-8").rstrip("\n") + "\n" + skeleton}
    imports = sorted([
        "from freezelint.finding import Mistake",
        "from freezelint.keras.behaviour import Behaviour",
        f"from freezelint.{where}.checks.registry import {where}",
        f"from {facts_module} import {facts}",
    ])
    head = f'"""Checks of the family {rule.code[:3]}."""\n\nfrom __future__ import annotations\n\n'
    head += "from collections.abc import Iterator\n\n" + "\n".join(imports) + "\n"
    return {path: head + skeleton, package / "__init__.py": _with_module(package / "__init__.py", where, module)}


def _with_module(path: Path, where: str, module: str) -> str:
    """The package of the checks with one module more among its imports and names."""
    text = path.read_text("utf-8")
    imported = re.search(rf"^from freezelint\.{where}\.checks import (\([\w,\s]+\)|[\w, ]+)", text, re.MULTILINE)
    named = re.search(r"^__all__ = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    if imported is None or named is None:
        raise Refused(f"{path} does not import its modules and list them in __all__: add {module} by hand")
    modules = sorted([*re.findall(r"\w+", imported.group(1)), module])
    names = [f'"{name}"' for name in sorted([*re.findall(r"\w+", named.group(1)), module])]
    text = text.replace(named.group(), f"__all__ = {_listed(names, '[', ']', 11)}")
    head = f"from freezelint.{where}.checks import "
    return text.replace(imported.group(), head + _listed(modules, "(", ")", len(head)))


def _listed(names: list[str], opening: str, closing: str, before: int) -> str:
    """The names in one line if there is room for them, otherwise a line for each; imports need no brackets then."""
    line = ", ".join(names)
    if before + len(line) + 1 > LINE:
        return opening + "\n" + "".join(f"    {name},\n" for name in names) + closing
    return line if opening == "(" else f"{opening}{line}{closing}"


def page(rule: NewRule) -> str:
    """The page, with every heading that a page has."""
    sees = ", ".join(f'"{where}"' for where in rule.sees)
    backing = f'advice = true\nreferences = ["{rule.advice}"]' if rule.advice else f'proof = "{rule.proof}"'
    generations = (("keras2", rule.keras2), ("keras3", rule.keras3))
    severity = "\n".join(f'{key} = "{value}"' for key, value in generations if value != "none")
    measured = (
        f"Advice, not a measurement; see <{rule.advice}>."
        if rule.advice
        else f"Run `pytest {rule.proof} --measure` and write its numbers here. Proof: `{rule.proof}`."
    )
    return f'''# {rule.name} ({rule.code})

```toml
code = "{rule.code}"
name = "{rule.name}"
summary = "{rule.summary}"
sees = [{sees}]
default = true
fix = "{rule.fix}"
since = "0.1"
{backing}

[severity]
{severity}
```

## What it does

{rule.summary}.

## Why it is a mistake

Say what Keras does with it, and what the author expected.

## Example

### The mistake

```python
import keras

model = keras.Sequential([keras.layers.Dense(1)])  # error: [{rule.name}]
```

### Not a mistake

```python
import keras

model = keras.Sequential([keras.layers.Dense(2)])
```

## Use instead

```python
import keras

model = keras.Sequential([keras.layers.Dense(3)])
```

## Fix safety

There is no fix.

## Limits

Say what is not seen.

## Measured

{measured}
'''


def proof(rule: NewRule) -> str:
    """The proof, which trains real Keras 2 and Keras 3."""
    return f'''"""{rule.name}: {rule.summary}."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def test_the_mistake_does_what_the_page_says(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)  # make the mistake before, or after, this line
    before = harness.kernels(base)
    harness.fit(model)
    change = harness.moved(before, harness.kernels(base))
    measured(keras, "kernels moved", change)
    assert change == 0
'''


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("name", help="names the bad pattern, in lower case with hyphens")
    parser.add_argument("code", help="FZ and three digits")
    parser.add_argument("summary", help="the mistake in one sentence without a full stop")
    parser.add_argument("--keras2", choices=SEVERITIES, default="none", help="how bad in Keras 2")
    parser.add_argument("--keras3", choices=SEVERITIES, default="none", help="how bad in Keras 3")
    parser.add_argument("--sees", choices=["source", "graph"], action="append", help="the pass that finds it")
    parser.add_argument("--fix", choices=["none", "safe", "unsafe"], default="none")
    parser.add_argument("--advice", metavar="URL", help="a public reference, where there is nothing to measure")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    rule = NewRule(
        name=given.name,
        code=given.code,
        summary=given.summary.rstrip("."),
        keras2=given.keras2,
        keras3=given.keras3,
        sees=tuple(dict.fromkeys(given.sees or ["source"])),
        fix=given.fix,
        advice=given.advice,
    )
    try:
        written = create(rule, given.root)
    except Refused as error:
        print(f"new_rule: {error}", file=sys.stderr)
        return 2
    for path in written:
        print(f"wrote {path.relative_to(given.root)}")
    print(f"now: write the examples of the page, then the check, then `pytest tests/pages -k {rule.name}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
