"""What Keras objects do when a program asks them for something, assigns to them or calls them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from freezelint.keras import names
from freezelint.source import building, conditions, containers, custom_loops, library, serving
from freezelint.source.building import (
    as_layers,
    as_values,
    layers_of,
    slice_layers,
    text,
    value_of,
)
from freezelint.source.freezing import set_trainable, state_of
from freezelint.source.selection import Selection
from freezelint.source.timeline import (
    AttributeSet,
    Called,
    Compiled,
    Grown,
    HiddenInLambda,
    LoraEnabled,
    Predicted,
    Quantized,
    RunWithoutMode,
    Saved,
    TensorFlagSet,
    Trained,
    TrainFunctionRemade,
    VariableAssigned,
    WeightsSet,
)
from freezelint.source.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Group,
    Guess,
    Images,
    Instance,
    Items,
    Known,
    Layer,
    Layers,
    Maybe,
    Method,
    Model,
    Module,
    Optimizer,
    Part,
    Partial,
    Place,
    Property,
    Stretch,
    Table,
    Tape,
    Tensor,
    Unknown,
    Value,
    Variable,
    Weights,
    Wired,
    solid,
    tensors,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run

_PROTOCOL = frozenset({
    "compile",
    "evaluate",
    "fit",
    "fit_generator",
    "get_layer",
    "input",
    "layers",
    "load_weights",
    "output",
    "predict",
    "summary",
    "train_on_batch",
    "trainable_variables",
    "trainable_weights",
})
"""Attributes by which a value of unknown type is taken for a Keras model."""
_TRAINS = frozenset({"fit", "fit_generator", "train_on_batch", "fit_on_batch"})
_PREDICTS = frozenset({"predict", "predict_on_batch", "predict_generator", "evaluate", "test_on_batch"})
_LOADS = frozenset({"load_weights", "set_weights", "load_model_weights", "load_own_variables"})
_WEIGHTS = frozenset({
    "weights",
    "variables",
    "trainable_weights",
    "trainable_variables",
    "non_trainable_weights",
    "non_trainable_variables",
})
_CONTAINERS = frozenset({"keras.Model", "keras.Sequential", "keras.layers.Layer"})
"""The base classes of what may hold layers of its own."""
_OUTPUTS = frozenset({"output", "outputs"})
_INPUTS = frozenset({"input", "inputs"})


def layer_at(run: Run, layers: Layers, index: int) -> Value:
    """`layers[index]`: a layer, or any one of those that it may be."""
    last = None if index == -1 else index + 1
    found = slice_layers(layers, index, last)
    if len(found.parts) != 1:
        return run.unknown()
    return run.unknown() if found.maybe else as_values(found)[0]


# Attributes


def get_attribute(run: Run, owner: Value, name: str, at: Place) -> Value:
    """`owner.name`."""
    match owner:
        case External(name=dotted):
            return External(_member_of_library(f"{dotted}.{name}"))
        case Module(names=members):
            return run.loaded(members.get(name, UNKNOWN))
        case Layer():
            return _layer_attribute(run, owner, name, at)
        case Maybe(layer=layer):
            return _layer_attribute(run, layer, name, at)
        case Group():
            return _group_attribute(run, owner, name)
        case Instance(attributes=attributes, cls=cls):
            return attributes.get(name) or _member(run, cls, owner, name) or UNKNOWN
        case Class():
            return _class_attribute(owner, name)
        case Guess(keras=True) if name in _PROTOCOL:
            owner.model = building.opaque(at, certain=False)
            owner.model.known_as = owner.name
            run.models.append(owner.model)
            return get_attribute(run, owner.model, name, at)
        case Property(what="class", owner=inner) if name == "__name__":
            return Property(inner, "class name")
        case Property() | Items() | Table() | Layers() | Optimizer() | Tape() | Images() | Guess() | Known():
            return Partial(owner, name)
        case Variable():
            return Partial(owner, name)
        case Function() | Method() if name == "get_concrete_function":
            return Partial(owner, name)
        case Tensor():
            return Partial(owner, name)
        case Partial(owner=Optimizer()):
            return Partial(owner, name)
        case Partial(owner=inner, name="super()"):
            return _super_attribute(run, inner, name)
        case Unknown():
            return UNKNOWN
        case _:
            return run.unknown()


def _member_of_library(dotted: str) -> str:
    """The canonical name, but for modules of TensorFlow 1: there a class is not what its short name says."""
    if dotted.startswith("tensorflow.compat.v1.") and not dotted.rpartition(".")[2][:1].isupper():
        return dotted
    return library.canonical(dotted)


def _layer_attribute(run: Run, layer: Layer, name: str, at: Place) -> Value:
    if name in layer.attributes:
        return layer.attributes[name]
    if layer.cls is not None:
        member = _member(run, layer.cls, layer, name)
        if member is not None:
            return member
    if isinstance(layer, Model):
        if name in ("layers", "_layers", "submodules"):
            return layers_of(layer)
        if name == "optimizer":
            return layer.compiled.optimizer or UNKNOWN if isinstance(layer.compiled, Compiled) else UNKNOWN
        if name in _OUTPUTS:
            return _output_of(layer)
        if name in _INPUTS:
            return _input_of(layer)
    if name == "trainable":
        return Known(layer.flag.value) if layer.flag.value is not None else UNKNOWN
    if name == "name":
        return Known(layer.name) if layer.name is not None else Property(layer, "name")
    if name in ("output", "input"):
        return Tensor(wired=Wired(layer, None, at), unknown=True)
    if name == "__class__":
        return Property(layer, "class")
    if name == "layer" and layer.wrapped is not None:
        return layer.wrapped
    if name in _WEIGHTS:
        return Weights(layer, name, at, len(run.timeline.events))
    return Partial(layer, name)


def _output_of(model: Model) -> Value:
    if model.interior is not None:
        return Tensor(of=model)
    if len(model.outputs) > 1:
        return Items(list(model.outputs))
    return model.outputs[0] if model.outputs else Tensor(of=model)


def _input_of(model: Model) -> Value:
    if len(model.inputs) > 1:
        return Items(list(model.inputs))
    return model.inputs[0] if model.inputs else Tensor(of=model, is_input=True)


def _group_attribute(run: Run, group: Group, name: str) -> Value:
    if name == "name":
        return Property(group, "name")
    if name == "__class__":
        return Property(group, "class")
    if name == "layers":
        return Layers([Stretch(group.stretch.model)], group.stretch.model)
    if name in _OUTPUTS:
        start, stop = group.stretch.selection.start, group.stretch.selection.stop
        single = isinstance(start, int) and isinstance(stop, int) and stop == start + 1
        return Tensor(of=group.stretch.model, inner=Selection(stop=stop if single else "layer"))
    if name in _INPUTS:
        return Tensor(of=group.stretch.model, is_input=True)
    if name == "trainable":
        return UNKNOWN
    return Partial(group, name)


def _member(run: Run, cls: Class, owner: Value, name: str) -> Value | None:
    member = cls.lookup(name)
    if not isinstance(member, Function):
        return member
    marks = {mark.name for mark in member.decorators if isinstance(mark, External)}
    if "builtins.staticmethod" in marks:
        return member
    if "builtins.property" in marks:
        return run.call_function(member, [owner], {}, owner)
    return Method(member, cls if "builtins.classmethod" in marks else owner)


def _class_attribute(cls: Class, name: str) -> Value:
    member = cls.lookup(name)
    if isinstance(member, Function) and any(
        isinstance(mark, External) and mark.name == "builtins.classmethod" for mark in member.decorators
    ):
        return Method(member, cls)
    return member or UNKNOWN


def _super_attribute(run: Run, owner: Value, name: str) -> Value:
    cls = owner.cls if isinstance(owner, Layer | Instance) else None
    for base in list(cls.lineage())[1:] if cls is not None else []:
        member = base.members.get(name)
        if isinstance(member, Function) and member not in run.inside:
            return Method(member, owner)
    return Partial(owner, name) if isinstance(owner, Layer) else UNKNOWN


def set_attribute(run: Run, owner: Value, name: str, value: Value, at: Place, name_at: Place | None = None) -> None:
    """`owner.name = value`; `name_at` is where the attribute stands, if it is written out."""
    match owner:
        case Layer() | Group() if name == "trainable":
            set_trainable(run, owner, value, at)
        case Maybe(layer=layer) if name == "trainable":
            set_trainable(run, layer, run.unknown(), at)
        case Layer() | Group():
            _set_layer_attribute(run, owner, name, value, at, name_at)
        case Optimizer(arguments=arguments):
            arguments["learning_rate" if name == "lr" else name] = value
        case Instance(attributes=attributes):
            attributes[name] = value
            named = solid(value)
            if isinstance(named, Layer):
                run.name(named, f"self.{name}")
        case Module(names=members):
            members[name] = value
        case Tensor(wired=Wired(layer=layer)) | Tensor(of=Layer() as layer) if name == "trainable" and layer.certain:
            run.record(TensorFlagSet(at, layer))
        case Guess(keras=True) if name == "trainable":
            get_attribute(run, owner, "layers", at)
            set_attribute(run, solid(owner), name, value, at)
        case _:
            return


def _set_layer_attribute(
    run: Run, owner: Layer | Group, name: str, value: Value, at: Place, name_at: Place | None
) -> None:
    if name == "stop_training":
        run.record(TrainFunctionRemade(at))
    declared = isinstance(owner, Layer) and owner.cls is not None
    target: Part = owner.stretch if isinstance(owner, Group) else owner
    run.record(AttributeSet(at, target, name, value, declared, name_at))
    if isinstance(owner, Layer):
        owner.attributes[name] = value
        owner.first.setdefault(name, (value, at))
        if owner.cls is not None:
            _track(owner, name, value)


def _track(owner: Layer, name: str, value: Value) -> None:
    """Keras tracks the layers assigned to an attribute of a layer, in lists and dicts too."""
    if not isinstance(owner, Model):
        return
    inner = solid(value)
    found = [solid(item) for item in ([inner] if isinstance(inner, Layer) else containers.items_of(inner))]
    if any(isinstance(item, Unknown | Guess) for item in (inner, *found)):
        owner.complete = False
    if isinstance(inner, Items | Table) and not inner.complete:
        owner.complete = False
    for part in found:
        if isinstance(part, Layer):
            if not part.known_as:
                part.known_as = f"self.{name}"
            if part is not owner and all(part is not old for old in owner.parts):
                owner.parts.append(part)


# Calls of layers


def instance_of(run: Run, cls: Class, at: Place) -> Value:
    """A new object of a class of the project: a model, a layer, or neither."""
    bases = cls.library_bases()
    traits = next((found for base in bases if (found := names.traits(base)) is not None), None)
    if traits is not None:
        return Layer(traits.name, traits, at, cls=cls, repeated=run.shortened > 0)
    if not _CONTAINERS.isdisjoint(bases):
        kind = "sequential" if "keras.Sequential" in bases else "subclassed"
        model = Model(bases[0], None, at, cls=cls, kind=kind, pretrained=False)
        if "keras.layers.Layer" not in bases:
            run.models.append(model)
        return model
    return Instance(cls)


def is_keras_class(cls: Class) -> bool:
    """Whether a class derives from a layer or model of Keras."""
    return any(base in _CONTAINERS or names.traits(base) is not None for base in cls.library_bases())


def trained_model(at: Place) -> Model:
    """The model that a callback belongs to."""
    model = building.opaque(at)
    model.known_as = "self.model"
    return model


def construct(run: Run, made: Layer, positional: list[Value], named: dict[str, Value]) -> None:
    """`Model.__init__(inputs, outputs)` or `Sequential.__init__(layers)` for a class that has none of its own."""
    if not isinstance(made, Model):
        return
    made.name = made.name or text(named.get("name"))
    if made.kind == "sequential":
        building.fill(made, positional[0] if positional else named.get("layers", Items([])))
    elif positional or "inputs" in named or "outputs" in named:
        made.kind = "functional"
        building.connect(run, made, positional, named)


def trace_call(run: Run, layer: Layer) -> None:
    """Runs the `call` method of a user's model or layer once, to see how it calls its parts."""
    if layer.cls is None or "traced" in layer.arguments or not isinstance(layer, Model):
        return
    layer.arguments["traced"] = Known(True)
    call = layer.cls.lookup("call")
    if not isinstance(call, Function):
        return
    training = UNKNOWN
    arguments: list[Value] = [layer]
    for parameter in call.parameters[1:]:
        if parameter.kind == "":
            arguments.append(training if parameter.name == "training" else Tensor(is_input=True))
    run.in_call_method += 1
    before = len(run.timeline.events)
    try:
        run.call_function(call, arguments, {}, layer)
    finally:
        run.in_call_method -= 1
    for event in run.timeline.events[before:]:
        if isinstance(event, Called) and event.wired is not None:
            layer.calls.append(event.wired)


