"""How an audit says things, whatever it is printed as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from freezelint.audited import Answer, FrozenOnPath, LayerFacts, ModelFacts, Parameters, Run
from freezelint.finding import Severity

SHOWN = 4
RUN_LENGTH = 8
"""So many neighbours that say the same are told one by one; of more, the first ones and how many follow."""

ANSWERS = {Answer.YES: "yes", Answer.NO: "NO", Answer.UNKNOWN: "not known"}


class Folded(NamedTuple):
    """A stretch of neighbouring layers that is told in one line."""

    depth: int
    layers: int
    parameters: int | None
    trains: bool | None
    effective: bool | None


def folded(layers: Sequence[LayerFacts], *, all_layers: bool = False) -> Iterator[LayerFacts | Folded]:
    """The layers, long stretches of neighbours with the same flags folded into one entry."""
    start = 0
    while start < len(layers):
        end = start + 1
        while end < len(layers) and _is_leaf(layers, end) and _alike(layers, start) == _alike(layers, end):
            end += 1
        stretch = layers[start:end]
        if all_layers or len(stretch) <= RUN_LENGTH or not _is_leaf(layers, start):
            yield layers[start]
            start += 1
            continue
        yield from stretch[: RUN_LENGTH - 2]
        rest = stretch[RUN_LENGTH - 2 : -1]
        sizes = [layer.parameters for layer in rest]
        known = None if None in sizes else sum(size or 0 for size in sizes)
        trained = [layer.trains for layer in rest if layer.trains is not None]
        yield Folded(rest[0].depth, len(rest), known, trained[0] if trained else None, rest[0].effective)
        yield stretch[-1]
        start = end


def _alike(layers: Sequence[LayerFacts], index: int) -> tuple[object, ...]:
    layer = layers[index]
    return (layer.depth, layer.own, layer.effective, layer.pinned, layer.on_gradient_path)


def _is_leaf(layers: Sequence[LayerFacts], index: int) -> bool:
    return index + 1 >= len(layers) or layers[index + 1].depth <= layers[index].depth


def flags(own: bool | None, effective: bool | None) -> str:
    """A layer's own flag, and what it comes to below its parents where that differs."""
    words = {True: "trainable", False: "frozen", None: "?"}
    if own is None:
        return words[effective]
    return "trainable, but frozen by a parent" if own and effective is False else words[own]


def notes(layer: LayerFacts) -> str:
    """What else there is to say about a layer."""
    parts = [f"wired with training={value}" for value in layer.pinned]
    if layer.calls > 1:
        parts.append(f"called {layer.calls} times")
    if layer.on_gradient_path:
        parts.append("frozen on the gradient path")
    return "; ".join(parts)


def number(value: int | None) -> str:
    """A count with thousands separated; `?` where it is not known."""
    return "?" if value is None else f"{value:,}"


def parameters(counted: Parameters) -> str:
    """The parameter counts in one line."""
    parts = [f"{counted.trainable:,} trainable", f"{counted.frozen:,} frozen"]
    if counted.statistics:
        parts.append(f"{counted.statistics:,} statistics")
    if counted.unknown:
        parts.append(f"{counted.unknown:,} of which it is not known")
    if not counted.shapes_known:
        parts.append("and weights that could not be counted")
    return ", ".join(parts)


def run_lines(run: Run) -> Iterator[str]:
    """What one run does, a line for each kind of thing; what could not be told comes last."""
    if run.training:
        moves = any(name.endswith(("moving_mean", "moving_variance")) for name in run.writes)
        effect = "uses the batch, moves its statistics" if moves else "uses the batch"
        yield f"{_counted(run.training)} in TRAINING mode ({effect})"
    if run.inference:
        yield f"{_counted(run.inference)} in inference mode"
    by_purpose: dict[str, list[str]] = {}
    for place, purpose in run.random:
        by_purpose.setdefault(purpose, []).append(place)
    for purpose, places in by_purpose.items():
        yield f"random ({purpose if purpose != 'unknown' else 'for an unknown purpose'}): {listed(places)}"
    others = [name for name in run.writes if not name.endswith(("moving_mean", "moving_variance"))]
    if others:
        yield f"writes {listed(others)}"
    for words in run.unknown[:SHOWN]:
        yield f"could not tell: {words}"
    if len(run.unknown) > SHOWN:
        yield f"could not tell: {len(run.unknown) - SHOWN} more"
    if not (run.training or run.random or run.writes or run.unknown):
        yield "nothing random, nothing written"


def path_lines(hits: Sequence[FrozenOnPath] | None) -> Iterator[str]:
    """Which frozen layers the gradient passes, and why."""
    if hits is None:
        yield "could not tell: neither calls nor a list of what trains"
    elif not hits:
        yield "no frozen layer lies on it"
    for hit in hits or ():
        one = len(hit.because_of) == 1
        yield (
            f"{listed(hit.layers)} {'is' if len(hit.layers) == 1 else 'are'} frozen on it, because"
            f" {listed(hit.because_of)} before {'trains' if one else 'train'}"
        )


def findings_in_short(model: ModelFacts) -> str:
    """`1 error, 2 warnings`, or `none`."""
    parts = []
    for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "info")):
        count = model.count(severity)
        if count:
            parts.append(f"{count} {word}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "none"


def listed(names: Iterable[str], shown: int = SHOWN) -> str:
    """The first few names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    text = ", ".join(unique[:shown])
    return f"{text} and {len(unique) - shown} more" if len(unique) > shown else text


def _counted(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"BatchNormalization {names[0]}"
    return f"{len(names)} BatchNormalization layers ({listed(names)})"
