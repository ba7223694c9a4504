"""Which frozen variables lie on the path of a gradient, read from the operations alone.

A tensor that depends on a trainable variable passes its gradient back. Where it meets one that was computed from
frozen variables only, that frozen layer sits between the loss and something that trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.saved_model.messages import Node, constant, string

_NO_GRADIENT = frozenset({
    "Shape", "ShapeN", "Rank", "Size", "StopGradient", "ArgMax", "ArgMin", "Equal", "NotEqual", "Greater",
    "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "LogicalNot", "ZerosLike", "OnesLike", "Floor",
    "Ceil", "Round", "Rint", "Sign", "Where", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
    "CombinedNonMaxSuppression", "BroadcastGradientArgs", "InvertPermutation",
})  # fmt: skip
_WRITES_PREFIXES = ("Assign", "ResourceScatter", "ResourceApply")


class Label(NamedTuple):
    """`upstream`: a trainable variable the tensor depends on. `frozen`: the frozen variables it is computed from.

    `fed` is set if it depends on the data, which is no frozen layer's weight.
    """

    upstream: str | None = None
    frozen: frozenset[int | str] = frozenset()
    fed: bool = False
    number: int | None = None


@dataclass(slots=True)
class GradientPath:
    """The domain that follows trainability. `hits` maps a frozen variable to the trainable one before it."""

    labelled: Mapping[int | str, Label]
    variable_named: Callable[[str], int | str]
    unknown: Label = Label(fed=True)
    dead: Label = Label(number=-1, fed=True)
    hits: dict[int | str, str] = field(default_factory=dict)

    def label(self, variable: int | str) -> Label:
        """What a variable brings along."""
        return self.labelled.get(variable, Label())

    def join(self, first: Label, second: Label) -> Label:
        """One label that stands for either."""
        return Label(first.upstream or second.upstream, first.frozen | second.frozen, first.fed or second.fed)

    def known(self, value: Label) -> int | None:
        """The number a constant scalar has."""
        return value.number

    def branching_on(self, value: Label, scope: str) -> bool:
        """Nothing is recorded for a branch, so nothing needs to be suppressed."""
        return False

    def apply(self, node: Node, operands: Sequence[Label], scope: str, muted: bool) -> tuple[Label, ...]:
        """The label of an operation's outputs; notes where a gradient passes something frozen."""
        if node.operation in ("VarHandleOp", "VariableV2", "Variable"):
            shared = node.attributes.get("shared_name")
            name = (string(shared) if shared is not None else None) or node.name
            return (self.label(self.variable_named(name)),)
        if node.operation == "Const":
            attribute = node.attributes.get("value")
            numbers = constant(attribute) if attribute is not None else None
            single = numbers is not None and len(numbers) == 1 and numbers[0] in (0, 1)
            return (Label(number=int(numbers[0]) if numbers is not None and single else None),)
        if node.operation in ("Identity", "PlaceholderWithDefault") and operands:
            return (operands[0],)
        if node.operation in _NO_GRADIENT or node.operation.startswith(_WRITES_PREFIXES):
            return (Label(fed=any(label.fed or label.upstream for label in operands)),)
        upstream = next((label.upstream for label in operands if label.upstream), None)
        if upstream is None:
            fed = any(label.fed for label in operands)
            frozen = frozenset[int | str]() if fed else _union(operands)
            return (Label(None, frozen, fed),)
        for label in operands:
            if not label.upstream:
                for variable in label.frozen:
                    self.hits.setdefault(variable, upstream)
        return (Label(upstream),)


def _union(labels: Sequence[Label]) -> frozenset[int | str]:
    return frozenset[int | str]().union(*(label.frozen for label in labels))
