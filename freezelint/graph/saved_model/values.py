"""The abstract value of a tensor: as much of its origin as it takes to recognise normalisation and randomness."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

SUMS = frozenset({"Add", "AddV2", "Sub"})
PRODUCTS = frozenset({"Mul", "MulNoNan"})
QUOTIENTS = frozenset({"RealDiv", "Div", "DivNoNan"})
EXTREMES = frozenset({"Maximum", "Minimum"})
ARITHMETIC = SUMS | PRODUCTS | QUOTIENTS | EXTREMES


class Kind(Enum):
    """Where a tensor comes from."""

    __hash__ = object.__hash__  # values are keys a thousand times over, and that of Enum is computed in Python

    OTHER = auto()
    DEAD = auto()
    INPUT = auto()
    """Given by the caller as it is."""
    CONSTANT = auto()
    FILL = auto()
    """A constant spread over a shape computed at run time."""
    HANDLE = auto()
    """A reference to a variable."""
    STORED = auto()
    """What a variable holds, perhaps scaled or shifted by constants."""
    SUM = auto()
    SQUARE = auto()
    SUM_OF_SQUARES = auto()
    MEAN = auto()
    VARIANCE = auto()
    DEVIATION = auto()
    """A square root of a variance."""
    UNIFORM = auto()
    NORMAL = auto()
    SHIFTED_NORMAL = auto()
    """Normal around something other than zero: a factor, not an addend."""
    MASK = auto()
    """Random zeros and ones."""


class Value(NamedTuple):
    """One tensor.

    `variable` is the key of the variable a handle or stored value belongs to; `over_batch` whether a mean or
    variance was taken over the batch (None: cannot be told); `numbers` the elements of a small constant; `fed`
    whether the tensor depends on what the caller gives; `draws` the random operations it depends on and whose
    purpose is not known yet.
    """

    kind: Kind
    variable: int | str | None = None
    over_batch: bool | None = False
    numbers: tuple[float, ...] | None = None
    fed: bool = False
    draws: frozenset[str] = frozenset()

    @property
    def is_constant(self) -> bool:
        """Whether every run computes the same value."""
        return self.kind is Kind.CONSTANT or self.kind is Kind.FILL

    @property
    def is_statistic(self) -> bool:
        """Whether it is a mean or variance of what the caller gives."""
        return self.kind is Kind.MEAN or self.kind is Kind.VARIANCE


UNKNOWN = Value(Kind.OTHER, fed=True)
DEAD = Value(Kind.DEAD)
GIVEN = Value(Kind.INPUT, fed=True)
CONSTANT = Value(Kind.CONSTANT)
_NOTHING_DRAWN = frozenset[str]()
_MOST_DRAWS = 8
_STATISTICAL = frozenset({Kind.MEAN, Kind.VARIANCE, Kind.STORED})
_AVERAGED = {Kind.SUM: Kind.MEAN, Kind.SUM_OF_SQUARES: Kind.VARIANCE}
"""What a sum becomes when it is divided by a count."""


def derived(operands: tuple[Value, ...], kind: Kind = Kind.OTHER) -> Value:
    """A tensor computed from `operands` of which no more is known than what it depends on."""
    drawn = [value.draws for value in operands if value.draws]
    draws = drawn[0].union(*drawn[1:]) if drawn else _NOTHING_DRAWN
    if len(draws) > _MOST_DRAWS:
        draws = frozenset(sorted(draws)[:_MOST_DRAWS])
    return Value(kind, fed=True in [value.fed for value in operands], draws=draws)


def joined(first: Value, second: Value) -> Value:
    """One value that stands for either."""
    if first.kind is Kind.DEAD:
        return second
    if second.kind is Kind.DEAD:
        return first
    if first.kind is second.kind and first.variable == second.variable and first.over_batch == second.over_batch:
        return derived((first, second))._replace(
            kind=first.kind, variable=first.variable, over_batch=first.over_batch, numbers=None
        )
    return derived((first, second))


def combined(operation: str, first: Value, second: Value) -> Value:
    """The sum, difference, product, quotient, maximum or minimum of two tensors."""
    if second.is_constant and first.kind is not Kind.INPUT:
        return _with_constant(operation, first, second)
    if first.is_constant and second.kind is not Kind.INPUT:
        return _with_constant(operation, second, first)
    kinds = (first.kind, second.kind)
    result = derived((first, second))
    if (Kind.VARIANCE in kinds or Kind.MEAN in kinds) and _STATISTICAL.issuperset(kinds):
        kind = Kind.VARIANCE if Kind.VARIANCE in kinds else Kind.MEAN
        statistic = first if first.kind is kind else second
        return result._replace(kind=kind, over_batch=statistic.over_batch)
    if operation in PRODUCTS and Kind.SQUARE in kinds:
        return result._replace(kind=Kind.SQUARE)
    if operation in QUOTIENTS and first.kind in _AVERAGED:
        return first._replace(kind=_AVERAGED[first.kind], fed=result.fed)
    if operation in EXTREMES and Kind.DEVIATION in kinds:
        deviation = first if first.kind is Kind.DEVIATION else second
        return result._replace(kind=Kind.DEVIATION, over_batch=deviation.over_batch)
    return result


def _with_constant(operation: str, value: Value, constant: Value) -> Value:
    if value.is_constant:
        return CONSTANT
    if operation in SUMS and value.kind is Kind.NORMAL and any(constant.numbers or ()):
        return value._replace(kind=Kind.SHIFTED_NORMAL)
    if value.kind in _AVERAGED and operation in PRODUCTS | QUOTIENTS:
        return value._replace(kind=_AVERAGED[value.kind])
    return value
