"""JSON out of an artifact that nobody vouches for."""

from __future__ import annotations

import json

from freezelint.graph.model_graph import Unreadable


def parse(text: bytes | str, what: str) -> object:
    """The value that `text` holds; bytes may be UTF-8, UTF-16 or UTF-32.

    Raises `Unreadable`, naming `what` was parsed, for anything that is not JSON or is nested too deeply to be
    read. Numbers keep their kind; NaN and infinities are let through, because Keras writes them.
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise Unreadable(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"{what} is not valid JSON ({_brief(error)})") from error
    except MemoryError as error:
        raise Unreadable(f"{what} does not fit into memory") from error


def _integer(digits: str) -> int | float:
    """An integer, or infinity where it has more digits than Python converts."""
    return int(digits) if len(digits) < 400 else float("-inf" if digits.startswith("-") else "inf")


def _brief(error: ValueError) -> str:
    return str(error).splitlines()[0][:120]
