"""Shapes of tensors, and how they are read out of a configuration that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Shape = tuple[int | None, ...]
"""Elements per axis, the batch first; None where the number is not known."""

MAX_DIMENSION = 1 << 31
MAX_RANK = 10
"""Larger tensors exist in no framework; the limits keep arithmetic on hostile files cheap."""


def whole(value: object) -> int | None:
    """A number of elements, steps or units; None for what is none (of booleans, too)."""
    return value if type(value) is int and 0 <= value < MAX_DIMENSION else None


def per_axis(value: object, rank: int) -> tuple[int, ...] | None:
    """An argument that is one number for all axes, or one number for each; None if it is neither, or not above 0."""
    items = value if isinstance(value, (list, tuple)) else [value] * rank
    numbers = [number for item in items if (number := whole(item))]
    return tuple(numbers) if len(numbers) == len(items) == rank else None


def shape(value: object) -> Shape | None:
    """A shape as it stands in a configuration."""
    if not isinstance(value, (list, tuple)) or len(value) > MAX_RANK:
        return None
    if not all(item is None or whole(item) is not None for item in value):
        return None
    return tuple(value)


def size(of: Shape | None) -> int | None:
    """The number of elements; None if any axis is unknown."""
    if of is None or None in of:
        return None
    return math.prod(item for item in of if item is not None)


def product(items: Iterable[int | None]) -> int | None:
    """The product; None if any factor is unknown."""
    return size(tuple(items))


def is_known(of: Shape | None) -> bool:
    """Whether every axis is known."""
    return of is not None and None not in of


def merged(first: Shape | None, second: Shape | None) -> Shape | None:
    """What two sources say of one tensor; the first is believed where they differ."""
    if first is None or second is None or len(first) != len(second):
        return second if first is None else first
    return tuple(two if one is None else one for one, two in zip(first, second, strict=True))


def broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of an elementwise operation over tensors of these shapes."""
    known = [item for item in shapes if item is not None]
    if not known or len(known) < len(shapes):
        return None
    rank = max(map(len, known))
    columns = zip(*((1,) * (rank - len(item)) + item for item in known), strict=True)
    return tuple(_widest(column) for column in columns)


def _widest(column: tuple[int | None, ...]) -> int | None:
    larger = [item for item in column if item is not None and item != 1]
    if larger:
        return larger[0]
    return None if None in column else 1


def position(axis: object, rank: int) -> int | None:
    """An axis counted from the front; None if there is no such axis."""
    if type(axis) is not int or not -rank <= axis < rank:
        return None
    return axis % rank


def channels_last(config: Mapping[str, Any]) -> bool:
    """Whether a layer that is configured like this has its channels on the last axis."""
    return config.get("data_format") != "channels_first"


def split(of: Shape, config: Mapping[str, Any]) -> tuple[int | None, Shape, int | None]:
    """A picture, signal or volume as (batch, spatial axes, channels)."""
    return (of[0], of[1:-1], of[-1]) if channels_last(config) else (of[0], of[2:], of[1])


def join(batch: int | None, spatial: Iterable[int | None], channels: int | None, config: Mapping[str, Any]) -> Shape:
    """The opposite of `split`."""
    return (batch, *spatial, channels) if channels_last(config) else (batch, channels, *spatial)
