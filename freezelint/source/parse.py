"""Bytes → libcst trees → program, behind the guards that a native parser needs.

libcst's parser crashes the whole process on deep nesting, which no `except` can catch; so nothing reaches it
before its size, its brackets and its operator chains were counted and `ast` has had a look.
"""

from __future__ import annotations

import ast
import gc
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from freezelint.finding import Span
from freezelint.source.notebook import Cell, read_cells, without_indentation, without_magics
from freezelint.source.program import Evaluate, Program, Statement, Unparsed, defined_functions
from freezelint.source.text import NotPython, decode

if TYPE_CHECKING:
    import libcst as cst

    from freezelint.keras.behaviour import Behaviour
    from freezelint.source.importing import Kept
    from freezelint.source.positions import Positions

MAX_BYTES = 1_000_000
MAX_REMEMBERED = 500
"""How many files are remembered for the next that import them."""
MAX_DEPTH = 200
MAX_CHAIN = 1_000

_STRINGS = re.compile(r"(?:'''|\"\"\").*?(?:'''|\"\"\")|#[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
_OPERATOR = re.compile(r"[.+\-*/%@&|^~<>:]|\b(?:and|or|not|if|else|lambda|await|in|is|for)\b|[()\[\]{}\n,;]")


@dataclass
class Unit:
    """One parsed text: a whole file, or one cell of a notebook."""

    tree: cst.Module
    cell: int | None
    first: int
    """The number of the unit's first node."""
    shift: int = 0
    """How many columns the text was moved to the left before it was parsed."""


@dataclass
class Syntax:
    """The trees of a file, and the nodes by number."""

    nodes: list[cst.CSTNode]
    units: list[Unit] = field(default_factory=list)
    positions: dict[int, Positions] = field(default_factory=dict)
    """By the unit's first node, for units of which somebody asked a place."""


@dataclass
class ParsedFile:
    """A lowered file and what is needed to say where its nodes stand."""

    path: str
    data: bytes = field(repr=False)
    program: Program
    shown: frozenset[int] = frozenset()
    """The last expressions of notebook cells: the notebook shows their values."""
    kept: dict[tuple[str, Behaviour], Kept] = field(default_factory=dict, repr=False, compare=False)
    """What importing the file comes to, by the name of the module and the Keras."""

    def span(self, at: int) -> Span:
        """The span of the node with number `at`."""
        from freezelint.source.positions import Positions

        unit, known = self.unit(at), self._syntax.positions
        if unit.first not in known:
            known[unit.first] = Positions(unit.tree, unit.shift)
        start, end = known[unit.first].of(self.node(at))
        return Span(self.path, start, end, unit.cell)

    def node(self, at: int) -> cst.CSTNode:
        """The node with number `at`."""
        return self._syntax.nodes[at]

    def unit(self, at: int) -> Unit:
        """The unit that holds the node with number `at`."""
        return next(unit for unit in reversed(self._syntax.units) if unit.first <= at)

    @property
    def _syntax(self) -> Syntax:
        """The trees. They take ten times the memory of the program: those of the last files are at hand only."""
        return _lowered(self.path, self.data)[1]

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the functions and methods that the file defines."""
        return defined_functions(self.program.body)


@lru_cache(maxsize=MAX_REMEMBERED)
def parse(path: str, data: bytes) -> ParsedFile:
    """The program in `data`, a Python file or (by the suffix of `path`) a notebook; the same object for the same file.

    Raises `NotPython` for a file that cannot be read at all; cells that cannot be parsed are in
    `program.unparsed`, and the others are lowered.
    """
    program, _, shown = _lowered(path, data)
    return ParsedFile(path, data, program, shown)


@lru_cache(maxsize=4)
def _lowered(path: str, data: bytes) -> tuple[Program, Syntax, frozenset[int]]:
    with _without_garbage_collection():
        return _lower(path, data)


def _lower(path: str, data: bytes) -> tuple[Program, Syntax, frozenset[int]]:
    from freezelint.source.lower import Lowering

    if len(data) > MAX_BYTES and not path.endswith(".ipynb"):
        raise NotPython(f"larger than {MAX_BYTES // 1_000_000} MB")
    cells = read_cells(data) if path.endswith(".ipynb") else [Cell(None, decode(data))]
    lowering = Lowering()
    body: list[Statement] = []
    unparsed: list[Unparsed] = []
    syntax = Syntax(lowering.nodes)
    shown: set[int] = set()
    for cell in cells:
        first = len(lowering.nodes)
        try:
            tree, shift = (parse_text(cell.text), 0) if cell.index is None else _parse_cell(cell.text)
            statements = lowering.module(tree)
            body.extend(statements)
            if cell.index is not None and statements and isinstance(statements[-1], Evaluate):
                shown.add(statements[-1].at)
        except NotPython as error:
            if cell.index is None:
                raise
            unparsed.append(Unparsed(error.reason, cell.index, error.line))
            continue
        except RecursionError as error:
            if cell.index is None:
                raise NotPython("nested too deeply") from error
            unparsed.append(Unparsed("nested too deeply", cell.index))
            continue
        syntax.units.append(Unit(tree, cell.index, first, shift))
    return Program(path, tuple(body), tuple(unparsed)), syntax, frozenset(shown)


def _parse_cell(text: str) -> tuple[cst.Module, int]:
    """The tree of a cell, and by how many columns it had to be moved to the left, as IPython does."""
    try:
        return parse_text(text), 0
    except NotPython:
        plain, shift = without_indentation(without_magics(text))
        return parse_text(plain), shift


def parse_text(text: str) -> cst.Module:
    """The libcst tree of a text that passed the guards; raises `NotPython` for one that cannot be parsed."""
    if len(text) > MAX_BYTES:
        raise NotPython(f"larger than {MAX_BYTES // 1_000_000} MB")
    refuse_deep(text)
    syntax: SyntaxError | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        if "too many nested" in str(error):
            raise NotPython("nested too deeply", error.lineno) from error
        syntax = error
    except (RecursionError, MemoryError) as error:
        raise NotPython("nested too deeply") from error
    except ValueError as error:
        raise NotPython(str(error)) from error
    import libcst as cst

    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        if syntax is not None:
            raise NotPython(f"not valid Python: {syntax.msg}", syntax.lineno) from error
        raise NotPython(f"not valid Python: {error.message}", error.raw_line) from error
    except (RecursionError, MemoryError) as error:
        raise NotPython("nested too deeply") from error
    except Exception as error:  # a fault of the parser on odd input must not end the run
        raise NotPython(f"the parser failed: {error}") from error


def refuse_deep(text: str) -> None:
    """Raises `NotPython` for bracket depth or operator chains that the native parser may not survive.

    A chain is counted per bracket: a comma ends it, and outside of brackets the end of the line does.
    """
    bare = _STRINGS.sub("''", text)
    chains = [0]
    for found in _OPERATOR.finditer(bare):
        token = found.group()
        if token in "([{":
            chains.append(0)
        elif token in ")]}":
            if len(chains) > 1:
                chains.pop()
        elif token in ",;" or (token == "\n" and len(chains) == 1):
            chains[-1] = 0
        elif token != "\n":
            chains[-1] += 1
        if len(chains) > MAX_DEPTH or chains[-1] > MAX_CHAIN:
            reason = "nested too deeply" if len(chains) > MAX_DEPTH else "an expression with too many operators"
            raise NotPython(reason, bare.count("\n", 0, found.start()) + 1)
    _refuse_deep_indentation(bare)


def _refuse_deep_indentation(text: str) -> None:
    indents = [0]
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.lstrip(" \t")
        if not stripped:
            continue
        width = len(line) - len(stripped)
        while indents and indents[-1] > width:
            indents.pop()
        if not indents or width > indents[-1]:
            indents.append(width)
            if len(indents) > MAX_DEPTH // 2:
                raise NotPython("nested too deeply", number)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Parsing makes many small objects that all live: collecting in between costs a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
