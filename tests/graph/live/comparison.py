"""Where two readings of one model differ, beyond what a format cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from freezelint.graph.layer_kinds import is_statistic
from freezelint.graph.model_graph import Layer, LayerKind, ModelGraph, Weight
from freezelint.graph.training import trains
from freezelint.keras.behaviour import Behaviour

NO_LAYERS = ("it holds no layers", "it holds no Keras metadata")
NO_CALLS = ("its calls were not recorded", "does not record which layers it calls")


def differences(file: ModelGraph, live: ModelGraph, keras: Behaviour) -> list[str]:
    """A sentence for each disagreement between what a file and what the loaded model says.

    A file is let off what it names in `gaps`: layers, calls, flags. What it cannot say (None) contradicts nothing.
    """
    if any(words in gap for gap in file.gaps for words in NO_LAYERS):
        return list(_of_variables(file, live))
    found = [*_of_tree(file, live), *_of_training(file, live, keras)]
    if not any(words in gap for gap in file.gaps for words in NO_CALLS):
        found += [*_of_calls(file, live), *_of_ends(file, live)]
    if file.compiled is not None and live.compiled is not None and file.compiled != live.compiled:
        found.append(f"compiled: file {file.compiled}, live {live.compiled}")
    return found


def _of_tree(file: ModelGraph, live: ModelGraph) -> Iterator[str]:
    stored, loaded = leaves(file), leaves(live)
    if set(stored) != set(loaded):
        yield f"layers: only in the file {set(stored) - set(loaded)}, only live {set(loaded) - set(stored)}"
    unknown = _below_unknown_flags(file)
    for path in stored.keys() & loaded.keys():
        one, other = stored[path], loaded[path]
        for what in ("kind", "class_name", "own_trainable", "effective_trainable"):
            said, true = getattr(one, what), getattr(other, what)
            if what == "effective_trainable" and path in unknown:
                continue
            if said is not None and said != true and not _is_input_flag(one, what):
                yield f"{path}: {what}: file {said}, live {true}"
        if shapes(one) != shapes(other) and not any("shapes of weights" in gap for gap in file.gaps):
            yield f"{path}: weights: file {shapes(one)}, live {shapes(other)}"


def _below_unknown_flags(file: ModelGraph) -> set[str]:
    """The layers below a model whose own flag the file does not have (a Sequential of Keras 2)."""
    models = [layer for layer in file.root.walk() if layer.is_container] if file.root else []
    return {inner.path for layer in models if layer.own_trainable is None for inner in layer.walk()}


def _is_input_flag(layer: Layer, what: str) -> bool:
    return layer.kind in (LayerKind.INPUT, LayerKind.OPERATION) and what.endswith("trainable")


def _of_calls(file: ModelGraph, live: ModelGraph) -> Iterator[str]:
    def calls(model: ModelGraph) -> set[tuple[object, ...]]:
        return {
            (c.layer, c.parent, c.number, c.inputs, c.training, c.training_is_artifact, c.training_is_cleared)
            for c in model.calls
        }

    for call in calls(file) - calls(live):
        yield f"only the file has the call {call}"
    for call in calls(live) - calls(file):
        yield f"only the loaded model has the call {call}"
    shapes_of = {(call.layer, call.number): call.input_shapes for call in live.calls}
    for call in file.calls:
        known = shapes_of.get((call.layer, call.number))
        if known and any(call.input_shapes) and known[: len(call.input_shapes)] != call.input_shapes:
            yield f"{call.layer}: input shapes: file {call.input_shapes}, live {known}"


def _of_ends(file: ModelGraph, live: ModelGraph) -> Iterator[str]:
    for what in ("inputs", "outputs"):
        stored, loaded = getattr(file, what), getattr(live, what)
        if stored != loaded:
            yield f"{what}: file {stored}, live {loaded}"


def _of_training(file: ModelGraph, live: ModelGraph, keras: Behaviour) -> Iterator[str]:
    stored, loaded = leaves(file), leaves(live)
    for path in stored.keys() & loaded.keys() - _below_unknown_flags(file):
        said = trains(file, stored[path], keras)
        true = trains(live, loaded[path], keras)
        if weights(loaded[path]) and None not in (said, true) and said != true:
            yield f"{path}: trains: file {said}, live {true}"


def _of_variables(file: ModelGraph, live: ModelGraph) -> Iterator[str]:
    """An export has the variables only; each of them once, whatever it is called."""
    stored = Counter(weight.shape for weight in file.variables if _counts(weight))
    loaded = Counter(weight.shape for weight in unique_weights(live) if _counts(weight))
    if stored != loaded:
        yield f"variables: only in the file {stored - loaded}, only live {loaded - stored}"


def leaves(model: ModelGraph) -> dict[str, Layer]:
    """The layers that Keras would list, by path: models opened, wrappers and other layers closed."""
    found = {}
    stack = list(model.root.children) if model.root else []
    while stack:
        layer = stack.pop()
        if layer.is_container:
            stack.extend(layer.children)
        else:
            found[layer.path] = layer
    return found


def weights(layer: Layer) -> list[Weight]:
    return [weight for inner in layer.walk() for weight in inner.weights if _counts(weight)]


def shapes(layer: Layer) -> list[tuple[int | None, ...]]:
    return sorted((weight.shape for weight in weights(layer) if weight.shape is not None), key=str)


def unique_weights(model: ModelGraph) -> Iterator[Weight]:
    """Every weight once, also those of layers that stand in several places."""
    seen = set()
    for layer in model.root.walk() if model.root else ():
        if layer.shared_id not in seen:
            seen.add(layer.shared_id)
            yield from layer.weights


def _counts(weight: Weight) -> bool:
    """Whether it is a weight as Keras counts them: no state of a random generator."""
    return weight.role != "seed_generator_state" and not (weight.dtype or "").startswith(("int", "uint"))


def trained_parameters(model: ModelGraph) -> list[tuple[int | None, ...]]:
    """The shapes of all weights that train, sorted."""
    found = [w.shape for w in unique_weights(model) if w.trainable and not is_statistic(w.role) and w.shape is not None]
    return sorted(found, key=str)
