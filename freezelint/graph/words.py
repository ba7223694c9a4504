"""How messages about layers say things."""

from __future__ import annotations

from collections.abc import Iterable

from freezelint.graph.model_graph import Layer


def listed(names: Iterable[str], shown: int = 3) -> str:
    """The names in backquotes, the first few of them: "`a`, `b`, `c` and 4 more"."""
    unique = list(dict.fromkeys(names))
    text = ", ".join(f"`{name}`" for name in unique[:shown])
    return f"{text} and {len(unique) - shown} more" if len(unique) > shown else text


def counted(layers: Iterable[str], singular: str, plural: str) -> str:
    """The number of things and their names: "2 BatchNormalization layers (`a`, `b`)"; the name alone for one."""
    unique = list(dict.fromkeys(layers))
    return f"{singular} {listed(unique)}" if len(unique) == 1 else f"{len(unique)} {plural} ({listed(unique)})"


def paths(layers: Iterable[Layer]) -> list[str]:
    """The paths of layers; the root, which has none, goes by its name."""
    return [layer.path or layer.name for layer in layers]
