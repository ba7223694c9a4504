"""Files → bytes → text: what is read at all, the encoding of a Python file, and what is not text."""

from __future__ import annotations

import io
import stat
import tokenize
from pathlib import Path

MAX_READ_BYTES = 100_000_000
"""No larger Python file or notebook is read into memory (the source pass has a lower limit for Python)."""


class NotPython(Exception):
    """The text cannot be parsed; `reason` says why, `line` where (counted from 1), if that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def decode(data: bytes) -> str:
    """The text of a Python file, by its own coding line or byte order mark (PEP 263).

    Raises `NotPython` if it is not text in that encoding.
    """
    try:
        text = data.decode(encoding_of(data))
    except (UnicodeDecodeError, LookupError) as error:
        raise NotPython(f"not text: {error}") from error
    if "\0" in text:
        raise NotPython("not text: it has null bytes")
    return text


def encoding_of(data: bytes) -> str:
    """The encoding of a Python file, as `decode` reads it. Raises `NotPython` if it names none that exists."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise NotPython(f"not text: {error}") from error
    return encoding


def read(path: Path) -> bytes:
    """The bytes of an ordinary file. Raises `OSError`, and `ValueError` for what is not one, or is too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not an ordinary file")
    if status.st_size > MAX_READ_BYTES:
        raise ValueError(f"larger than {MAX_READ_BYTES // 1_000_000} MB")
    return path.read_bytes()
