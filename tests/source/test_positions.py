"""Nodes are where libcst itself says they are, at a fraction of the cost."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from freezelint.finding import Position
from freezelint.source.positions import Positions

PACKAGE = Path(__file__).parents[2] / "freezelint"
TEXTS = {
    "decorators": '@one\n@two(3)\nclass A(B, c=1):\n    """Text\n    more."""\n\n    x: int = 3 ; y = (4)\n',
    "line ends": "a = 1\r\nif a :\r\n\tb = \\\r\n  2\r\n",
    "brackets": "x = (\n  # why\n  f( a , *b, c = 1 )\n)\ny = [ i for i in (z) if not i ]\n",
    "no line end": "for i in x:\n  pass\nelse: k()",
    "wide": "é = 'ü😀' + f'{a!r:>{b}}'; z = 1\n",
    "empty": "",
}


@pytest.mark.parametrize("text", [*TEXTS.values(), *(path.read_text("utf-8") for path in PACKAGE.glob("*.py"))])
def test_every_node_is_where_libcst_says(text: str) -> None:
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    positions = Positions(wrapper.module)
    for node, place in wrapper.resolve(PositionProvider).items():
        if isinstance(node, cst.BaseParenthesizableWhitespace | cst.TrailingWhitespace | cst.Newline | cst.Module):
            continue
        start, end = Position(place.start.line, place.start.column + 1), Position(place.end.line, place.end.column + 1)
        assert positions.of(node) == (start, end), type(node)


def test_columns_that_were_taken_off_are_added_again() -> None:
    tree = cst.parse_module("a = 1\n")
    assert Positions(tree, shift=4).of(tree.body[0])[0] == Position(1, 5)
