"""What single Keras objects say of themselves: which class, which parts, which variables, which configuration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from freezelint.graph.model_graph import LayerKind
from freezelint.keras.names import Kind, canonical, class_traits

_WRAPPED = ("layer", "forward_layer", "backward_layer", "cell")
_OPERATIONS_OF_KERAS_2 = frozenset({
    "TFOpLambda",
    "SlicingOpLambda",
    "ClassMethod",
    "InstanceMethod",
    "InstanceProperty",
    "TensorFlowOpLayer",
})
_MODEL, _SEQUENTIAL, _LAYER = "keras.Model", "keras.Sequential", "keras.layers.Layer"
_KERAS_ROOTS = ("keras", "tf_keras", "tensorflow")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: the object itself, and what it is called in its layer."""

    value: Any
    role: str

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """The length of every axis."""
        return shape(self.value)

    @property
    def dtype(self) -> str | None:
        """The name of its data type."""
        found = getattr(self.value, "dtype", None)
        return None if found is None else str(getattr(found, "name", found))


def is_model(found: object) -> bool:
    """Whether an object is a model of Keras 2 or Keras 3."""
    return bool(_names(found) & {_MODEL, _SEQUENTIAL})


def is_layer(found: object) -> bool:
    """Whether an object is a layer or a model of Keras."""
    return bool(_names(found) & {_MODEL, _SEQUENTIAL, _LAYER})


def kind(layer: Any) -> LayerKind:
    """What kind of node a layer is; a class with layers of its own that is no model counts as a wrapper."""
    names = _names(layer)
    if "keras.layers.InputLayer" in names:
        return LayerKind.INPUT
    if not names & {_MODEL, _SEQUENTIAL, _LAYER} or type(layer).__name__ in _OPERATIONS_OF_KERAS_2:
        return LayerKind.OPERATION
    if _SEQUENTIAL in names:
        return LayerKind.SEQUENTIAL if _runs_its_graph(layer) else LayerKind.SUBCLASSED
    if _MODEL in names:
        has_graph = getattr(layer, "_nodes_by_depth", None) is not None
        return LayerKind.FUNCTIONAL if has_graph and _runs_its_graph(layer) else LayerKind.SUBCLASSED
    return LayerKind.WRAPPER if parts(layer) else LayerKind.LAYER


def parts(layer: Any) -> list[tuple[str, Any]]:
    """The layers inside a layer, with the attribute that holds them where there is one; each once.

    Layers of Keras itself that are no wrappers (an LSTM and its cell, an attention and its projections) are closed:
    what they are built of is their own business.
    """
    if is_closed(layer):
        return []
    names = {id(value): name for name, value in _attributes(layer)}
    return [(names.get(id(part), ""), part) for part in tracked(layer)]


def is_closed(layer: Any) -> bool:
    """Whether the layer is one of Keras's own whose parts nobody sees."""
    known = class_traits(type(layer).__name__, type(layer).__module__)
    return known is not None and known.kind is not Kind.WRAPPER and known.class_name not in ("RNN", "StackedRNNCells")


def tracked(layer: Any) -> list[Any]:
    """The layers that Keras has tracked directly below a layer."""
    flatten = getattr(layer, "_flatten_layers", None)
    if not callable(flatten):
        return []
    found = _quietly(lambda: list(flatten(include_self=False, recursive=False)), [])
    unique = {id(part): part for part in found if is_layer(part)}
    known = [getattr(layer, name, None) for name in _WRAPPED]
    first = [part for part in known if id(part) in unique]
    return list({id(part): part for part in [*first, *unique.values()]}.values())


def variables(layer: Any) -> list[Variable]:
    """The variables that belong to a layer itself; those of the parts of a closed layer included."""
    own = list(_own_variables(layer))
    if is_closed(layer):
        for part in tracked(layer):
            own.extend(_own_variables(part))
            own.extend(inner for deeper in tracked(part) for inner in variables(deeper))
    return list({id(variable.value): variable for variable in own}.values())


def _own_variables(layer: Any) -> Iterator[Variable]:
    for name in ("_trainable_variables", "_trainable_weights", "_non_trainable_variables", "_non_trainable_weights"):
        for value in _quietly(lambda name=name: list(getattr(layer, name, ()) or ()), []):
            yield Variable(value, _role(value))
    for generator in _quietly(lambda: list(getattr(layer, "_seed_generators", ()) or ()), []):
        state = getattr(generator, "state", None)
        if state is not None:
            yield Variable(state, "seed_generator_state")


