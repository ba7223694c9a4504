"""How the text of a program is written at a place: what a fix needs to say the same in the author's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from freezelint.finding import Edit, Position, Span
from freezelint.source.values import Place

_NAME = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True)
class FlagAssignment:
    """The statement `owner.trainable = value`, alone on its line."""

    owner: str
    """The text before `.trainable`: a name, or names joined by dots."""
    indentation: str
    value: Edit
    """An edit of the value that changes nothing yet."""
    end: Span
    """The end of the line."""

    def replaced_value(self, text: str) -> Edit:
        """The edit that assigns `text` instead."""
        return Edit(self.value.span, text)

    def followed_by(self, *lines: str) -> Edit:
        """The edit that adds lines below the statement, indented as it is."""
        return Edit(self.end, "".join(f"\n{self.indentation}{line}" for line in lines))


def flag_assignment(place: Place) -> FlagAssignment | None:
    """The assignment to `trainable` at a place, if it stands there in its plain form, alone on a line."""
    import libcst as cst

    node = place.file.node(place.at)
    if not isinstance(node, cst.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0].target
    if not isinstance(target, cst.Attribute) or target.attr.value != "trainable":
        return None
    unit = place.file.unit(place.at)
    owner, value = unit.tree.code_for_node(target.value), unit.tree.code_for_node(node.value)
    span = place.span
    lines = unit.tree.code.splitlines()
    line = lines[span.end.line - 1] if span.end.line <= len(lines) else ""
    before, after = line[: span.start.column - 1 - unit.shift], line[span.end.column - 1 - unit.shift :]
    plain = span.start.line == span.end.line and _NAME.fullmatch(owner) and not before.strip()
    if not plain or (after.strip() and not after.lstrip().startswith("#")):
        return None
    of_value = Span(span.path, Position(span.end.line, span.end.column - len(value)), span.end, span.cell)
    end = Position(span.end.line, len(line) + 1 + unit.shift)
    return FlagAssignment(owner, " " * unit.shift + before, Edit(of_value, value), Span(span.path, end, end, span.cell))


def spelled(canonical: str, names: Mapping[str, str]) -> str | None:
    """How a module whose imports are `names` (name → canonical name) writes `keras.layers.Dense`; None if it cannot.

    `tensorflow` holds Keras as `tf.keras`.
    """
    written = {dotted: name for name, dotted in sorted(names.items(), reverse=True)}
    parts = canonical.split(".")
    for length in range(len(parts), 0, -1):
        holder = written.get(".".join(parts[:length]))
        if holder is not None:
            return ".".join([holder, *parts[length:]])
    return f"{written['tensorflow']}.{canonical}" if "tensorflow" in written else None


def inserted_after(span: Span, text: str) -> Edit:
    """The edit that adds `text` right behind a span."""
    return Edit(Span(span.path, span.end, span.end, span.cell), text)


def added_argument(place: Place, text: str) -> Edit | None:
    """The edit that adds a last argument to the call at a place; None where its last argument ends with a comma."""
    import libcst as cst

    node = place.file.node(place.at)
    if not isinstance(node, cst.Call) or not node.args or isinstance(node.args[-1].comma, cst.Comma):
        return None
    span = place.span
    end = Position(span.end.line, span.end.column - 1)
    code = place.file.unit(place.at).tree.code_for_node(node.args[-1])
    return None if code != code.rstrip() else Edit(Span(span.path, end, end, span.cell), f", {text}")
