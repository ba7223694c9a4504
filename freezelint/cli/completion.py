"""What the shell completes: the names and codes of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def completed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rules that begin with what was typed, behind its last comma; codes once it begins with "FZ"."""
    from click.shell_completion import CompletionItem

    from freezelint import catalogue

    before, comma, word = incomplete.rpartition(",") if _takes_several(parameter) else ("", "", incomplete)
    codes = word.lower().startswith("fz")
    return [
        CompletionItem(f"{before}{comma}{shown}", help=rule.summary)
        for rule in catalogue.rules().values()
        if (shown := rule.code if codes else rule.name).lower().startswith(word.lower())
    ]


def _takes_several(parameter: click.Parameter) -> bool:
    return bool(getattr(parameter, "multiple", False))
