"""Blocks of a long model: neighbouring layers that belong together, told from their names and from where paths join."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer
from freezelint.keras.names import Kind

FEWEST_LAYERS = 24
"""Models with no more layers than this are shown layer by layer."""

SMALLEST = 3
LARGEST = 40
_BLOCK = re.compile(
    r".*?(?:block|stage|layer|unit|cell|module|stack|encoder|decoder|mixed|group)s?[_-]?\d+[a-z]?(?=[_/.-]|$)"
    r"(?:[_/.-](?:block|layer|unit)s?[_-]?\d+[a-z]?(?=[_/.-]|$))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring layers under one name; an empty name means that they stand for themselves."""

    name: str
    layers: tuple[Layer, ...]


def stretches(layers: Sequence[Layer]) -> list[Stretch]:
    """The layers of one model, given in the order in which it runs them, in stretches."""
    if len(layers) <= FEWEST_LAYERS:
        return [Stretch("", tuple(layers))] if layers else []
    found: list[Stretch] = []
    for name, group in groupby(_labelled(layers), key=lambda pair: pair[0]):
        members = tuple(layer for _, layer in group)
        if name and len(members) >= SMALLEST:
            found.append(Stretch(name, members))
        elif name:
            found.append(Stretch("", members))
        else:
            found.extend(_by_joints(members))
    return found


def _labelled(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer]]:
    """Each layer with the name of its block; a layer without one that stands inside a block belongs to it."""
    own = [match[0] if (match := _BLOCK.match(layer.name)) else "" for layer in layers]
    following = ""
    after: list[str] = []
    for name in reversed(own):
        following = name or following
        after.append(following)
    before = ""
    for layer, name, next_name in zip(layers, own, reversed(after), strict=True):
        before = name or before
        yield (name or (before if before == next_name else "")), layer


def _by_joints(layers: Sequence[Layer]) -> Iterator[Stretch]:
    """Layers without names of blocks, cut behind the layers in which paths join."""
    if len(layers) <= FEWEST_LAYERS // 2:
        yield Stretch("", tuple(layers))
        return
    current: list[Layer] = []
    for layer in layers:
        current.append(layer)
        if (len(current) >= SMALLEST * 2 and _joins(layer)) or len(current) >= LARGEST:
            yield _named(current)
            current = []
    if current:
        yield _named(current)


def _joins(layer: Layer) -> bool:
    known = layer_kinds.traits(layer)
    return (known is not None and known.kind is Kind.MERGE) or layer.class_name in ("Add", "Concatenate")


def _named(layers: Sequence[Layer]) -> Stretch:
    if len(layers) < SMALLEST:
        return Stretch("", tuple(layers))
    return Stretch(f"{layers[0].name} … {layers[-1].name}", tuple(layers))
