"""Where the nodes of a libcst tree stand in the text.

libcst's own provider works out a line and a column for every token it writes; here a node only notes between which
two tokens it stands, and lines and columns are worked out for the few nodes that somebody asks about.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from freezelint.finding import Position


class Positions:
    """The places of the nodes of one tree, which was parsed after `shift` columns were taken off its left."""

    def __init__(self, tree: cst.Module, shift: int = 0) -> None:
        state = _Recording(tree.default_indent, tree.default_newline)
        tree._codegen(state)
        self._between = state.between
        self._offsets = [0, *accumulate(map(len, state.tokens))]
        text = "".join(state.tokens).replace("\r\n", " \n").replace("\r", "\n")
        self._lines = [0, *(index for index, character in enumerate(text, 1) if character == "\n")]
        self._shift = shift

    def of(self, node: cst.CSTNode) -> tuple[Position, Position]:
        """Where a node starts, and where it ends (the place behind its last character)."""
        start, end = self._between[id(node)]
        return self._position(start), self._position(end)

    def _position(self, token: int) -> Position:
        offset = self._offsets[min(token, len(self._offsets) - 1)]
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1 + self._shift)


class _Recording(CodegenState):
    """Writes a tree as text, and notes for every node the numbers of the tokens around it."""

    def __init__(self, indent: str, newline: str) -> None:
        super().__init__(indent, newline)
        self.between: dict[int, tuple[int, int]] = {}
        self._starts: list[int] = []

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(len(self.tokens))

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self._starts.pop()
        if id(node) not in self.between:
            self.between[id(node)] = (start, len(self.tokens))

    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Any:
        return _Stretch(self, node, start_node, end_node)


class _Stretch:
    """What is written inside belongs to the node, without the white space around it."""

    __slots__ = ("end_node", "first", "node", "start_node", "state")

    def __init__(
        self, state: _Recording, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.first = len(self.state.tokens)

    def __exit__(self, *_: object) -> None:
        between = self.state.between
        start = self.first if self.start_node is None else between[id(self.start_node)][0]
        end = len(self.state.tokens) if self.end_node is None else between[id(self.end_node)][1]
        between[id(self.node)] = (start, end)
