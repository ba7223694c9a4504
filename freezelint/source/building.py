"""How layers and models come into being: constructors, graphs, Sequential, backbones, loaded models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from freezelint.keras import names
from freezelint.keras.applications import Backbone, Layout, backbone
from freezelint.keras.libraries import foreign_model
from freezelint.source.selection import Interior, Selection
from freezelint.source.timeline import Built
from freezelint.source.values import (
    UNKNOWN,
    Flag,
    Group,
    Items,
    Known,
    Layer,
    Layers,
    Length,
    Maybe,
    Model,
    Optimizer,
    Part,
    Place,
    Stretch,
    Tensor,
    Value,
    Wired,
    solid,
    tensors,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run

_INPUT = "keras.layers.InputLayer"
_MODELS_FROM_FILES = frozenset({"keras.models.load_model", "tensorflow.saved_model.load", "keras.saving.load_model"})
_MODELS_FROM_CONFIGS = frozenset({
    "keras.models.model_from_json",
    "keras.models.model_from_config",
    "keras.models.model_from_yaml",
    "keras.models.clone_model",
})
_WRAPPERS = frozenset({"keras.layers.TimeDistributed", "keras.layers.Bidirectional", "keras.layers.Wrapper"})


def backbone_of(name: str) -> Backbone | None:
    """The facts of the keras.applications backbone with this dotted name; None if it is none."""
    section, _, last = names.canonical(name).rpartition(".")
    return backbone(last) if section == "keras.applications" else None


def make(run: Run, name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Value | None:
    """What the constructor or function `name` of Keras (or a library around it) makes; None if it makes no layer."""
    made = _make(run, name, positional, named, at)
    if isinstance(made, Layer):
        if isinstance(made, Model):
            run.models.append(made)
        made.repeated = run.shortened > 0
        run.record(Built(at, made))
    return made


def _make(run: Run, name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Value | None:
    if name == "keras.Input":
        layer = Layer(_INPUT, names.traits(_INPUT), at, name=text(named.get("name")))
        return Tensor(wired=Wired(layer, None, at), is_input=True)
    if name == "keras.Model":
        model = new_model(at, named)
        connect(run, model, positional, named)
        return model
    if name == "keras.Sequential":
        model = new_model(at, named, kind="sequential")
        fill(model, positional[0] if positional else named.get("layers", Items([])))
        return model
    facts = backbone_of(name)
    if facts is not None:
        return _backbone(run, facts, positional, named, at)
    if name in _MODELS_FROM_FILES:
        loaded = opaque(at, pretrained=True, initial=None)
        loaded.loaded_from = text(positional[0] if positional else named.get("filepath"))
        return loaded
    if name in _MODELS_FROM_CONFIGS:
        original = solid(positional[0]) if positional else named.get("model", UNKNOWN)
        copy = _copy(original, at)
        if name == "keras.models.clone_model" and isinstance(original, Model) and _is_plain_clone(positional, named):
            copy.copy_of = original
        return copy
    if name.startswith("keras.layers."):
        return _layer(name, positional, named, at)
    optimizer = names.optimizer(name) if "." in name else None
    if optimizer is not None:
        arguments = {**_positional_rate(positional), **named}
        interface = optimizer.interface
        return Optimizer(optimizer.name, arguments, at, interface == "legacy", interface == "v1")
    return _foreign(name, positional, named, at)


def _positional_rate(positional: Sequence[Value]) -> dict[str, Value]:
    return {"learning_rate": positional[0]} if positional else {}


def text(value: Value | None) -> str | None:
    """The text of a constant, None if it is not one."""
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


def new_model(at: Place, named: dict[str, Value], kind: str = "functional") -> Model:
    """An empty model of a kind whose parts are known."""
    model = Model("keras.Model", None, at, name=text(named.get("name")), kind=kind, pretrained=False)
    flag = named.get("trainable")
    if isinstance(flag, Known) and flag.value is False:
        model.flag = Flag(False, at)
    return model


def opaque(
    at: Place,
    *,
    title: str = "",
    pretrained: bool | None = None,
    has_batchnorm: bool | None = None,
    certain: bool = True,
    initial: bool | None = True,
) -> Model:
    """A model that is known only as a whole."""
    return Model(
        "keras.Model",
        None,
        at,
        flag=Flag(initial),
        kind="opaque",
        interior=Interior(has_batchnorm=has_batchnorm, initial=initial),
        title=title,
        pretrained=pretrained,
        complete=False,
        certain=certain,
    )


def _backbone(run: Run, facts: Backbone, positional: list[Value], named: dict[str, Value], at: Place) -> Model:
    arguments = {**dict(zip(("include_top", "weights", "input_tensor"), positional, strict=False)), **named}
    weights = arguments.setdefault("weights", Known("imagenet"))
    model = opaque(at, title=facts.name, has_batchnorm=facts.has_batchnorm)
    model.name = text(named.get("name"))
    model.backbone = facts
    model.arguments = arguments
    if isinstance(weights, Known):
        model.pretrained = weights.value is not None
    model.layout = _layout(run, facts, arguments)
    if model.layout is not None:
        model.interior = Interior(len(model.layout), frozenset(model.layout.batchnorm_indices()))
    fed = next(tensors([arguments.get("input_tensor", UNKNOWN)]), None)
    if fed is not None:
        model.inputs = [fed]
    return model


def _layout(run: Run, facts: Backbone, arguments: dict[str, Value]) -> Layout | None:
    """The layers of a backbone as this Keras builds it; None where that depends on what is not known."""
    fed = next(tensors([arguments.get("input_tensor", UNKNOWN)]), None)
    shaping = [arguments[name] for name in ("include_top", "pooling", "include_preprocessing") if name in arguments]
    if (fed is not None and not fed.is_input) or not all(isinstance(value, Known) for value in shaping):
        return None
    literals = {name: value.value for name, value in arguments.items() if isinstance(value, Known)}
    if not isinstance(arguments["weights"], Known):
        literals["weights"] = "imagenet"
    return facts.layout_for(run.behaviour.generation, literals)


def _is_plain_clone(positional: list[Value], named: dict[str, Value]) -> bool:
    """Whether Keras makes new layers; a function of the author's own may hand back the old ones, weights and all."""
    return len(positional) < 3 and not {"clone_function", "call_function"} & named.keys()


