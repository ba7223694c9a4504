"""A document that is open in an editor: a file, or a notebook whose cells are documents of their own."""

from __future__ import annotations

import io
import json
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pygls.uris import to_fs_path

from freezelint.api import SettingsError, check_data
from freezelint.config import Configurations
from freezelint.report import Report
from freezelint.source.files import display
from freezelint.texts import Texts


@dataclass(frozen=True, slots=True)
class Opened:
    """What an editor shows at one moment.

    `uri` names it, `cells` are the URIs of the code cells of a notebook in order (None for a file), `data` is the
    content as it would be saved.
    """

    uri: str
    data: bytes
    cells: tuple[str, ...] | None = None

    @property
    def location(self) -> Path | None:
        """Where it lies on the disk; None for what was never saved."""
        path = to_fs_path(self.uri) if self.uri.startswith("file:") else None
        return Path(path) if path else None

    @property
    def name(self) -> str:
        """What reports call it."""
        if self.location is not None:
            shown = display(self.location)
            return shown if self.cells is None or shown.endswith(".ipynb") else f"{shown}.ipynb"
        return "untitled.ipynb" if self.cells is not None else "untitled.py"

    def document(self, cell: int | None) -> str:
        """The URI of the document that a cell (from 1, None for a file) is."""
        if self.cells is None or cell is None:
            return self.uri
        return self.cells[min(max(cell, 1), len(self.cells)) - 1] if self.cells else self.uri

    @property
    def documents(self) -> tuple[str, ...]:
        """The URIs of all its documents: the file, or each cell."""
        return (self.uri,) if self.cells is None else self.cells


def file(uri: str, text: str) -> Opened:
    """A file with its text, in the encoding that it declares itself; what cannot be encoded so is in UTF-8."""
    data = text.encode("utf-8", "replace")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return Opened(uri, data if encoding.startswith("utf-8") else text.encode(encoding))
    except (SyntaxError, ValueError, LookupError):
        return Opened(uri, data)


def notebook(uri: str, cells: Sequence[tuple[str, str]]) -> Opened:
    """A notebook out of its code cells: their URIs and texts."""
    sources = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for _, text in cells]
    content = {"cells": sources, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return Opened(uri, json.dumps(content).encode(), tuple(cell for cell, _ in cells))


def check(opened: Opened, others: Sequence[Opened] = ()) -> tuple[Report, Texts]:
    """What freezelint has to say of a document under the configuration of its folder, and the texts it points into.

    `others` are read as they are in the editor, not as they lie on the disk. What the configuration excludes has no
    findings. Raises `SettingsError` for a configuration that means nothing.
    """
    texts = Texts()
    for other in others:
        if other.location is not None and other.uri != opened.uri:
            texts.change(other.location, other.data)
    settings = Configurations({"force_exclude": True})
    report = check_data(opened.data, opened.name, settings, texts, location=opened.location)
    return report, texts


__all__ = ("Opened", "SettingsError", "check", "file", "notebook")
