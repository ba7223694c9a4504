"""What freezing saves in one model: the numbers, the other freezes, and what both say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from freezelint.costs import Costs, Scenario, Uncosted
from freezelint.graph import layer_kinds
from freezelint.graph.cost import flags as flagged
from freezelint.graph.cost import scenarios
from freezelint.graph.cost.flags import Flags
from freezelint.graph.cost.optimizer import ASSUMED, Optimizer, from_file
from freezelint.graph.cost.rates import cpu
from freezelint.graph.cost.sentences import sentences
from freezelint.graph.cost.step import Accounts, weights_of
from freezelint.graph.dimensions import Shape, size
from freezelint.graph.model_graph import Layer, ModelGraph, Weight
from freezelint.graph.unrolled import Unrolled, unroll
from freezelint.keras.behaviour import Behaviour

BATCH = 32
"""What `fit` takes if nothing is said."""


def costs(
    model: ModelGraph,
    keras: Behaviour,
    *,
    batch: int = BATCH,
    input_shapes: Mapping[str, Shape] | None = None,
    optimizer: Optimizer | None = None,
    what_ifs: Sequence[str] = (),
) -> Costs:
    """What a training step of `model` costs as it is frozen, and under other freezes.

    `input_shapes` are the shapes of inputs, without the batch, for what the file leaves open; `optimizer` is one to
    count with instead of that in the file; `what_ifs` are further freezes (`scenarios.parse`). Raises
    `ShapeMismatch` and `NoSuchFreeze` for those that do not fit the model.
    """
    unrolled = unroll(model, batch, input_shapes)
    flags = flagged.present(model, keras)
    chosen = optimizer or from_file(model.optimizer) or ASSUMED
    accounts = Accounts(unrolled, cpu(), chosen)
    present = accounts.step(flags)
    found = list(_usual_scenarios(model, accounts, flags))
    for text in what_ifs:
        words, changed = scenarios.parse(text, model, unrolled, flags)
        found.append(Scenario(text, words, accounts.step(changed), changed.trains))
    weighted = [layer for layer in model.layers() if layer_kinds.has_trainable_weights(layer)]
    total = sum(map(_own_weights, weighted)) if weighted else sum(map(_elements, model.variables))
    trainable = sum(_own_weights(layer) for layer in weighted if _trains(layer, flags))
    uncosted = tuple(_uncosted(model, accounts))
    result = Costs(
        path=model.path,
        writer=model.writer,
        batch=batch,
        inputs={name: (unrolled.shapes[number] or (None,))[1:] for name, number in unrolled.inputs.items()},
        optimizer=chosen.name,
        optimizer_is_assumed=chosen is ASSUMED,
        present=present,
        scenarios=tuple(found),
        uncosted=uncosted,
        weights=total,
        trainable_weights=trainable,
        optimizer_bytes=trainable * chosen.state_bytes,
        coverage=1 - sum(item.weights for item in uncosted) / total if total else 1.0,
        layers_counted=len(present.layers) - sum(len(item.layers) for item in uncosted),
        layers_total=len(present.layers),
        gaps=tuple(_gaps(model, unrolled, flags)),
        machine=accounts.rates.machine,
    )
    return sentences(result, model, _random_before(accounts, flags))


def _own_weights(layer: Layer) -> int:
    return weights_of(layer) - sum(map(weights_of, layer.children))


def _elements(weight: Weight) -> int:
    return 0 if layer_kinds.is_statistic(weight.role) else size(weight.shape) or 0


def _trains(layer: Layer, flags: Flags) -> bool:
    path = layer.path
    while path and path not in flags.trains:
        path = path.rpartition("/")[0]
    return flags.trains.get(path, layer.effective_trainable is not False)


def _usual_scenarios(model: ModelGraph, accounts: Accounts, flags: Flags) -> list[Scenario]:
    found = []
    if not all(flags.trains.values()):
        thawed = flags.with_frozen(set(flags.trains), frozen=False)
        found.append(Scenario("nothing-frozen", "nothing frozen", accounts.step(thawed), thawed.trains))
    prefix = scenarios.usual(model, accounts.unrolled, flags)
    if prefix is not None:
        words, changed = prefix
        found.append(Scenario("prefix", words, accounts.step(changed), changed.trains))
    fixed = fixed_runs(accounts.unrolled, flags)
    if any(accounts.parts(number, live=False) for number in fixed):
        kept = {id(run) for number, run in enumerate(accounts.unrolled.runs) if number not in fixed}
        step = accounts.step(flags, lambda run: id(run) in kept)
        words = "features of the frozen prefix computed once"
        found.append(Scenario("features-once", words, step, flags.trains, is_run=False))
    return found


def fixed_runs(unrolled: Unrolled, flags: Flags) -> set[int]:
    """The runs that give the same for the same sample in every step: nothing random and nothing that trains before."""
    changing: set[int] = set()
    fixed: set[int] = set()
    for number, run in enumerate(unrolled.runs):
        trains = flags.trains.get(run.layer.path, False) or run.layer.path in flags.live
        if trains or flagged.is_random(run.layer) or any(tensor in changing for tensor in run.inputs):
            changing.update(run.outputs)
        else:
            fixed.add(number)
    weighted = {number for number in fixed if unrolled.runs[number].layer.path in flags.trains}
    return fixed if weighted else set()


def _random_before(accounts: Accounts, flags: Flags) -> list[str]:
    """The random layers that stand in the way of computing the features of a frozen prefix once."""
    behind: dict[int, frozenset[str]] = {}
    found: dict[str, None] = {}
    for run in accounts.unrolled.runs:
        before = frozenset[str]().union(*(behind.get(tensor, frozenset()) for tensor in run.inputs))
        if flags.trains.get(run.layer.path, False):
            continue
        if flagged.is_random(run.layer):
            before |= {run.layer.path}
        elif run.layer.path in flags.trains:
            found.update(dict.fromkeys(sorted(before)))
        behind.update(dict.fromkeys(run.outputs, before))
    return list(found)


def _uncosted(model: ModelGraph, accounts: Accounts) -> list[Uncosted]:
    """The kinds of layers that were not counted; layers that no call reaches are among them."""
    groups: dict[tuple[str, str], list[Layer]] = {}
    layers = model.by_path()
    for path, reason in accounts.uncounted.items():
        layer = layers.get(path)
        if layer is not None:
            groups.setdefault((layer.class_name, reason), []).append(layer)
    return [
        Uncosted(class_name, reason, tuple(layer.path for layer in layers), sum(map(weights_of, layers)))
        for (class_name, reason), layers in groups.items()
    ]


def _gaps(model: ModelGraph, unrolled: Unrolled, flags: Flags) -> list[str]:
    gaps = []
    if not unrolled.runs:
        gaps.append(
            "the file does not record which layers the model calls, so that no step can be counted; weights and what"
            " an optimizer keeps for them can"
            if model.root is not None
            else "the file holds no layers, so that no step can be counted; its variables can"
        )
    for name, found in unrolled.unknown_inputs.items():
        sizes = ",".join("?" if length is None else str(length) for length in (found or (None, None))[1:])
        gaps.append(f"the shape of the input `{name}` is not known: give it with --input-shape {name}={sizes}")
    if not unrolled.is_complete:
        gaps.append("the file describes more calls than are followed: the rest was not counted")
    return gaps
