"""Colour, and how wide text is on a terminal."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from freezelint.finding import Severity

TAB = 4
_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}


class Style(NamedTuple):
    """Wraps text in ANSI colours, or leaves it as it is."""

    colour: bool = False

    def _in(self, codes: str, text: str) -> str:
        return f"\033[{codes}m{text}\033[0m" if self.colour and text else text

    def severity(self, text: str, severity: Severity) -> str:
        """Text in the colour of a severity."""
        return self._in(_COLOURS[severity], text)

    def bold(self, text: str) -> str:
        """Text that stands out."""
        return self._in("1", text)

    def margin(self, text: str) -> str:
        """Line numbers and the frame's own lines."""
        return self._in("1;34", text)

    def story(self, text: str) -> str:
        """The steps that lead to a mistake."""
        return self._in("1;34", text)


def printable(text: str) -> str:
    """Text on one line that cannot steer a terminal: control and direction characters are written as escapes."""
    if text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else _escape(character) for character in text)


def cells(character: str, column: int) -> str:
    """One character of a source line as it is shown at a display column: tabs as spaces, controls as `�`."""
    if character == "\t":
        return " " * (TAB - column % TAB)
    return character if _is_harmless(character) else "\ufffd"


def width(text: str) -> int:
    """How many columns a terminal needs for text that holds no tab."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
