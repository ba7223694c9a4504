"""Notebooks: JSON → the Python of their code cells, in order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_LINE_MAGIC = re.compile(
    r"^(\s*)([%!?].*|\S.*\?\s*|(?:pip3?|conda|ls|cd|cat|pwd|mkdir|rm|cp|mv|wget|git|head|unzip)(?:\s+[^=(\s].*)?)$"
)
_CAPTURE = re.compile(r"^(\s*)([\w.,\s]+?)=\s*[!%].*$")
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True, slots=True)
class Cell:
    """The Python of one code cell; `index` is 1-based among all cells, None for a plain file."""

    index: int | None
    text: str


def read_cells(data: bytes) -> list[Cell]:
    """The code cells of a notebook, as they stand.

    Raises `NotPython` if the bytes are no notebook.
    """
    from freezelint.source.text import NotPython

    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotPython(f"not a notebook: {error or 'nested too deeply'}") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        lists = [found for sheet in sheets if isinstance(found := sheet.get("cells"), list)]
        cells = [cell for found in lists for cell in found]
    if not isinstance(cells, list):
        raise NotPython("not a notebook: it has no list of cells")
    return [
        Cell(index, source)
        for index, cell in enumerate(cells, 1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and (source := _source(cell)) is not None
    ]


def _source(cell: dict[str, object]) -> str | None:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else None


def without_magics(text: str) -> str:
    """A cell's text with IPython's lines replaced by Python that does nothing, line for line.

    A cell that is in another language (`%%bash`, `%%html`, …) becomes empty.
    """
    lines = text.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_CELL_MAGICS):
        return "\n" * text.count("\n")
    cleaned: list[str] = []
    continued = False
    for line in lines:
        if continued:
            continued = line.rstrip().endswith("\\")
            cleaned.append("")
            continue
        capture = _CAPTURE.match(line)
        magic = _LINE_MAGIC.match(line)
        if capture is not None and "==" not in line.split("!")[0].split("%")[0]:
            cleaned.append(f"{capture.group(1)}{capture.group(2).strip()} = None")
            continued = line.rstrip().endswith("\\")
        elif magic is not None and not line.lstrip().startswith("#"):
            cleaned.append(f"{magic.group(1)}pass")
            continued = line.rstrip().endswith("\\")
        else:
            cleaned.append(line)
    return "\n".join(cleaned) + "\n"


def without_indentation(text: str) -> tuple[str, int]:
    """A cell that is indented as a whole, moved to the left margin, and by how many columns."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    margin = first[: len(first) - len(first.lstrip(" \t"))]
    if not margin:
        return text, 0
    moved = (line.removeprefix(margin) if line.strip() else "" for line in lines)
    return "\n".join(moved) + "\n", len(margin)
