"""What freezing saves."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Mistake
from freezelint.graph.checks.registry import graph
from freezelint.graph.gradient_path import frozen_on_gradient_path
from freezelint.graph.layer_kinds import is_normalization
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.words import listed, paths
from freezelint.keras.behaviour import Behaviour


@graph.check("frozen-on-gradient-path")
def frozen_on_gradient_path_(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """Frozen layers that the gradient still passes; silent where they are normalisation only, frozen for its mode."""
    for group in frozen_on_gradient_path(model, keras):
        if not all(is_normalization(layer) for layer in group.layers):
            yield _mistake(paths(group.layers), list(group.upstream))
    if model.root is not None and model.outputs:
        return
    by_upstream: dict[str, list[str]] = {}
    for hit in model.gradient_hits or ():
        upstream = hit.upstream.rpartition("/")[0] or hit.upstream
        by_upstream.setdefault(upstream, []).append(hit.layer or hit.variable)
    for upstream, names in by_upstream.items():
        yield _mistake(names, [upstream])


@graph.check("frozen-prefix-recomputed")
def frozen_prefix_recomputed(model: ModelGraph, keras: Behaviour, min_share: float) -> Iterator[Mistake]:
    """Frozen layers at the front compute the same features of every sample in every epoch."""
    from freezelint.graph.cost.answer import costs  # the rule is off by default, and this takes time
    from freezelint.graph.cost.sentences import percent

    if not any(layer.own_trainable is False for layer in model.layers()):
        return
    found = costs(model, keras)
    once = next((scenario.cost for scenario in found.scenarios if scenario.name == "features-once"), None)
    whole = found.present.total.flops
    if once is None or not once.total.flops or not any(layer.trains for layer in found.present.layers):
        return
    rest = {layer.path for layer in once.layers if layer.total.flops}
    fixed = [layer for layer in found.present.layers if layer.trains is False and layer.path not in rest]
    spared = whole - once.total.flops
    if fixed and spared >= min_share * whole:
        yield Mistake(
            f"The frozen layers up to `{fixed[-1].path}` make the same features of a sample in every epoch, and that is"
            f" {percent(spared, whole)} of the FLOPs of a training step. Without augmentation of the data, compute the"
            " features once with `predict` and train the rest on them.",
            layer=fixed[-1].path,
        )


def _mistake(frozen: list[str], upstream: list[str]) -> Mistake:
    count = len(set(frozen))
    subject = f"{listed(frozen)} {'is' if count == 1 else 'are'} frozen"
    these = "it" if count == 1 else "them"
    trains = "trains" if len(upstream) == 1 else "train"
    return Mistake(
        f"{subject}, but {listed(upstream)} before {these} {trains}: every step still computes the gradient through"
        f" {these}, and only the gradient of {'its' if count == 1 else 'their'} own weights is saved."
        f" Freeze {listed(upstream)} too, and the backward pass ends at the first layer that trains.",
        layer=frozen[0],
    )
