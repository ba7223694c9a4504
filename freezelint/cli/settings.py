"""The options of the command line that say how to check, and what they and the configuration come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from freezelint.cli.completion import completed
from freezelint.finding import Confidence, Severity

if TYPE_CHECKING:
    from freezelint.config import Configuration, Configurations
    from freezelint.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _words(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for text in value for item in text.split(",") if (word := item.strip()))


_OPTIONS = (
    click.option(
        "--keras",
        metavar="VERSION",
        help="Which Keras to check for: 2, 3, a version such as 3.14, any, or auto.  [default: auto]",
    ),
    click.option(
        "--backend",
        type=click.Choice(["tensorflow", "jax", "torch"]),
        help="The backend of Keras 3; without it what the source sets, otherwise tensorflow.",
    ),
    click.option(
        "--select",
        multiple=True,
        metavar="RULES",
        callback=_words,
        shell_complete=completed,
        help="Only these rules: names, codes, beginnings of codes (FZ2) or all, separated by commas.",
    ),
    click.option(
        "--extend-select",
        multiple=True,
        metavar="RULES",
        callback=_words,
        shell_complete=completed,
        help="These rules too.",
    ),
    click.option(
        "--ignore", multiple=True, metavar="RULES", callback=_words, shell_complete=completed, help="Not these rules."
    ),
    click.option(
        "--min-confidence",
        type=click.Choice([item.value for item in Confidence]),
        help="Show only what is at least this sure.  [default: likely]",
    ),
    click.option(
        "--pedantic",
        is_flag=True,
        default=None,
        help="Show what is only possible, and what a more specific rule silences, too.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["warning", "error"]),
        help="The lowest severity that makes the exit code 1.  [default: warning]",
    ),
    click.option(
        "--bn-policy",
        type=click.Choice(["protect", "adapt"]),
        help="adapt: BatchNorm is meant to follow the new data.  [default: protect]",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Leave out what matches, in the form of a line of .gitignore; may be repeated.",
    ),
    click.option(
        "--force-exclude",
        is_flag=True,
        default=None,
        help="Leave it out even if it is named explicitly (pre-commit does).",
    ),
    click.option(
        "--no-ignores", is_flag=True, default=None, help="Tell also what comments and per-file ignores silence."
    ),
    click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="This configuration for all files, instead of the nearest one for each.",
    ),
    click.option("--no-config", is_flag=True, help="No configuration at all."),
)


def settings_options(command: _Command) -> _Command:
    """Adds to a command the options that `chosen` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Chosen(NamedTuple):
    """What holds for each file (`files`), and for the run as a whole (`run`, from the configuration `own`)."""

    files: Configurations
    run: Settings
    own: Configuration


def chosen(options: Mapping[str, Any], paths: Sequence[Path]) -> Chosen:
    """The settings that the options of `settings_options` and the configuration of the inputs come to.

    Raises `SettingsError` for what means nothing.
    """
    from freezelint import config

    if options["no_config"] and options["config_file"] is not None:
        raise click.UsageError("--no-config and --config FILE contradict each other: leave one of them out")
    only = config.Configuration() if options["no_config"] else None
    if options["config_file"] is not None:
        only = config.read(options["config_file"])
    given = {
        name: value
        for name, value in options.items()
        if name not in ("config_file", "no_config") and value not in (None, (), False)
    }
    if "min_confidence" in given:
        given["min_confidence"] = Confidence(given["min_confidence"])
    if "fail_on" in given:
        given["fail_on"] = Severity(given["fail_on"])
    files = config.Configurations(given, only)
    own = files.find(config.common_folder(paths))
    run = own.settings(given)
    run.validate()
    return Chosen(files, run, own)
