"""`freezelint config`: which configuration holds, where it was found, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freezelint.cli.terminal import write

if TYPE_CHECKING:
    from freezelint.config import Configuration, Key


@click.command(short_help="Show which configuration holds, from where, and why.")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--schema", is_flag=True, help="Print the JSON schema of a configuration instead.")
def config(path: Path, output_format: str, schema: bool) -> int:
    """Show the configuration that holds for PATH (this folder): every key, its value, and where that comes from."""
    from freezelint import config as configuration
    from freezelint.settings import SettingsError

    if schema:
        write(json.dumps(configuration.schema(), indent=2) + "\n")
        return 0
    if not path.exists():
        raise click.UsageError(f"{path} does not exist")
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    try:
        found = configuration.find(folder)
        found.settings().validate()
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if output_format == "json":
        write(json.dumps(_document(found), indent=2) + "\n")
    else:
        write("".join(f"{line}\n" for line in _lines(found, folder)))
    return 0


def _lines(found: Configuration, folder: Path) -> Iterator[str]:
    from freezelint.catalogue import rules
    from freezelint.config import KEYS
    from freezelint.report.style import printable
    from freezelint.source.files import display

    looked_for = f"(looked for from {printable(display(folder))} upwards; the nearest wins)"
    yield f"configuration: {printable(found.shown)}  {looked_for}"
    for path, what in found.looked_at:
        yield f"  {printable(display(path))}: {what}"
    yield ""
    width = max(len(key.name) for key in KEYS)
    for key in KEYS:
        is_said = key.name in found.values
        value = printable(_value(found, key)) if is_said else key.default
        yield f"{key.name.ljust(width)} = {value}  # {printable(found.shown) if is_said else 'default'}"
    yield ""
    settings = found.settings()
    yield f"{len(settings.rules() - settings.muted())} of {len(rules())} rules are told."


def _document(found: Configuration) -> dict[str, Any]:
    from freezelint.config import KEYS

    settings = found.settings()
    return {
        "file": found.shown if found.path is not None else None,
        "looked_at": [{"file": str(path), "result": what} for path, what in found.looked_at],
        "keys": {
            key.name: {"value": found.raw.get(key.name), "from": found.shown if key.name in found.values else "default"}
            for key in KEYS
        },
        "rules": sorted(settings.rules() - settings.muted()),
    }


def _value(found: Configuration, key: Key) -> str:
    return json.dumps(found.raw[key.name], ensure_ascii=False)