def trainable_ids(model: Any) -> frozenset[int] | None:
    """The identities of the variables that an optimizer would be given now."""
    found = _quietly(lambda: list(model.trainable_variables), None)
    return None if found is None else frozenset(map(id, found))


def flag(layer: Any) -> bool | None:
    """The layer's own `trainable`, as it stands."""
    for name in ("_trainable", "trainable"):
        value = _quietly(lambda name=name: getattr(layer, name, None), None)
        if value is not None:
            return bool(value)
    return None


def configuration(layer: Any, found: LayerKind) -> dict[str, Any]:
    """What the layer would write about itself, as far as it is plain data; nothing for models and operations."""
    if found in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL, LayerKind.SUBCLASSED, LayerKind.OPERATION):
        return {}
    config = _quietly(lambda: layer.get_config(), None)
    if not isinstance(config, dict):
        return _plain_attributes(layer)
    return {key: value for key, value in config.items() if isinstance(key, str) and _is_plain(value)}


def _plain_attributes(layer: Any) -> dict[str, Any]:
    """The public attributes of a layer whose class does not say what its configuration is."""
    return {
        name: value
        for name, value in _attributes(layer)
        if not name.startswith("_") and isinstance(value, (bool, int, float, str, type(None)))
    }


def module(layer: Any) -> str:
    """The module of the class; `keras.layers` for all of Keras's own layers."""
    own = type(layer).__module__
    return "keras.layers" if class_traits(type(layer).__name__, own) is not None else own


def keras_version(model: Any) -> str | None:
    """The version of the Keras that the model is made of."""
    for base in type(model).__mro__:
        root = base.__module__.partition(".")[0]
        if root in _KERAS_ROOTS and canonical(f"{base.__module__}.{base.__name__}") in (_MODEL, _SEQUENTIAL):
            package = sys.modules.get("tensorflow.keras" if root == "tensorflow" else root)
            version = getattr(package, "__version__", None)
            return version if isinstance(version, str) else None
    return None


def accepts_training(layer: Any) -> bool | None:
    """Whether `call` of the layer's class has a parameter `training`; None if its signature cannot be seen."""
    try:
        parameters = inspect.signature(type(layer).call).parameters
    except (AttributeError, TypeError, ValueError):
        return None
    return "training" in parameters


def shape(value: Any) -> tuple[int | None, ...] | None:
    """The shape of a tensor or variable, None where an axis is not known."""
    found = getattr(value, "shape", None)
    lengths = _quietly(lambda: list(found), None) if found is not None else None
    if lengths is None:
        return None
    return tuple(length if type(length) is int else None for length in lengths)


def steps(optimizer: Any) -> int | None:
    """How many training steps the optimizer has counted; None without one, or if it does not say."""
    found = _quietly(lambda: int(optimizer.iterations.numpy()), None)
    return found if type(found) is int else None


def number_range(variable: Any) -> tuple[float, float] | None:
    """The smallest and the largest number in a variable, NaN if one is not finite; None if it cannot be asked."""

    def ask() -> tuple[float, float]:
        numbers = variable.numpy()
        return float(numbers.min()), float(numbers.max())

    found: tuple[float, float] | None = _quietly(ask, None)
    return found


def _runs_its_graph(model: Any) -> bool:
    """Whether calling the model runs the graph that it was built from, and no method of the user's."""
    provider = next((base for base in type(model).__mro__ if "call" in vars(base)), None)
    return provider is None or provider.__module__.partition(".")[0] in _KERAS_ROOTS


def _names(found: object) -> frozenset[str]:
    return frozenset(canonical(f"{base.__module__}.{base.__name__}") for base in type(found).__mro__)


def _role(variable: Any) -> str:
    name = str(getattr(variable, "name", "") or "")
    return name.rpartition("/")[2].partition(":")[0]


def _attributes(layer: Any) -> Iterable[tuple[str, Any]]:
    return list(vars(layer).items()) if hasattr(layer, "__dict__") else []


def _is_plain(value: object, depth: int = 0) -> bool:
    if isinstance(value, (bool, int, float, str, type(None))):
        return True
    if depth > 8:
        return False
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item, depth + 1) for item in value)
    return isinstance(value, dict) and all(
        isinstance(key, str) and _is_plain(item, depth + 1) for key, item in value.items()
    )


def _quietly(ask: Any, otherwise: Any) -> Any:
    """The answer of somebody else's object, or `otherwise` where it has none: their faults are not reported here."""
    try:
        return ask()
    except Exception:  # properties of users' classes may raise anything
        return otherwise
