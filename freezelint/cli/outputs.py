"""Which reports there are, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from freezelint.report import Report
    from freezelint.texts import Texts

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit")


def parse_outputs(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> list[tuple[str, Path]]:
    """The values of `--output`, `FORMAT=FILE` each, as pairs; for click, whose error names what is wrong."""
    outputs = []
    for text in value:
        kind, equals, file = text.partition("=")
        if not equals or not file or kind not in FORMATS:
            raise click.BadParameter(f"{text!r} is not FORMAT=FILE with one of the formats {', '.join(FORMATS)}")
        if not Path(file).absolute().parent.is_dir():
            raise click.BadParameter(f"there is no folder {Path(file).parent} to write {file} to")
        outputs.append((kind, Path(file)))
    return outputs


def render(kind: str, report: Report, texts: Texts, colour: bool) -> str:
    """A report in the format `kind`, one of `FORMATS`."""
    from importlib import import_module

    module = import_module(f"freezelint.report.{kind}")
    if kind in ("text", "concise"):
        return str(module.render(report, texts.lines, colour))
    return str(module.render(report, texts.lines if kind == "json" else texts))


def render_statistics(kind: str, report: Report, colour: bool) -> str:
    """How often each rule found something, as `text` or `json`."""
    from freezelint.report import statistics

    return statistics.as_json(report) if kind == "json" else statistics.as_text(report, colour)