def _copy(original: Value, at: Place) -> Model:
    """A new model with the structure of another and without its weights."""
    if not isinstance(original, Model):
        return opaque(at)
    copy = opaque(at, title=original.title, has_batchnorm=contains_batchnorm(original))
    if original.interior is not None:
        inner = original.interior
        copy.interior = Interior(inner.size, inner.batchnorms, inner.has_batchnorm)
        copy.layout = original.layout
    return copy


def contains_batchnorm(model: Model) -> bool | None:
    """Whether there is BatchNormalization anywhere in the model; None if that is not known."""
    unknown = False
    for part, around in model.walk():
        answer = part.is_batchnorm if isinstance(part, Layer) else None
        if isinstance(part, Stretch) and part.model.interior is not None:
            answer = part.model.interior.has_batchnorm
        if answer:
            return True
        unknown = unknown or answer is None or not all(container.complete or container.interior for container in around)
    return None if unknown else False


def _layer(name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Layer | None:
    traits = names.traits(name)
    if traits is None and not name.rpartition(".")[2][:1].isupper():
        return None
    layer = Layer(name, traits, at, name=text(named.get("name")), arguments=dict(named))
    layer.arguments.update({f"#{index}": value for index, value in enumerate(positional)})
    flag = named.get("trainable")
    if flag is not None and not (isinstance(flag, Known) and flag.value):
        layer.flag = Flag(False if isinstance(flag, Known) else None, at)
    inner = solid(positional[0]) if positional else solid(named.get("layer", UNKNOWN))
    if name in _WRAPPERS and isinstance(inner, Layer):
        layer.wrapped = inner
    return layer


def _foreign(name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Model | None:
    literals = {key: value.value for key, value in named.items() if isinstance(value, Known)}
    if positional and (first := text(positional[0])) is not None:
        literals.setdefault("preset" if name.endswith("from_preset") else "backbone_name", first)
    found = foreign_model(name, literals)
    if found is None:
        return None
    weights = next((named[key] for key in ("encoder_weights", "weights") if key in named), None)
    pretrained: bool | None = not (isinstance(weights, Known) and weights.value is None)
    if weights is None and found.library in ("keras_hub", "transformers", "vit_keras"):
        pretrained = True if name.endswith(("from_preset", "from_pretrained")) else None
    model = opaque(at, title=_title(name), pretrained=pretrained, has_batchnorm=found.batchnorm)
    flag = named.get("trainable")
    if isinstance(flag, Known) and not flag.value:
        model.flag = Flag(False, at)
    return model


def _title(name: str) -> str:
    parts = [part for part in name.split(".") if part[:1].isupper()]
    return parts[0] if parts else name.rpartition(".")[2]


# Graphs


def connect(run: Run, model: Model, positional: list[Value], named: dict[str, Value]) -> None:
    """Fills a Functional model with the layers that lead to its outputs."""
    outputs = named.get("outputs", named.get("output"))
    inputs = named.get("inputs", named.get("input"))
    if inputs is None and positional:
        inputs = positional[0]
    if outputs is None and len(positional) > 1:
        outputs = positional[1]
    model.inputs = list(tensors([inputs or UNKNOWN]))
    model.outputs = list(tensors([outputs or UNKNOWN]))
    model.complete = bool(model.outputs)
    _Collector(model).collect(model.outputs)


class _Collector:
    """Walks back from a model's outputs and appends the layers found to it, inputs first."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seen: set[int] = set()
        self.added: set[tuple[int, Selection | None]] = set()

    def collect(self, found: Sequence[Tensor]) -> None:
        """Adds everything that leads to these tensors."""
        stack: list[tuple[Tensor, bool]] = [(tensor, False) for tensor in reversed(found)]
        while stack:
            tensor, ready = stack.pop()
            if ready:
                self._add(tensor)
            elif id(tensor) not in self.seen:
                self.seen.add(id(tensor))
                stack.append((tensor, True))
                before = [*tensor.inputs, *(tensor.wired.inputs if tensor.wired else ())]
                if tensor.of is not None and not tensor.is_input:
                    before.extend(tensor.of.inputs if tensor.of.interior is not None else ())
                stack.extend((item, False) for item in reversed(before))

    def _add(self, tensor: Tensor) -> None:
        came_from_nowhere = not (tensor.inputs or tensor.is_input or tensor.of is not None)
        if tensor.unknown or (came_from_nowhere and not (tensor.wired is not None and tensor.wired.inputs)):
            self.model.complete = False
        if tensor.wired is not None:
            self._part(tensor.wired.layer)
            if not tensor.is_input:
                self.model.calls.append(tensor.wired)
        elif tensor.of is not None and not tensor.is_input:
            if tensor.of.interior is not None:
                self._part(Stretch(tensor.of, tensor.inner))
            for part in tensor.of.parts:
                self._part(part)
            self.model.calls.extend(tensor.of.calls)
            self.model.complete = self.model.complete and (tensor.of.complete or tensor.of.interior is not None)

    def _part(self, part: Part) -> None:
        key = (id(part.model), part.selection) if isinstance(part, Stretch) else (id(part), None)
        if key not in self.added:
            self.added.add(key)
            self.model.parts.append(part)


def fill(model: Model, layers: Value) -> None:
    """Fills a Sequential model with a list of layers; its input layers do not count among them."""
    layers = solid(layers)
    if isinstance(layers, Items):
        model.complete = layers.complete
        for item in layers.items:
            append(model, item)
    elif isinstance(layers, Layers):
        model.parts.extend(layers.parts)
        model.complete = layers.complete
    elif not (isinstance(layers, Known) and layers.value is None):
        model.complete = False


def append(model: Model, layer: Value) -> None:
    """`Sequential.add(layer)`."""
    layer = solid(layer)
    if isinstance(layer, Group):
        model.parts.append(layer.stretch)
    elif isinstance(layer, Layer):
        if layer.class_name != _INPUT:
            model.parts.append(layer)
    elif not (isinstance(layer, Tensor) and layer.is_input):
        model.complete = False


# Lists of layers


def as_values(layers: Layers) -> list[Value]:
    """What a loop over these layers binds."""
    return [value_of(part, layers) for part in layers.parts]


def value_of(part: Part, layers: Layers) -> Value:
    """What a part of a list of layers is to a program."""
    if isinstance(part, Stretch):
        return Group(part)
    return Maybe(part) if id(part) in layers.maybe else part


def as_parts(values: Sequence[Value]) -> list[Part]:
    """The layers that these values of a loop variable stand for."""
    parts: list[Part] = []
    for value in values:
        if isinstance(value, Group):
            parts.append(value.stretch)
        elif isinstance(value, Layer):
            parts.append(value)
        elif isinstance(value, Maybe):
            parts.append(value.layer)
    return parts


def as_layers(values: Sequence[Value], of: Model | None = None, complete: bool = True) -> Layers:
    """The list of layers that these values of a loop variable make up."""
    maybe = frozenset(id(value.layer) for value in values if isinstance(value, Maybe))
    return Layers(as_parts(values), of, complete, maybe)


def layers_of(model: Model) -> Layers:
    """`model.layers`."""
    parts: list[Part] = [Stretch(model)] if model.interior is not None else list(model.parts)
    return Layers(parts, model, model.complete or model.interior is not None)


def count(layers: Layers) -> int | None:
    """How many layers these are; None if that is not known."""
    if not layers.complete or any(isinstance(part, Layer) and part.repeated for part in layers.parts):
        return None
    sizes = [size_of(part) for part in layers.parts]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def size_of(part: Part) -> int | None:
    """How many layers a part stands for; None if that is not known."""
    return part.size if isinstance(part, Stretch) else 1


Cut = tuple[int, int | str | None]
"""A place between layers: the index of a part, and the offset inside it (None: before its first layer)."""


def slice_layers(layers: Layers, lower: int | str | Length | None, upper: int | str | Length | None) -> Layers:
    """`layers[lower:upper]`, as exact as the sizes of the parts allow."""
    if lower is None and upper is None:
        return replace(layers, parts=list(layers.parts))
    first = _cut(layers.parts, lower) if lower is not None else (0, None)
    last = _cut(layers.parts, upper) if upper is not None else (len(layers.parts), None)
    beyond_first, beyond_last = _uncounted(layers.parts, lower), _uncounted(layers.parts, upper)
    parts: list[Part] = []
    maybe: set[int] = set()
    for index, part in enumerate(layers.parts):
        outside = index not in beyond_first and index < first[0]
        if outside or (index not in beyond_last and (index > last[0] or (index == last[0] and last[1] is None))):
            continue
        if index in beyond_first or index in beyond_last:
            maybe.add(id(part))
            parts.append(Stretch(part.model, part.selection.slice("?", None)) if isinstance(part, Stretch) else part)
        elif isinstance(part, Stretch):
            start = first[1] if index == first[0] else None
            stop = last[1] if index == last[0] else None
            parts.append(Stretch(part.model, part.selection.slice(start, stop)))
        else:
            parts.append(part)
    return replace(layers, parts=parts, maybe=layers.maybe | maybe)


def _uncounted(parts: Sequence[Part], bound: int | str | Length | None) -> range:
    """The parts that may lie on either side of a bound, because layers were made in a loop of unknown length."""
    repeated = [index for index, part in enumerate(parts) if isinstance(part, Layer) and part.repeated]
    if not repeated or not isinstance(bound, int):
        return range(0)
    index, _ = _cut(parts, bound)
    if bound >= 0:
        return range(repeated[0], len(parts)) if index > repeated[0] else range(0)
    return range(repeated[-1] + 1) if index <= repeated[-1] else range(0)


def _cut(parts: Sequence[Part], bound: int | str | Length) -> Cut:
    if isinstance(bound, Length):
        return _cut_at_length(parts, bound)
    if isinstance(bound, str):
        return next(((index, bound) for index, part in enumerate(parts) if isinstance(part, Stretch)), (0, None))
    if bound >= 0:
        return _cut_from_start(parts, bound)
    return _cut_from_end(parts, -bound)


def _cut_from_start(parts: Sequence[Part], remaining: int) -> Cut:
    for index, part in enumerate(parts):
        size = size_of(part)
        if size is None or remaining < size:
            return (index, remaining or None)
        remaining -= size
    return (len(parts), None)


def _cut_from_end(parts: Sequence[Part], remaining: int) -> Cut:
    for index in range(len(parts) - 1, -1, -1):
        if remaining == 0:
            return (index + 1, None)
        size = size_of(parts[index])
        if size is None:
            return (index, -remaining)
        if remaining <= size:
            return (index, (size - remaining) or None)
        remaining -= size
    return (0, None)


def _cut_at_length(parts: Sequence[Part], length: Length) -> Cut:
    """A bound such as `len(base.layers)`: behind the layers that are counted, if they come first."""
    counted = [_identity(part) for part in length.of.parts]
    if [_identity(part) for part in parts[: len(counted)]] != counted:
        return _cut(parts, f"length of {counted} + {length.plus}")
    if length.plus == 0:
        return (len(counted), None)
    if length.plus > 0:
        index, offset = _cut_from_start(parts[len(counted) :], length.plus)
        return (len(counted) + index, offset)
    return _cut_from_end(parts[: len(counted)], -length.plus)


def _identity(part: Part) -> int:
    return id(part.model) if isinstance(part, Stretch) else id(part)
