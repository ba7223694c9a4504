"""Which reports there are, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from freezelint.report import Report
    from freezelint.texts import Texts

FORMATS = ("text", "concise", "json")


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
    from freezelint.report import concise, json, text

    if kind == "json":
        return json.render(report, texts.lines)
    if kind == "concise":
        return concise.render(report, texts.lines, colour)
    return text.render(report, texts.lines, colour)
