"""What the numbers say, in sentences that somebody can act on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from freezelint.costs import NOTHING, Costs, Work
from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.words import listed

_HEAVY_EMBEDDING = 100_000


def sentences(costs: Costs, model: ModelGraph, random_before: Sequence[str]) -> Costs:
    """The same costs with the sentences filled in."""
    if not costs.present.layers:
        return replace(costs, sentences=tuple(_embeddings(costs, model)))
    found = [
        *_saved(costs),
        *_still_paid(costs),
        *_others(costs, random_before),
        *_eager(costs),
        *_embeddings(costs, model),
    ]
    return replace(costs, sentences=tuple(found))


def share(part: Work, whole: Work) -> str:
    """A part of a step in all three measures."""
    return (
        f"{percent(part.flops, whole.flops)} of the FLOPs, {percent(part.bytes, whole.bytes)} of the bytes and,"
        f" estimated for CPU, {percent(part.seconds, whole.seconds)} of the time"
    )


def percent(part: float, whole: float) -> str:
    """A share in whole percent, or in tenths below ten."""
    value = 100 * part / whole if whole else 0.0
    if 0 < value < 0.05:
        return "less than 0.1%"
    return f"{value:.1f}%" if 0 < value < 9.95 and round(value, 1) != round(value) else f"{value:.0f}%"


def _saved(costs: Costs) -> Iterator[str]:
    thawed = next((item.cost for item in costs.scenarios if item.name == "nothing-frozen"), None)
    frozen = [layer for layer in costs.present.layers if layer.trains is False]
    trained = [layer for layer in costs.present.layers if layer.trains]
    if not trained:
        yield "Nothing trains: a step computes the forward pass and changes no weight."
    if thawed is None or not frozen:
        yield (
            "Nothing is frozen: every layer with weights costs its forward pass, the gradient of its input and the"
            " gradient of its weights."
        )
        return
    gone = _difference(thawed.total, costs.present.total)
    count = len(frozen)
    yield (
        f"Freezing {count} of {count + len(trained)} layers with weights has removed {share(gone, thawed.total)} of a"
        " training step."
    )


def _still_paid(costs: Costs) -> Iterator[str]:
    frozen = [layer for layer in costs.present.layers if layer.trains is False]
    if not frozen:
        return
    whole, forward, through = costs.present.total, NOTHING, NOTHING
    for layer in frozen:
        forward += layer.forward
        through += layer.input_gradient
    yield f"The forward pass of the frozen layers is {share(forward, whole)} of what a step still costs."
    on_path = [layer for layer in frozen if layer.input_gradient.flops or layer.input_gradient.bytes]
    if not on_path:
        yield "No gradient goes through them: nothing before them trains."
        return
    upstream = list(dict.fromkeys(path for layer in on_path for path in layer.upstream))
    verb = "trains" if len(upstream) == 1 else "train"
    yield (
        f"The gradient that goes through {listed(layer.path for layer in on_path)}, because {listed(upstream)} before"
        f" {'it' if len(on_path) == 1 else 'them'} {verb}, is {share(through, whole)} more."
    )


def _others(costs: Costs, random_before: Sequence[str]) -> Iterator[str]:
    now = costs.present.total
    for item in costs.scenarios:
        if item.name == "nothing-frozen":
            continue
        if item.name == "features-once":
            yield (
                "The frozen prefix makes the same features of a sample in every step. With its features computed once"
                f" and stored, a step would cost {share(item.cost.total, now)} of what it costs now."
            )
        else:
            yield f"With {item.words}, a step would cost {share(item.cost.total, now)} of what it costs now."
    if random_before and not any(item.name == "features-once" for item in costs.scenarios):
        yield (
            f"The features of the frozen layers cannot be computed once: {listed(random_before)} before them"
            f" {'is' if len(random_before) == 1 else 'are'} random in every step."
        )


def _eager(costs: Costs) -> Iterator[str]:
    if any(layer.trains is False for layer in costs.present.layers):
        yield (
            "None of this is saved in an eager `GradientTape` loop or with `run_eagerly=True`: there the backward pass"
            " runs through every frozen layer. Put the step into a `tf.function`, or compile without `run_eagerly`; or"
            " end the frozen part with `tf.stop_gradient`, or let the tape watch `trainable_variables` only"
            " (`watch_accessed_variables=False`)."
        )


def _embeddings(costs: Costs, model: ModelGraph) -> Iterator[str]:
    kept = {layer.path: layer for layer in costs.present.layers}
    layers = model.by_path()
    for path, layer in kept.items():
        found = layers.get(path)
        if found is None or not layer_kinds.takes_integers(found) or layer.weights < _HEAVY_EMBEDDING:
            continue
        thawed = next((item.cost for item in costs.scenarios if item.name == "nothing-frozen"), costs.present)
        as_trained = next(other for other in thawed.layers if other.path == path)
        state, sweep = megabytes(as_trained.optimizer_bytes), megabytes(as_trained.optimizer.bytes)
        if layer.trains is False:
            yield (
                f"Freezing the embedding `{path}` spares the optimizer ({costs.optimizer}) {state} of memory and a"
                f" sweep over {sweep} in every step."
            )
        else:
            yield (
                f"The embedding `{path}` trains: the optimizer ({costs.optimizer}) sweeps over {sweep} in every step,"
                f" however few rows a batch looks up, and keeps {state} for it. Frozen, it would do neither."
            )


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:,.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"


def _difference(first: Work, second: Work) -> Work:
    return Work(first.flops - second.flops, first.bytes - second.bytes, first.seconds - second.seconds)
