"""TOML by the standard library, or by the package that it was taken from; neither is imported before there is any."""

from __future__ import annotations

import sys
from typing import Any


class DecodeError(ValueError):
    """A text is not TOML."""


def loads(text: str) -> dict[str, Any]:
    """The document in a text. Raises `DecodeError`, and `RecursionError` for one that is nested too deeply."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DecodeError(str(error)) from error
    return document
