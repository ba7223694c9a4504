"""A ModelGraph → what an audit says of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from freezelint.audited import (
    Answer,
    FrozenOnPath,
    LayerFacts,
    ModelFacts,
    Parameters,
    Requirement,
    Run,
)
from freezelint.graph import layer_kinds
from freezelint.graph.gradient_path import frozen_on_gradient_path
from freezelint.graph.model_graph import Layer, Mode, ModelGraph, Signature, Weight
from freezelint.graph.modes import modes
from freezelint.graph.training import trains
from freezelint.keras.behaviour import Behaviour
from freezelint.requirements import REQUIREMENTS

_FORMATS = {
    "savedmodel": "SavedModel",
    "keras": ".keras file",
    "hdf5": "HDF5 file",
    "live": "loaded model",
}
_SHOWN = 3


def facts(model: ModelGraph, keras: Behaviour, *, path: str | None = None, keras_words: str = "") -> ModelFacts:
    """Everything there is to say about a model, under one Keras; `path` is what reports call it."""
    hits = _frozen_on_path(model, keras)
    runs = tuple(_runs(model, keras))
    return ModelFacts(
        path=path if path is not None else model.path,
        format=_FORMATS.get(model.format, model.format),
        writer=model.writer,
        keras=keras_words or str(keras.version),
        tensorflow_version=model.tensorflow_version,
        compiled=model.compiled,
        layers=tuple(_layers(model, keras, {path for hit in hits or () for path in hit.layers})),
        parameters=parameters(model, keras),
        runs=runs,
        frozen_on_path=hits,
        embedded_code=tuple(dict.fromkeys(model.embedded_code)),
        inconsistencies=tuple(model.inconsistencies),
        gaps=tuple(dict.fromkeys(model.gaps)),
        not_read=tuple(gap.reason for gap in model.not_read),
        requirements=tuple(_requirements(model, runs, parameters(model, keras))),
    )


def parameters(model: ModelGraph, keras: Behaviour) -> Parameters:
    """The parameters of a model by what becomes of them in `fit`; a layer in two places counts once."""
    trainable = frozen = statistics = unknown = 0
    shapes_known = not any("shapes of weights" in gap or "not built" in gap for gap in model.gaps)
    for weight, flag in _weights(model, keras):
        if weight.shape is None or None in weight.shape:
            shapes_known = False
            continue
        size = prod(length or 0 for length in weight.shape)
        if layer_kinds.is_statistic(weight.role):
            statistics += size
        elif flag is None:
            unknown += size
        elif flag:
            trainable += size
        else:
            frozen += size
    return Parameters(trainable, frozen, statistics, unknown, shapes_known)


def _weights(model: ModelGraph, keras: Behaviour) -> Iterator[tuple[Weight, bool | None]]:
    """Every weight once, without the state of random generators, and whether it trains."""
    if model.root is None or not any(layer.weights for layer in model.root.walk()):
        yield from ((weight, weight.trainable) for weight in model.variables if _is_parameter(weight))
        return
    seen = set[str]()
    for layer in model.root.walk():
        if layer.shared_id is not None:
            if layer.shared_id in seen:
                continue
            seen.add(layer.shared_id)
        flag = trains(model, layer, keras)
        for weight in filter(_is_parameter, layer.weights):
            has_own = model.format in ("live", "savedmodel") and weight.trainable is not None
            yield weight, weight.trainable if has_own else flag


def _is_parameter(weight: Weight) -> bool:
    return weight.role != "seed_generator_state" and not (weight.dtype or "").startswith(("int", "uint", "bool"))


def _layers(model: ModelGraph, keras: Behaviour, on_path: set[str]) -> Iterator[LayerFacts]:
    calls: dict[str, list[bool]] = {}
    for call in model.calls:
        pinned = calls.setdefault(call.layer, [])
        if call.training is not None and not call.training_is_artifact:
            pinned.append(call.training)
    counts: dict[str, int] = {}
    for call in model.calls:
        counts[call.layer] = counts.get(call.layer, 0) + 1
    stack = [(layer, 0) for layer in reversed(model.root.children)] if model.root is not None else []
    while stack:
        layer, depth = stack.pop()
        holds = layer_kinds.has_trainable_weights(layer)
        yield LayerFacts(
            path=layer.path,
            name=layer.name,
            depth=depth,
            class_name=layer.class_name,
            kind=layer.kind.value,
            own=layer.own_trainable,
            effective=layer.effective_trainable,
            trains=trains(model, layer, keras) if holds else None,
            parameters=_size(layer),
            calls=counts.get(layer.path, 0),
            pinned=tuple(sorted(set(calls.get(layer.path, ())))),
            on_gradient_path=layer.path in on_path,
        )
        stack.extend((child, depth + 1) for child in reversed(layer.children))


def _size(layer: Layer) -> int | None:
    """The parameters in a layer and below it; None where the shape of one is not known."""
    total = 0
    seen = set[str]()
    for inner in layer.walk():
        if inner.shared_id is not None:
            if inner.shared_id in seen:
                continue
            seen.add(inner.shared_id)
        for weight in filter(_is_parameter, inner.weights):
            if weight.shape is None or None in weight.shape:
                return None
            total += prod(length or 0 for length in weight.shape)
    return total


def _runs(model: ModelGraph, keras: Behaviour) -> Iterator[Run]:
    """What happens in `fit` and when the model is served: from operations where there are any, else from the calls."""
    if model.training_trace is not None:
        yield _of_operations(model.training_trace, "fit", "the training trace in the file", served=False)
    elif model.root is not None and model.calls:
        yield _of_calls(model, keras, "fit", given=True, served=False)
    if model.signatures:
        for signature in model.signatures:
            yield _of_operations(signature, signature.name, "the operations of the signature", served=True)
    elif model.format != "savedmodel":
        yield _of_calls(model, keras, "predict", given=False, served=True)
        yield _of_calls(model, keras, "model(x), export", given=None, served=True)


def _of_operations(signature: Signature, name: str, evidence: str, *, served: bool) -> Run:
    modes_of: dict[Mode, list[str]] = {Mode.TRAINING: [], Mode.INFERENCE: []}
    for found in signature.batchnorms:
        modes_of[found.mode].append(found.layer or found.scope or found.operation)
    return Run(
        name=name,
        evidence=evidence,
        served=served,
        training=_unique(modes_of[Mode.TRAINING]),
        inference=_unique(modes_of[Mode.INFERENCE]),
        random=tuple(dict.fromkeys((one.layer or one.scope or one.operation, one.purpose) for one in signature.random)),
        writes=_unique(write.variable or write.scope for write in signature.writes),
        unknown=signature.undecided,
        inputs=tuple(signature.inputs.items()),
        outputs=tuple(signature.outputs.items()),
    )


def _of_calls(model: ModelGraph, keras: Behaviour, name: str, *, given: bool | None, served: bool) -> Run:
    """A run as Keras would do it, by the flags and the wired values."""
    evidence = f"the flags and calls, as Keras {keras.version} takes them"
    if model.root is None:
        return Run(name, evidence, served, unknown=("its layers are not known",))
    found = modes(model, keras, given)
    writes = [f"{path}/{role}" for path in found.training for role in ("moving_mean", "moving_variance")]
    if keras.generation != "keras2":
        writes += [f"{path}/seed_generator_state" for path in found.random]
    unknown = [f"`{path}`: its code, or what it is called with, is not known" for path in found.unknown]
    return Run(
        name=name,
        evidence=evidence,
        served=served,
        training=_unique(found.training),
        inference=_unique(found.inference),
        random=tuple(found.random.items()),
        writes=_unique(writes),
        unknown=tuple(unknown),
    )


def _frozen_on_path(model: ModelGraph, keras: Behaviour) -> tuple[FrozenOnPath, ...] | None:
    if model.root is not None and model.outputs:
        return tuple(
            FrozenOnPath(tuple(layer.path or layer.name for layer in group.layers), group.upstream)
            for group in frozen_on_gradient_path(model, keras)
        )
    if model.gradient_hits is None:
        return None
    by_upstream: dict[str, list[str]] = {}
    for hit in model.gradient_hits:
        upstream = hit.upstream.rpartition("/")[0] or hit.upstream
        by_upstream.setdefault(upstream, []).append(hit.layer or hit.variable)
    return tuple(FrozenOnPath(_unique(layers), (upstream,)) for upstream, layers in by_upstream.items())


def _requirements(model: ModelGraph, runs: Iterable[Run], counted: Parameters) -> Iterator[Requirement]:
    served = [run for run in runs if run.served]
    unknown = [f"{run.name}: {words}" for run in served for words in run.unknown]
    unknown += [gap.reason for gap in model.not_read]
    if not served:
        unknown.append("nothing that is served can be seen")

    def answered(name: str, against: list[str], unknown: list[str]) -> Requirement:
        if against:
            return Requirement(name, Answer.NO, _told(against))
        if unknown:
            return Requirement(name, Answer.UNKNOWN, _told(unknown))
        return Requirement(name, Answer.YES, REQUIREMENTS[name])

    random = [f"{run.name}: {purpose} `{place}`" for run in served for place, purpose in run.random]
    batch = [f"{run.name}: BatchNormalization `{place}` uses the batch" for run in served for place in run.training]
    writes = [f"{run.name}: writes `{variable}`" for run in served for variable in run.writes]
    yield answered("inference", batch + random, unknown)
    yield answered("deterministic", random, unknown)
    yield answered("stateless", writes, unknown)
    yield answered("frozen", *_is_frozen(counted))
    yield answered("no-code", [f"`{place}` carries code" for place in model.embedded_code], [])
    faults = list(model.inconsistencies)
    yield answered("consistent", faults, [gap.reason for gap in model.not_read])


def _is_frozen(counted: Parameters) -> tuple[list[str], list[str]]:
    parameters = "parameter" if counted.trainable == 1 else "parameters"
    against = [f"{counted.trainable:,} {parameters} would train"] if counted.trainable else []
    unknown = [f"of {counted.unknown:,} parameters it is not known whether they train"] if counted.unknown else []
    if not counted.shapes_known:
        unknown.append("not all weights are known")
    return against, unknown


def _told(reasons: list[str]) -> str:
    unique = list(dict.fromkeys(reasons))
    text = "; ".join(unique[:_SHOWN])
    return f"{text}; and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else text


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