def call_layer(run: Run, layer: Layer, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """A layer or model called like a function."""
    training = named.get("training")
    if (
        training is None
        and len(positional) > 1
        and isinstance(positional[1], Known)
        and isinstance(positional[1].value, bool)
    ):
        training = positional[1]
    if isinstance(training, Known) and training.value is None:
        training = None
    trace_call(run, layer)
    if layer.class_name == "keras.layers.Lambda":
        _look_into_lambda(run, layer, at)
    found = tuple(tensors([*positional, *named.values()]))
    where = "call" if run.in_call_method else "graph"
    wired = Wired(layer, training, at, found, where)
    within = run.inside[-1].name if run.inside else ""
    once = not run.loops and not run.tapes
    called = Called(at, layer, training, where if found else "eager", wired, not run.starred, within, once)
    run.record(called)
    if not found and training is None and isinstance(layer, Model) and not run.starred and not run.in_call_method:
        run.record(RunWithoutMode(at, layer, "call", state_of(run, layer)))
    for tape in run.tapes:
        tape.calls.append(called)
    return Tensor(wired=wired, inputs=found)


def _look_into_lambda(run: Run, layer: Layer, at: Place) -> None:
    """Calls the function of a Lambda layer once, to see whether it uses layers with weights."""
    function = solid(layer.arguments.get("#0", layer.arguments.get("function", UNKNOWN)))
    if "seen" in layer.arguments:
        return
    layer.arguments["seen"] = Known(True)
    before = len(run.timeline.events)
    if isinstance(function, Function | Method):
        run.call(function, [Tensor(is_input=True)], {}, at)
    elif isinstance(function, Layer):
        run.record(HiddenInLambda(layer.at, function, layer))
    for event in run.timeline.events[before:]:
        if isinstance(event, Called) and event.layer is not layer:
            run.record(HiddenInLambda(layer.at, event.layer, layer))


# Methods


def call_method(
    run: Run, owner: Value, name: str, positional: list[Value], named: dict[str, Value], at: Place
) -> Value:
    """`owner.name(…)` for a method that the project does not define."""
    owner = solid(owner)
    match owner:
        case Layer():
            return _layer_method(run, owner, name, positional, named, at)
        case Group():
            return _group_method(run, owner, name, positional, named, at)
        case Property():
            return _property_method(run, owner, name, positional)
        case Items() | Table() | Layers():
            return _collection_method(run, owner, name, positional)
        case Known(value=str() as constant):
            return _text_method(run, constant, name, positional)
        case Images() if name.startswith("flow"):
            return owner
        case Tape() if name == "gradient":
            custom_loops.take_gradient(run, owner, positional, named, at)
            return run.unknown()
        case Function() | Method() if name == "get_concrete_function":
            return owner
        case Tape() if name == "watched_variables":
            return custom_loops.watched(run, owner, at)
        case Optimizer() if name == "minimize":
            custom_loops.minimize(run, owner, positional, named, at)
            return run.unknown()
        case Variable() if name.startswith("assign") or name == "load":
            if not any(isinstance(value, Tensor) for value in positional):
                run.record(VariableAssigned(at, owner))
            return run.unknown()
        case Optimizer() if name == "build":
            owner.built = True
            return UNKNOWN
        case Partial(owner=Optimizer(arguments=arguments)) if name == "assign":
            arguments["learning_rate"] = UNKNOWN
            return UNKNOWN
        case Guess(keras=True) if "training" in named:
            get_attribute(run, owner, "layers", at)
            return call_method(run, owner, name, positional, named, at)
        case _:
            return library.call_unknown(run, owner, positional, named, at)


def _layer_method(
    run: Run, layer: Layer, name: str, positional: list[Value], named: dict[str, Value], at: Place
) -> Value:
    if name in _LOADS:
        _load(run, layer, name, at, text(positional[0] if positional else named.get("filepath")))
    if name == "enable_lora":
        run.record(LoraEnabled(at, layer, layer.flag.value is False))
    if name == "add_weight":
        return own_variable(positional, named, at)
    if name == "call" and run.in_call_method:
        training = named.get("training", positional[1] if len(positional) > 1 else None)
        run.record(Called(at, layer, training, "direct"))
    if name == "__init__":
        construct(run, layer, positional, named)
    elif name == "__call__":
        return call_layer(run, layer, positional, named, at)
    elif isinstance(layer, Model):
        return _model_method(run, layer, name, positional, named, at)
    return _plain_result(run, positional, named)


def _plain_result(run: Run, positional: list[Value], named: dict[str, Value]) -> Value:
    found = tuple(tensors([*positional, *named.values()]))
    return Tensor(inputs=found, unknown=True) if found else run.unknown()


def _model_method(
    run: Run, model: Model, name: str, positional: list[Value], named: dict[str, Value], at: Place
) -> Value:
    if name == "compile":
        _compile(run, model, positional, named, at)
    elif name in _TRAINS:
        data = next(iter([*positional, *(named[key] for key in ("x", "generator") if key in named)]), None)
        size = named.get("batch_size", positional[2] if name == "fit" and len(positional) > 2 else None)
        train(run, model, name, at, named.get("callbacks"), data, size)
    elif name in _PREDICTS:
        run.record(Predicted(at, model, name))
    elif name == "make_train_function":
        run.record(TrainFunctionRemade(at))
    elif name == "quantize":
        run.record(Quantized(at, model))
    elif name in ("add", "pop"):
        if name == "add" and positional:
            building.append(model, positional[0])
        elif name == "pop" and model.parts:
            model.parts.pop()
        if model.compiled is not None:
            run.record(Grown(at, model, name))
    elif name == "export":
        run.record(RunWithoutMode(at, model, "export", state_of(run, model)))
    elif name == "call" and not run.in_call_method:
        return call_layer(run, model, positional, named, at)
    elif name in ("save", "save_weights"):
        where = positional[0] if positional else named.get("filepath", UNKNOWN)
        save(run, model, where, at, whole=name == "save")
        if "signatures" in named:
            serving.note_signatures(run, named["signatures"], at)
    elif name == "get_layer":
        return _get_layer(run, model, positional, named)
    elif name == "_flatten_layers":
        return Layers([part for part, _ in model.walk()], model, model.complete)
    return run.unknown()


def _load(run: Run, layer: Layer, how: str, at: Place, path: str | None) -> None:
    """Weights come from outside: everything inside is pretrained from now on. Not if the program saved them itself."""
    state = state_of(run, layer) if path is not None and isinstance(layer, Model) else None
    run.record(WeightsSet(at, layer, how, path, state))
    if path is not None and any(isinstance(event, Saved) and event.path == path for event in run.timeline.events):
        return
    layer.weights_set = True
    if isinstance(layer, Model):
        for part, around in layer.walk():
            for inner in (*around, part.model if isinstance(part, Stretch) else part):
                inner.weights_set = True
                if isinstance(inner, Model):
                    inner.pretrained = True


def save(run: Run, model: Model, path: Value, at: Place, whole: bool = True) -> None:
    """`model.save(path)` or `model.save_weights(path)`, noted where the path is a constant."""
    where = text(path)
    if where is not None:
        run.record(Saved(at, model, state_of(run, model), where, whole))


def own_variable(positional: list[Value], named: dict[str, Value], at: Place) -> Variable:
    """`layer.add_weight(shape=…)`; without a shape it is a single number."""
    shape = named.get("shape", next((value for value in positional if isinstance(value, Items)), Items([])))
    flag = named.get("trainable", Known(True))
    scalar = isinstance(shape, Items) and shape.complete and not shape.items
    return Variable(at, not isinstance(flag, Known) or bool(flag.value), scalar, own=True)


def _compile(run: Run, model: Model, positional: list[Value], named: dict[str, Value], at: Place) -> None:
    trace_call(run, model)
    chosen = positional[0] if positional else named.get("optimizer")
    if (short := text(chosen)) is not None and (known := names.optimizer(short)) is not None:
        chosen = Optimizer(known.name, {}, at)
    eager = named.get("run_eagerly")
    eagerly = isinstance(eager, Known) and eager.value is True
    event = Compiled(at, model, state_of(run, model), chosen if isinstance(chosen, Optimizer) else None, eagerly)
    model.compiled = event
    model.traced = None
    run.record(event)


def train(
    run: Run,
    model: Model,
    how: str,
    at: Place,
    callbacks: Value | None = None,
    data: Value | None = None,
    batch_size: Value | None = None,
) -> None:
    """`fit` and the like: the flags of the moment, and which compile and which trace are in force."""
    trace_call(run, model)
    at_compile = run.behaviour.flags_are_read_at_compile
    event = Trained(
        at,
        model,
        how,
        state_of(run, model),
        model.compiled,
        model.traced,
        callbacks=callbacks,
        data=data,
        batch_size=batch_size.value if isinstance(batch_size, Known) and isinstance(batch_size.value, int) else None,
        read_at_compile=at_compile,
    )
    if model.traced is None:
        model.traced = event
    run.record(event)


def _get_layer(run: Run, model: Model, positional: list[Value], named: dict[str, Value]) -> Value:
    index = named.get("index", positional[1] if len(positional) > 1 else None)
    if isinstance(index, Known) and isinstance(index.value, int):
        return layer_at(run, layers_of(model), index.value)
    wanted = text(positional[0] if positional else named.get("name"))
    if wanted is not None:
        for part in model.parts:
            if isinstance(part, Layer) and _is_called(part, wanted):
                return part
    stretch = next((part for part in layers_of(model).parts if isinstance(part, Stretch)), None)
    if stretch is None:
        return run.unknown()
    found = stretch.model.layout.index(wanted) if stretch.model.layout is not None and wanted is not None else None
    if found is not None:
        return Group(Stretch(stretch.model, Selection(found, found + 1)))
    return Group(Stretch(stretch.model, Selection(stretch.selection.start, stretch.selection.stop, partial=True)))


def _is_called(layer: Layer, name: str) -> bool:
    """Whether the layer has this name: its own, or the one Keras gives a backbone (`mobilenetv2_1.00_224`)."""
    if layer.name is not None:
        return layer.name == name
    if isinstance(layer, Model) and layer.title:
        return name.lower().replace("_", "").startswith(layer.title.lower())
    return False


def _group_method(
    run: Run, group: Group, name: str, positional: list[Value], named: dict[str, Value], at: Place
) -> Value:
    if name in _LOADS:
        group.stretch.model.weights_set = True
    if name == "enable_lora":
        interior = group.stretch.model.interior
        frozen = interior is not None and interior.all_are(False, group.stretch.selection)
        run.record(LoraEnabled(at, group.stretch, frozen))
    found = tuple(tensors([*positional, *named.values()]))
    return Tensor(inputs=found, unknown=True) if found else run.unknown()


def _property_method(run: Run, owner: Property, name: str, positional: list[Value]) -> Value:
    if name in ("lower", "upper", "casefold"):
        return replace(owner, case="upper" if name == "upper" else "lower")
    if name in ("strip", "split"):
        return owner
    if owner.what == "name" and name in ("startswith", "endswith", "find", "count", "__contains__"):
        words = [item for value in positional[:1] for item in conditions.constants_of(value) if isinstance(item, str)]
        how = {"startswith": "starts", "endswith": "ends"}.get(name, "contains")
        return conditions.name_test(run, owner, words, how)
    return run.unknown()


def _collection_method(run: Run, owner: Items | Table | Layers, name: str, positional: list[Value]) -> Value:
    match owner, name, positional:
        case Items(items=items), "append", [value]:
            items.append(value)
        case Items() as target, "extend", [value]:
            target.items.extend(containers.items_of(solid(value)))
            target.complete = target.complete and isinstance(solid(value), Items | Layers)
        case Items(items=items), "insert", [Known(value=int() as index), value]:
            items.insert(index, value)
        case Items(items=items), "pop", [] if items:
            return items.pop()
        case Table(items=table), "get", [Known(value=key), *_] if key in table:
            return table[key]
        case Table(items=table), "items", []:
            return Items([Items([Known(key), value], "tuple") for key, value in table.items()])
        case Table(items=table), "values", []:
            return Items(list(table.values()))
        case Table(items=table), "keys", []:
            return Items([Known(key) for key in table])
        case Table(items=table), "update", [Table(items=other)]:
            table.update(other)
        case Layers(parts=parts), "append", [value]:
            added = as_layers([solid(value)])
            parts.extend(added.parts)
            owner.maybe |= added.maybe
        case Layers(parts=parts), "pop", _ if parts:
            return value_of(parts.pop(), owner)
        case _:
            return run.unknown()
    return Known(None)


def _text_method(run: Run, constant: str, name: str, positional: list[Value]) -> Value:
    if name in ("lower", "upper", "strip", "title", "capitalize") and not positional:
        return Known(getattr(constant, name)())
    if name in ("startswith", "endswith") and (
        words := [w for v in positional[:1] for w in conditions.constants_of(v)]
    ):
        return Known(any(getattr(constant, name)(word) for word in words if isinstance(word, str)))
    return run.unknown()
