"""Small programs for the tests of the source pass: run along a path, analysed, or laid out as files of a project."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from freezelint import api
from freezelint.finding import Finding
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.version import KerasVersion
from freezelint.source.interpreter import Run
from freezelint.source.modules import Project
from freezelint.source.parse import ParsedFile, parse
from freezelint.source.paths import Decisions, explore
from freezelint.source.timeline import Compiled, Event, SetTrainable, Timeline, Trained, WeightsSet
from freezelint.source.values import Model, Stretch, Value, solid

KERAS2 = Behaviour(KerasVersion(2))
KERAS3 = Behaviour(KerasVersion(3))
KERAS3_16 = Behaviour(KerasVersion(3, 16))
HABITS = frozenset({"fine-tuning-still-frozen", "untrained-head-on-unfrozen-base"})
"""Rules about the order of phases, which short test programs do not keep; `check` looks at them if they are named."""
EventT = TypeVar("EventT", bound=Event)


def behaviour(keras: str) -> Behaviour:
    """How the Keras called "2", "3" or "3.16" behaves."""
    return Behaviour(KerasVersion.parse(keras))


def parsed(text: str, path: str = "program.py") -> ParsedFile:
    """The program in a text that is indented like the test around it."""
    return parse(path, textwrap.dedent(text).encode())


def runs(text: str, keras: str = "3", location: Path | None = None) -> list[Run]:
    """A module run as a program, along every path through its unknown conditions."""
    data = textwrap.dedent(text).encode()
    file = parse("program.py", data)
    project = Project(file, data, location)

    def walk(decisions: Decisions) -> Run:
        run = Run(project, behaviour(keras), decisions, file.path)
        run.run_module(file, "__main__")
        run.finish()
        return run

    return list(explore(walk))


def run_of(text: str, keras: str = "3", location: Path | None = None) -> Run:
    """A module with one path, run as a program."""
    (run,) = runs(text, keras, location)
    return run


def value_of(text: str, name: str, keras: str = "3", location: Path | None = None) -> Value:
    """What `name` stands for when the module has run."""
    return solid(run_of(text, keras, location).modules["program.py"].names[name])


def model_of(text: str, name: str = "model", keras: str = "3", location: Path | None = None) -> Model:
    """The model that `name` stands for when the module has run."""
    found = value_of(text, name, keras, location)
    assert isinstance(found, Model), f"{name} is {found}"
    return found


def put(folder: Path, **files: str) -> None:
    """Writes files: `nets__vgg="…"` is `nets/vgg.py`."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def events(timeline: Timeline, kind: type[EventT]) -> list[EventT]:
    """The events of one kind, in order."""
    return [event for event in timeline.events if isinstance(event, kind)]


def lines(found: list[EventT]) -> list[int]:
    """The lines at which events happen."""
    return [event.at.span.start.line for event in found]


def story(text: str, keras: str = "3", location: Path | None = None) -> list[str]:
    """What happens in a program with one path, in words: "freeze base", "compile model", "fit model"."""
    return list(_words(run_of(text, keras, location).timeline))


def stories(text: str, keras: str = "3") -> set[tuple[str, ...]]:
    """What happens on every path of a program."""
    return {tuple(_words(run.timeline)) for run in runs(text, keras)}


def _words(timeline: Timeline) -> Iterator[str]:
    for event in timeline.events:
        if isinstance(event, SetTrainable):
            layer = event.target.model if isinstance(event.target, Stretch) else event.target
            verb = {True: "thaw", False: "freeze", None: "set"}[event.value]
            part = " part of" if isinstance(event.target, Stretch) and not event.target.selection.whole else ""
            yield f"{verb}{part} {layer.known_as or '?'}"
        elif isinstance(event, Trained):
            yield f"{event.how} {event.model.known_as or '?'}" + (" (implied)" if event.implied else "")
        elif isinstance(event, Compiled):
            yield f"compile {event.model.known_as or '?'}"
        elif isinstance(event, WeightsSet):
            yield f"load {event.target.known_as or '?'}"


def trains(trained: Trained) -> dict[str, bool | None]:
    """For every part of the model in a training call, by name, whether it trains."""
    parts = [
        (leaf.part.model if isinstance(leaf.part, Stretch) else leaf.part, leaf.trains) for leaf in trained.state.leaves
    ]
    return {part.name or part.known_as or "?": trains for part, trains in parts}


def findings(text: str, keras: str = "any") -> list[Finding]:
    """What a user is told about a program, in reading order.

    The programs say `"adam"` where no rate matters, so what is said about rates is left out.
    """
    found = api.check_source(textwrap.dedent(text), path="program.py", keras=keras)
    return [finding for finding in found if finding.name != "fine-tuning-learning-rate"]


def variants(text: str) -> list[Any]:
    """Programs to try one after another, each under a line `# title`, as parameters of a test."""
    parts = re.split(r"^# (.*)\n", textwrap.dedent(text).strip("\n") + "\n", flags=re.MULTILINE)[1:]
    return [pytest.param(program, id=title) for title, program in zip(parts[::2], parts[1::2], strict=True)]


def marked(text: str) -> list[tuple[int, str]]:
    """The lines that a program marks with `# error: rule`, with the rules."""
    return [
        (number, name.strip())
        for number, line in enumerate(textwrap.dedent(text).splitlines(), 1)
        if "# error:" in line
        for name in line.partition("# error:")[2].split(",")
    ]


def check(text: str, keras: str = "any", rule: str = "") -> None:
    """Asserts that the marked lines, and no others, have findings (of one rule, if one is named)."""
    found = [
        (one.span.start.line, one.name)
        for one in findings(text, keras)
        if one.span is not None and (one.name == rule if rule else one.name not in HABITS)
    ]
    assert found == marked(text), f"in Keras {keras}"
