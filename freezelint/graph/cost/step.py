"""The cost of one training step under given flags: what is computed forward, and what of it backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from freezelint.costs import NOTHING, LayerCost, StepCost, Work
from freezelint.graph import layer_kinds
from freezelint.graph.cost.flags import Flags
from freezelint.graph.cost.formulas import NotCounted, parts_of
from freezelint.graph.cost.optimizer import Optimizer
from freezelint.graph.cost.parts import Part
from freezelint.graph.cost.rates import Rates
from freezelint.graph.dimensions import size
from freezelint.graph.model_graph import Layer
from freezelint.graph.unrolled import Run, Unrolled

_Upstream = frozenset[str]
_NONE: _Upstream = frozenset()


@dataclass(slots=True)
class _Sum:
    """What one layer costs, summed up over its runs."""

    layer: Layer
    weights: int = 0
    forward: Work = NOTHING
    input_gradient: Work = NOTHING
    weight_gradient: Work = NOTHING
    upstream: _Upstream = _NONE


@dataclass(slots=True)
class Accounts:
    """The parts of every run of a model, and the layers that could not be counted, with the reason.

    Made once for a model; `step` asks it what any freeze would cost.
    """

    unrolled: Unrolled
    rates: Rates
    optimizer: Optimizer
    uncounted: dict[str, str] = field(default_factory=dict)
    _parts: dict[tuple[int, bool], tuple[Part, ...]] = field(default_factory=dict)

    def parts(self, number: int, *, live: bool) -> tuple[Part, ...]:
        """The parts of a run; none for a layer that could not be counted."""
        key = (number, live)
        if key not in self._parts:
            run = self.unrolled.runs[number]
            shapes = self.unrolled.input_shapes(run), self.unrolled.output_shapes(run)
            try:
                self._parts[key] = tuple(parts_of(run.layer, *shapes, in_training=live))
            except NotCounted as error:
                self.uncounted.setdefault(run.layer.path, error.reason)
                self._parts[key] = ()
        return self._parts[key]

    def step(self, flags: Flags, counts: Callable[[Run], bool] = lambda run: True) -> StepCost:
        """What a step costs under `flags`; runs for which `counts` says no are taken as done before."""
        reached = _reached(self.unrolled)
        behind = _behind(self.unrolled, flags, reached)
        sums: dict[str, _Sum] = {}
        for number, run in enumerate(self.unrolled.runs):
            path = run.layer.path
            own = sums.setdefault(path, _Sum(run.layer))
            if counts(run):
                parts = self.parts(number, live=path in flags.live)
                self._add(own, parts, _upstream(run, behind), trains=_gets_gradient(run, flags, reached))
        return StepCost(tuple(self._closed(item, flags) for item in sums.values()))

    def _add(self, own: _Sum, parts: tuple[Part, ...], upstream: _Upstream, *, trains: bool) -> None:
        """Adds one run to the sum of its layer. Behind the first part that trains, a gradient is needed anyway."""
        own.weights = max(own.weights, sum(part.weights for part in parts))
        own.upstream = own.upstream | upstream
        is_needed = bool(upstream)
        for part in parts:
            own.forward += self.rates.timed(part.forward, part.kind, "forward")
            if is_needed:
                own.input_gradient += self.rates.timed(part.input_gradient, part.kind, "input_gradient")
            if part.weights and trains:
                own.weight_gradient += self.rates.timed(part.weight_gradient, part.kind, "weight_gradient")
                is_needed = True

    def _closed(self, own: _Sum, flags: Flags) -> LayerCost:
        trains = flags.trains.get(own.layer.path)
        weights = own.weights or weights_of(own.layer)
        updated = weights if trains else 0
        return LayerCost(
            own.layer.path,
            own.layer.class_name,
            trains,
            weights,
            own.forward,
            own.input_gradient,
            own.weight_gradient,
            self.rates.updating(self.optimizer.update(updated)),
            self.optimizer.state_bytes * updated,
            tuple(sorted(own.upstream)),
        )


def gradient_tensors(unrolled: Unrolled, flags: Flags) -> set[int]:
    """The tensors for which a step computes a gradient: those between what trains first and the outputs."""
    reached = _reached(unrolled)
    behind = _behind(unrolled, flags, reached)
    return {tensor for tensor, upstream in behind.items() if upstream and tensor in reached}


def _behind(unrolled: Unrolled, flags: Flags, reached: set[int]) -> dict[int, _Upstream]:
    """For every tensor the first trainable layers that it depends on, as a gradient would find them."""
    behind: dict[int, _Upstream] = {}
    for run in unrolled.runs:
        after = _upstream(run, behind)
        if not after and _gets_gradient(run, flags, reached):
            after = frozenset({run.layer.path})
        if layer_kinds.is_stop_gradient(run.layer):
            after = _NONE
        behind.update(dict.fromkeys(run.outputs, after))
    return behind


def _upstream(run: Run, behind: dict[int, _Upstream]) -> _Upstream:
    if blocks_gradient(run.layer):
        return _NONE
    return _NONE.union(*(behind.get(tensor, _NONE) for tensor in run.inputs))


def _gets_gradient(run: Run, flags: Flags, reached: set[int]) -> bool:
    """Whether the weights of the layer train, and something comes back to them."""
    return flags.trains.get(run.layer.path, False) and any(tensor in reached for tensor in run.outputs)


def _reached(unrolled: Unrolled) -> set[int]:
    """The tensors that a gradient comes back to from the outputs of the model."""
    found = set(unrolled.outputs)
    for run in reversed(unrolled.runs):
        if not blocks_gradient(run.layer) and any(tensor in found for tensor in run.outputs):
            found.update(run.inputs)
    return found


def blocks_gradient(layer: Layer) -> bool:
    """Whether no gradient goes back through the layer to what it was given."""
    return layer_kinds.is_stop_gradient(layer) or layer_kinds.takes_integers(layer)


def weights_of(layer: Layer) -> int:
    """The numbers in the weights of a layer, and of those it wraps, that an optimizer could change."""
    return sum(
        size(weight.shape) or 0
        for inner in layer.walk()
        if layer_kinds.has_trainable_weights(inner)
        for weight in inner.weights
        if not layer_kinds.is_statistic(weight.role)
    )
