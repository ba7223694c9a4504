"""Whether a text is Python at all, told without libcst: for files in which the checks have nothing to look for."""

from __future__ import annotations

import ast
import warnings


def is_python(display: str, data: bytes) -> bool:
    """Whether the interpreter that runs this accepts a file, or every code cell of a notebook.

    False also where it cannot tell; only a full parse can say why.
    """
    from freezelint.source.notebook import Cell, read_cells, without_magics
    from freezelint.source.parse import MAX_BYTES, refuse_deep
    from freezelint.source.text import NotPython, decode

    try:
        cells = read_cells(data) if display.endswith(".ipynb") else [Cell(None, decode(data))]
        for cell in cells:
            text = cell.text if cell.index is None else without_magics(cell.text)
            if len(text) > MAX_BYTES:
                return False
            refuse_deep(text)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(text)
    except (NotPython, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
