"""Which frozen variables lie on the path of a gradient, read from the operations alone.

A tensor that depends on a trainable variable passes its gradient back. Where it meets one that was computed from
frozen variables only, that frozen layer sits between the loss and something that trains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.saved_model.functions import Interpreter, Place
from freezelint.graph.saved_model.messages import Node, SignatureDef, string
from freezelint.graph.saved_model.signatures import Walker
from freezelint.graph.saved_model.tensors import constant

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

    upstream: int | str | None = None
    frozen: frozenset[int | str] = frozenset()
    fed: bool = False
    number: int | None = None


_UNKNOWN = Label(fed=True)
_DEAD = Label(number=-1, fed=True)


@dataclass(slots=True)
class GradientPath:
    """The domain that follows trainability. `hits` maps a frozen variable to the trainable one before it."""

    labelled: Mapping[int | str, Label]
    variable_named: Callable[[str], int | str]
    unknown: Label = _UNKNOWN
    dead: Label = _DEAD
    hits: dict[int | str, int | str] = field(default_factory=dict)

    def label(self, variable: int | str) -> Label:
        """What a variable brings along."""
        return self.labelled.get(variable, Label())

    def join(self, first: Label, second: Label) -> Label:
        """One label that stands for either."""
        return Label(_first(first.upstream, second.upstream), first.frozen | second.frozen, first.fed or second.fed)

    def known(self, value: Label) -> int | None:
        """The number a constant scalar has."""
        return value.number

    def branching_on(self, value: Label, scope: str) -> bool:
        """Nothing is recorded for a branch, so nothing needs to be suppressed."""
        return False

    def apply(self, node: Node, operands: Sequence[Label], place: Place) -> tuple[Label, ...]:
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
            return (Label(fed=any(label.fed or label.upstream is not None for label in operands)),)
        upstream = _first(*(label.upstream for label in operands))
        if upstream is None:
            fed = any(label.fed for label in operands)
            frozen = frozenset[int | str]() if fed else _union(operands)
            return (Label(None, frozen, fed),)
        for label in operands:
            if label.upstream is None:
                for variable in label.frozen:
                    self.hits.setdefault(variable, upstream)
        return (Label(upstream),)


def frozen_on_path(
    walker: Walker, served: SignatureDef, frozen: Sequence[int], trains: Collection[int]
) -> dict[int | str, int | str]:
    """The variables among `frozen` that a gradient to one of `trains` passes when the signature is differentiated.

    Each comes with one of the trainable variables that make it necessary. Raises `Malformed` or `OverBudget`.
    """
    if not frozen or not trains:
        return {}
    labels: dict[int | str, Label] = {number: Label(frozen=frozenset({number})) for number in frozen}
    labels.update({number: Label(upstream=number) for number in trains})
    domain = GradientPath(labels, walker.variables.key_of_shared_name)

    def bound(function: str) -> tuple[Label | None, ...]:
        keys = walker.variables.bound(function)
        return tuple(domain.label(key) if key is not None else None for key in keys)

    wanted = [info.tensor for info in served.outputs.values() if info.tensor]
    given = {info.tensor.split(":")[0]: domain.unknown for info in served.inputs.values()}
    Interpreter(walker.library, domain, walker.budget, bound).graph(walker.nodes, wanted, given)
    return domain.hits


def _union(labels: Sequence[Label]) -> frozenset[int | str]:
    return frozenset[int | str]().union(*(label.frozen for label in labels))


def _first(*keys: int | str | None) -> int | str | None:
    return next((key for key in keys if key is not None), None)
