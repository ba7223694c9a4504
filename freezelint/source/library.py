"""What builtins and other libraries return when they are called, as far as models are concerned."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from freezelint.keras import names
from freezelint.source import building, conditions, containers, custom_loops, keras_objects, serving
from freezelint.source.timeline import LearningPhaseUsed, VariableAssigned
from freezelint.source.values import (
    UNKNOWN,
    External,
    Group,
    GroupTest,
    Guess,
    Images,
    IndexRange,
    Items,
    Joined,
    Known,
    Layer,
    Layers,
    Length,
    Model,
    Optimizer,
    Paired,
    Partial,
    Place,
    Property,
    Stretch,
    Table,
    Tensor,
    Value,
    Variable,
    Weights,
    solid,
    tensors,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run
_LEARNING_PHASE = frozenset({
    "keras.backend.set_learning_phase",
    "keras.backend.learning_phase",
    "keras.backend.learning_phase_scope",
    "keras.backend.symbolic_learning_phase",
    "keras.backend.in_train_phase",
    "keras.backend.in_test_phase",
})
BUILTINS = frozenset(dir(builtins))
_FREEZER = re.compile(r"freez|frozen|trainab|batch_?norm|bn\b|_bn|bn_", re.IGNORECASE)
_WELL_KNOWN = {
    "keras": "keras",
    "tf": "tensorflow",
    "Model": "keras.Model",
    "Sequential": "keras.Sequential",
    "Input": "keras.Input",
    "load_model": "keras.models.load_model",
    "clone_model": "keras.models.clone_model",
}


def canonical(dotted: str) -> str:
    """The one name of a dotted import path."""
    return names.canonical(dotted)


def well_known(name: str) -> External | None:
    """A class of Keras that is used without being imported by name (a star import, a fragment): `Dense`, `Model`."""
    if name in _WELL_KNOWN:
        return External(_WELL_KNOWN[name])
    if not name[:1].isupper():
        return None
    if names.traits(f"keras.layers.{name}") is not None:
        return External(f"keras.layers.{name}")
    if building.backbone_of(f"keras.applications.{name}") is not None:
        return External(f"keras.applications.{name}")
    return External(f"keras.optimizers.{name}") if names.optimizer(f"keras.optimizers.{name}") is not None else None


def sections(module: str) -> dict[str, Value]:
    """The submodules that a star import of Keras itself brings in."""
    if canonical(module) != "keras":
        return {}
    found = ("applications", "backend", "callbacks", "layers", "losses", "metrics", "models", "optimizers", "utils")
    return {name: External(f"keras.{name}") for name in found}


# Calls


def call_external(run: Run, name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """The result of calling something from a library, or a builtin."""
    name = canonical(name)
    if name in _LEARNING_PHASE and not run.guards:
        given = positional[0] if positional else named.get("value")
        run.record(LearningPhaseUsed(at, name.rpartition(".")[2], given.value if isinstance(given, Known) else None))
    if name.startswith("keras.callbacks."):
        return External(f"{name}()")
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(run, positional, named, at)
    made = building.make(run, name, positional, named, at)
    if made is not None:
        return made
    return call_unknown(run, External(name), positional, named, at)


def call_unknown(run: Run, function: Value, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """The result of calling something that is not known: a tensor for tensors, otherwise unknown."""
    arguments = [*positional, *named.values()]
    for argument in arguments:
        if isinstance(argument, Partial) and isinstance(argument.owner, Optimizer):
            argument.owner.arguments["learning_rate"] = UNKNOWN
    name = function.name if isinstance(function, External | Guess) else ""
    if not name.startswith(("keras.", "tensorflow.", "numpy.", "builtins.")):
        for argument in arguments:
            target = solid(argument)
            if isinstance(target, Model):
                _hand_over(target, name.rpartition(".")[2], at)
    found = tuple(tensors(arguments))
    if any(isinstance(argument, Variable) for argument in arguments):
        return Tensor(inputs=found, unknown=True)
    if found:
        keras_own = name.startswith(("keras.", "tensorflow."))
        return Tensor(inputs=found, unknown=not keras_own)
    return run.unknown()


def _hand_over(model: Model, function: str, at: Place) -> None:
    """An unknown function gets the model: it may compile it, load weights and, if its name says so, set flags."""
    for container in model.containers():
        container.handed_over = at
        container.compiled = container.traced = None
        if _FREEZER.search(function):
            container.disturbed = at


Handler = Callable[["Run", list[Value], dict[str, Value], Place], Value]


def _len(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    if isinstance(value, Items) and value.complete:
        return Known(len(value.items))
    if isinstance(value, Layers):
        size = building.count(value)
        return Known(size) if size is not None else Length(value)
    if isinstance(value, Known) and isinstance(value.value, str):
        return Known(len(value.value))
    return run.unknown()


def _range(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [stop]:
            return IndexRange(Known(0), stop)
        case [start, stop, *_]:
            return IndexRange(start, stop)
        case _:
            return run.unknown()


def _enumerate(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    items = containers.iterate(run, value)
    if items is None:
        return run.unknown()
    start = positional[1] if len(positional) > 1 else named.get("start", Known(0))
    base = start.value if isinstance(start, Known) and isinstance(start.value, int) else 0
    pairs: list[Value] = []
    for number, item in enumerate(items):
        index: Value = Known(number + base) if not _has_group(items) else run.unknown()
        if isinstance(item, Group):
            index = Property(item, "index", base)
        pairs.append(Items([index, item], "tuple"))
    return Items(pairs)


def _has_group(items: list[Value]) -> bool:
    return any(isinstance(item, Group) for item in items)


def _zip(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    weights = next((value for value in positional[1:] if isinstance(value, Weights)), None)
    if weights is not None:
        return Paired(weights)
    columns = [containers.iterate(run, solid(value)) for value in positional]
    known = [column for column in columns if column is not None]
    if not known:
        return run.unknown()
    length = min(len(column) for column in known)
    rows = [
        Items([column[row] if column is not None else run.unknown() for column in columns], "tuple")
        for row in range(length)
    ]
    return Items(list(rows))


def _isinstance(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    return conditions.is_instance(run, positional[0], positional[1]) if len(positional) == 2 else run.unknown()


def _type(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    owner = solid(positional[0]) if len(positional) == 1 else UNKNOWN
    return Property(owner, "class") if isinstance(owner, Layer | Group) else run.unknown()


def _str(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = positional[0] if positional else Known("")
    if isinstance(value, Property):
        return Property(value.owner, "class name") if value.what == "class" else value
    return Known(str(value.value)) if isinstance(value, Known) else run.unknown()


def _number(kind: Callable[[Any], Any]) -> Handler:
    def convert(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
        value = positional[0] if positional else UNKNOWN
        if isinstance(value, Known) and isinstance(value.value, int | float | str | bool):
            try:
                return Known(kind(value.value))
            except (ValueError, OverflowError):
                return run.unknown()
        return run.unknown()

    return convert


def _bool(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = positional[0] if positional else Known(False)
    if isinstance(value, GroupTest):
        return value
    return Known(bool(value.value)) if isinstance(value, Known) else run.unknown()


def _list(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    if not positional:
        return Items([])
    value = solid(positional[0])
    if isinstance(value, Layers):
        return replace(value, parts=list(value.parts))
    if isinstance(value, Items):
        return Items(list(value.items), "list", value.complete)
    return value if isinstance(value, IndexRange | Weights | Joined) else run.unknown()


def _joining(name: str) -> Handler:
    """What joins lists of variables, `sum([f.trainable_variables, h.trainable_variables], [])`, or other things."""

    def join(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
        joined = custom_loops.joined(positional)
        return joined if joined is not None else call_unknown(run, External(name), positional, named, at)

    return join


def _reversed(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    if isinstance(value, Items):
        return Items(value.items[::-1], value.kind, value.complete)
    return replace(value, parts=value.parts[::-1]) if isinstance(value, Layers) else run.unknown()


def _filter(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    if len(positional) != 2 or not isinstance(layers := solid(positional[1]), Layers):
        return run.unknown()
    kept: list[Value] = []
    for item in building.as_values(layers):
        outcome = run.call(positional[0], [item], {}, at)
        if isinstance(outcome, GroupTest) and isinstance(item, Group):
            if outcome.yes is not None:
                kept.append(Group(Stretch(item.stretch.model, outcome.yes)))
        elif not (isinstance(outcome, Known) and not outcome.value):
            kept.append(item)
    return building.as_layers(kept, layers.of, layers.complete)


def _dict(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    base = positional[0] if positional else Table({})
    return Table({**(base.items if isinstance(base, Table) else {}), **named}, isinstance(base, Table))


def _getattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [owner, Known(value=str() as name), *_]:
            return keras_objects.get_attribute(run, solid(owner), name, at)
        case _:
            return run.unknown()


def _setattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [owner, Known(value=str() as name), value]:
            keras_objects.set_attribute(run, solid(owner), name, value, at)
        case [owner, *_] if isinstance(model := solid(owner), Model):
            model.complete = False
    return Known(None)


def _hasattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match [solid(value) for value in positional]:
        case [External(name=module), Known(value=str() as name)] if f"{module}.{name}" in _LEARNING_PHASE:
            return Known(run.behaviour.learning_phase_exists)
        case [Model(), Known(value="layers")]:
            return Known(True)
        case [Layer() as layer, Known(value="layers")] if layer.traits is not None:
            return Known(False)
        case [Layer() | Group(), Known(value="trainable")]:
            return Known(True)
        case [Group() as group, Known(value="layers")] if group.stretch.model.backbone is not None:
            return Known(False)
        case _:
            return run.unknown()


def _regex(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [Known(value=str() as pattern), Property(what="name", owner=Group()) as name, *_]:
            return conditions.name_test(
                run, name, [pattern] if conditions.BATCHNORM_NAMES.search(pattern) else [], "contains"
            )
        case [_, Property(what="name", owner=Group()) as name, *_]:
            return conditions.name_test(run, name, [], "contains")
        case _:
            return run.unknown()


def _images(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """`ImageDataGenerator(rescale=1 / 255)`; one with a function of its own is not known to scale."""
    scale = named.get("rescale")
    own = {"preprocessing_function", "featurewise_center", "samplewise_center"} & set(named)
    known = isinstance(scale, Known) and isinstance(scale.value, int | float) and not own
    return Images(at, float(scale.value)) if known and isinstance(scale, Known) else run.unknown()


def _save_model(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    model = solid(positional[0]) if positional else named.get("model", UNKNOWN)
    if isinstance(model, Model):
        path = positional[1] if len(positional) > 1 else named.get("filepath", UNKNOWN)
        keras_objects.save(run, model, path, at)
    return Known(None)


def _save_module(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    given = solid(positional[0]) if positional else named.get("obj", UNKNOWN)
    signatures = positional[2] if len(positional) > 2 else named.get("signatures")
    if signatures is not None:
        serving.note_signatures(run, signatures, at)
    else:
        serving.note_module(run, given, at)
    return Known(None)


def _variable(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """`tf.Variable(0.0)`, `keras.Variable(0.0)`, `K.variable(0.0)`: a single number where the value is one."""
    first = positional[0] if positional else named.get("initial_value", named.get("initializer", named.get("value")))
    flag = named.get("trainable", Known(True))
    trainable = not isinstance(flag, Known) or bool(flag.value)
    return Variable(at, trainable, isinstance(first, Known) and isinstance(first.value, int | float), own=False)


def _keras_variable(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    made = _variable(run, positional, named, at)
    return replace(made, own=True) if isinstance(made, Variable) else made


def _set_value(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """`K.set_value(variable, value)`."""
    if positional and isinstance(positional[0], Variable):
        run.record(VariableAssigned(at, positional[0]))
        return Known(None)
    return call_unknown(run, External("keras.backend.set_value"), positional, named, at)


def _exit(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    return Known(None)


_HANDLERS: dict[str, Handler] = {
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.isinstance": _isinstance,
    "builtins.type": _type,
    "builtins.str": _str,
    "builtins.int": _number(int),
    "builtins.float": _number(float),
    "builtins.bool": _bool,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.sorted": _list,
    "builtins.reversed": _reversed,
    "builtins.dict": _dict,
    "builtins.filter": _filter,
    "builtins.sum": _joining("builtins.sum"),
    "itertools.chain": _joining("itertools.chain"),
    "itertools.chain.from_iterable": _joining("itertools.chain.from_iterable"),
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "re.search": _regex,
    "re.match": _regex,
    "tqdm.tqdm": _list,
    "tqdm.auto.tqdm": _list,
    "builtins.print": _exit,
    "keras.preprocessing.image.ImageDataGenerator": _images,
    "keras.Variable": _keras_variable,
    "keras.backend.set_value": _set_value,
    "keras.backend.variable": _variable,
    "keras.models.save_model": _save_model,
    "tensorflow.Variable": _variable,
    "tensorflow.saved_model.save": _save_module,
    "tensorflow.GradientTape": custom_loops.make_tape,
    "tensorflow.function": custom_loops.make_function,
}
