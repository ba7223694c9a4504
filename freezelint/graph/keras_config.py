"""The configuration Keras writes for a model (JSON, any generation) → layer tree and calls.

Understood: the layout of Keras 3 (`.keras`, `.h5`), the one of Keras 2.12 to 2.15 and tf_keras (`.keras`), and the
older one (`.h5` since Keras 2.0, `model_config` of a SavedModel): Functional (once called `Model`), Sequential
(also as a bare list), shared layers, nested models, wrappers, raw operations, subclassed models.

Nothing here trusts its input: what is wrong in it ends up in `ConfigGraph.inconsistencies`, what it cannot say
in `ConfigGraph.gaps`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError
from typing import Any

from freezelint.graph import embedded_code, layer_kinds
from freezelint.graph.call_order import in_running_order
from freezelint.graph.model_graph import Call, Layer, LayerKind, TensorRef, Unreadable

MAX_DEPTH = 100
"""Models inside models, or layers inside wrappers, that are followed."""

MAX_LAYERS = 100_000

_WRAPPED = ("layer", "forward_layer", "backward_layer", "cell", "rnn_layer")
_OPERATION_CLASSES = frozenset({
    "TFOpLambda",
    "SlicingOpLambda",
    "ClassMethod",
    "InstanceMethod",
    "InstanceProperty",
    "TensorFlowOpLayer",
})
_OPERATION_MODULES = ("keras.ops", "keras.src.ops")
_MODEL_CLASSES = frozenset({"Functional", "Model", "Network", "Container"})
_CONSTANT = "_CONSTANT_VALUE"

_Reference = tuple[str, int, int]
_Shape = tuple[int | None, ...]


@dataclass(slots=True)
class ConfigGraph:
    """What one model configuration says; the fields mean what they mean in `ModelGraph`.

    `calls` are in an order in which a model could run them, except those of a model whose calls form a circle.
    """

    root: Layer
    calls: list[Call] = field(default_factory=list)
    inputs: dict[str, tuple[TensorRef, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[TensorRef, ...]] = field(default_factory=dict)
    embedded_code: list[str] = field(default_factory=list)
    inconsistencies: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def read_model_config(config: object) -> ConfigGraph:
    """The graph that the serialized model `config` describes.

    `config` is parsed JSON with the keys `class_name` and `config`: the `config.json` of a `.keras` file, or the
    `model_config` of an HDF5 file or of a SavedModel's metadata. The keys of the result are paths of layers, and
    the root's is the empty path. Two layers of one name below one parent get the paths `name` and `name#2`.

    Flags: `own_trainable` is the flag as it stands in the configuration, None where it has none. A container
    without a flag (Sequential in Keras 2, every container before Keras 2.12) counts as frozen, for the effective
    flags, if it holds layers with a flag and all of those are frozen.

    Raises `Unreadable` if `config` is no serialized model at all.
    """
    if not isinstance(config, dict):
        raise Unreadable("the model configuration is not an object")
    if not isinstance(config.get("class_name"), str):
        raise Unreadable("the model configuration names no class")
    reader = _Reader()
    root = reader.layer(config, parent=None, taken=set(), depth=0)
    _apply_flags(root)
    reader.gaps += [_no_flag(layer) for layer in root.walk() if _flag_matters(layer)]
    return ConfigGraph(
        root, reader.calls, reader.inputs, reader.outputs, reader.embedded_code, reader.inconsistencies, reader.gaps
    )


@dataclass(slots=True)
class _Node:
    """One entry of a layer's `inbound_nodes`, before the tensors are resolved."""

    references: list[_Reference] = field(default_factory=list)
    shapes: list[_Shape | None] = field(default_factory=list)
    training: bool | None = None
    training_is_cleared: bool = False
    is_keras3: bool = False
    has_constant: bool = False


@dataclass(slots=True)
class _Child:
    """A layer of a model together with the calls that its entry records."""

    layer: Layer
    entry: Mapping[str, Any]
    nodes: list[_Node]


class _Reader:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.inputs: dict[str, tuple[TensorRef, ...]] = {}
        self.outputs: dict[str, tuple[TensorRef, ...]] = {}
        self.embedded_code: list[str] = []
        self.inconsistencies: list[str] = []
        self.gaps: list[str] = []
        self._layers = 0

    def layer(self, entry: Mapping[str, Any], parent: Layer | None, taken: set[str], depth: int) -> Layer:
        """The layer that `entry` serializes, with everything below it; its name is added to `taken`."""
        config = _config(entry)
        class_name = _text(entry.get("class_name")) or "?"
        name = _text(config.get("name")) or _text(entry.get("name")) or class_name.rpartition(">")[2].lower()
        if not isinstance(config.get("name", name), str):
            self._say(f"the name of {name!r} in its configuration is not text")
        layer = Layer(
            path="" if parent is None else _join(parent.path, self._unique(name, parent, taken)),
            name=name,
            class_name=class_name.rpartition(">")[2],
            kind=_kind(entry, config, is_root=parent is None),
            module=_text(entry.get("module")),
            registered_name=_text(entry.get("registered_name")) or (class_name if ">" in class_name else None),
            own_trainable=self._flag(config, name),
            shared_id=_shared_id(entry, config),
        )
        self._layers += 1
        if embedded_code.is_embedded(class_name, config):
            self.embedded_code.append(layer.path or name)
        if depth >= MAX_DEPTH or self._layers >= MAX_LAYERS:
            self._say(f"nested too deeply or too large: what is inside {name!r} was not read")
            return layer
        self._children(layer, entry, config, depth)
        return layer

    def _children(self, layer: Layer, entry: Mapping[str, Any], config: Mapping[str, Any], depth: int) -> None:
        if layer.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL):
            children = self._model_layers(layer, config, depth)
            layer.config = {
                key: value for key, value in config.items() if key not in ("layers", "input_layers", "output_layers")
            }
            if layer.kind is LayerKind.FUNCTIONAL:
                self._functional(layer, config, children)
            else:
                self._sequential(layer, children)
            return
        inner = list(_inner_entries(config)) if layer.kind is not LayerKind.OPERATION else []
        wrapped = {key for key, _ in inner}
        layer.config = {key: value for key, value in config.items() if key not in wrapped}
        taken: set[str] = set()
        layer.children = [self.layer(child, layer, taken, depth + 1) for _, child in inner]
        if layer.kind is LayerKind.SUBCLASSED:
            self.gaps.append(
                f"{layer.name!r} is a subclassed model ({layer.class_name}): the file does not record which layers it"
                " calls, nor with which arguments"
            )
        elif layer.class_name == "TFSMLayer":
            self.gaps.append(f"{layer.name!r} runs another SavedModel, which was not read")

    def _model_layers(self, model: Layer, config: Mapping[str, Any], depth: int) -> list[_Child]:
        entries = config.get("layers")
        if not isinstance(entries, list):
            self._say(f"the layers of {model.name!r} are not a list")
            entries = []
        children, taken = [], set[str]()
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
                self._say(f"{model.name!r} holds an entry that is not a layer")
                continue
            if self._layers >= MAX_LAYERS:
                self._say(f"more than {MAX_LAYERS} layers: the rest was not read")
                break
            layer = self.layer(entry, model, taken, depth + 1)
            children.append(_Child(layer, entry, []))
        if not children:
            self._say(f"{model.name!r} holds no layers")
        model.children = [child.layer for child in children]
        return children

    def _functional(self, model: Layer, config: Mapping[str, Any], children: list[_Child]) -> None:
        by_name: dict[str, _Child] = {}
        for child in children:
            by_name.setdefault(child.layer.name, child)
            by_name.setdefault(_text(child.entry.get("name")) or child.layer.name, child)
        for child in children:
            child.nodes = self._nodes(child, by_name)
        inputs = self._ends(config.get("input_layers"), by_name, model)
        outputs = self._ends(config.get("output_layers"), by_name, model)
        first = _first_indices(by_name, inputs + outputs)
        calls = []
        for child in children:
            for index, node in enumerate(child.nodes):
                offsets = {} if node.is_keras3 else first
                tensors = [_resolve(reference, by_name, offsets) for reference in node.references]
                if None in tensors:
                    self._say(f"a call of {child.layer.path!r} takes a tensor that nothing makes")
                calls.append(_call(child.layer, model, index, tensors, node, child.entry))
        self.calls.extend(self._sorted(calls, model))
        self.inputs[model.path] = tuple(filter(None, (_resolve(end, by_name, first) for end in inputs)))
        self.outputs[model.path] = tuple(filter(None, (_resolve(end, by_name, first) for end in outputs)))
        if len(self.outputs[model.path]) < len(outputs) or not outputs:
            self._say(f"{model.name!r} has an output that nothing makes")

    def _nodes(self, child: _Child, siblings: Mapping[str, _Child]) -> list[_Node]:
        raw = child.entry.get("inbound_nodes")
        if raw is None:
            return []
        if not isinstance(raw, list):
            self._say(f"the calls of {child.layer.path!r} are not a list")
            return []
        nodes = []
        for item in raw:
            if isinstance(item, dict) and ("args" in item or "kwargs" in item):
                nodes.append(_keras3_node(item))
            elif isinstance(item, (list, dict)):
                nodes.append(_keras2_node(item, siblings))
            else:
                self._say(f"a call of {child.layer.path!r} is neither a list nor an object")
        if not all(node.references or node.has_constant for node in nodes):
            self._say(f"{child.layer.path!r} is called without an input")
        missing = {name for node in nodes for name, _, _ in node.references if name not in siblings}
        for name in sorted(missing)[:5]:
            self._say(f"{child.layer.path!r} takes its input from {name!r}, which does not exist")
        return nodes

    def _ends(self, value: object, siblings: Mapping[str, _Child], model: Layer) -> list[_Reference]:
        """The tensor references in `input_layers` or `output_layers`, which may be flat, listed or nested."""
        found = list(_references(value))
        for name, _, _ in found:
            if name not in siblings:
                self._say(f"{model.name!r} begins or ends at {name!r}, which does not exist")
        return found

    def _sequential(self, model: Layer, children: list[_Child]) -> None:
        """A Sequential records no calls: each layer takes what the one before it made."""
        previous: TensorRef | None = None
        for child in children:
            layer = child.layer
            if layer.kind is not LayerKind.INPUT:
                tensors = [previous] if previous else []
                self.calls.append(_call(layer, model, 0, tensors, _Node(), child.entry))
            elif previous is None:
                self.inputs[model.path] = (TensorRef(layer.path, 0),)
            previous = TensorRef(layer.path, 0)
        self.outputs[model.path] = (previous,) if previous else ()

    def _sorted(self, calls: list[Call], model: Layer) -> list[Call]:
        """The calls of one model in an order in which they could run."""
        try:
            return in_running_order(calls)
        except CycleError:
            self._say(f"the calls of {model.name!r} form a circle")
            return calls

    def _flag(self, config: Mapping[str, Any], name: str) -> bool | None:
        value = config.get("trainable")
        if value is None or isinstance(value, bool):
            return value
        if value in (0, 1):
            return bool(value)
        self._say(f"the flag `trainable` of {name!r} is {type(value).__name__}, not true or false")
        return None

    def _unique(self, name: str, parent: Layer, taken: set[str]) -> str:
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}#{number}"
        if number == 2:
            self._say(f"two layers of {parent.name!r} are called {name!r}")
        taken.add(unique)
        return unique

    def _say(self, sentence: str) -> None:
        if sentence not in self.inconsistencies and len(self.inconsistencies) < 50:
            self.inconsistencies.append(sentence)


def _resolve(reference: _Reference, siblings: Mapping[str, _Child], first: Mapping[str, int]) -> TensorRef | None:
    """The tensor that a reference of the configuration means; None where no such tensor exists."""
    name, node, tensor = reference
    child = siblings.get(name)
    if child is None:
        return None
    index = node - first.get(child.layer.path, 0)
    return TensorRef(child.layer.path, index, tensor) if 0 <= index < max(len(child.nodes), 1) else None


def _first_indices(siblings: Mapping[str, _Child], ends: list[_Reference]) -> dict[str, int]:
    """For every nested model, the number that the references in `ends` and in Keras 2 nodes give to its first call.

    Keras 2 counts the making of a model as its call number 0, which it then does not write, unless it is a
    Sequential without an input; which of the two it was shows in the numbers, as every call is used. Keras 3 does
    so for a Functional among the ends of a model only, not in its nodes (measured with 3.15.1).
    """
    children = {id(child): child for child in siblings.values()}.values()
    used: dict[str, list[int]] = {}
    for name, index, _ in ends + [
        reference for child in children for node in child.nodes for reference in node.references
    ]:
        if name in siblings:
            used.setdefault(siblings[name].layer.path, []).append(index)
    first = {}
    for child in children:
        numbers = used.get(child.layer.path)
        if numbers and child.layer.is_container:
            counts_making = min(numbers) >= 1 and max(numbers) >= len(child.nodes)
            if any(node.is_keras3 for node in child.nodes):
                counts_making = child.layer.kind is LayerKind.FUNCTIONAL
            first[child.layer.path] = int(counts_making)
    return first


def _call(
    layer: Layer, model: Layer, index: int, tensors: Sequence[TensorRef | None], node: _Node, entry: Mapping[str, Any]
) -> Call:
    shapes: tuple[_Shape | None, ...] = tuple(node.shapes)
    if not any(shapes):
        build = entry.get("build_config")
        shapes = _shapes(build.get("input_shape")) if isinstance(build, dict) else ()
    return Call(
        layer=layer.path,
        parent=model.path,
        number=index,
        inputs=tuple(filter(None, tensors)),
        training=node.training,
        training_is_artifact=node.is_keras3 and layer_kinds.records_by_itself(layer, node.training),
        training_is_cleared=node.training_is_cleared,
        input_shapes=shapes,
    )


def _keras3_node(item: Mapping[str, Any]) -> _Node:
    node = _Node(is_keras3=True)
    for tensor in _keras_tensors([item.get("args"), item.get("kwargs")]):
        history = tensor.get("keras_history")
        if isinstance(history, list) and _is_reference(history):
            node.references.append((history[0], history[1], history[2]))
            node.shapes.append(_shape(tensor.get("shape")))
    kwargs = item.get("kwargs")
    if isinstance(kwargs, dict):
        node.training = _training(kwargs)
        node.training_is_cleared = "training" in kwargs and kwargs["training"] is None
    return node


def _keras_tensors(value: object) -> Iterator[Mapping[str, Any]]:
    """The `config` of every `__keras_tensor__` at any depth of `value`, in reading order."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            config = item.get("config")
            if item.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
                yield config
            else:
                stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _keras2_node(item: list[Any] | Mapping[str, Any], siblings: Mapping[str, _Child]) -> _Node:
    """The tensors in one old-style node, those in keyword arguments (which must name a sibling) included.

    A tensor is `[layer, call, output, keyword arguments]`; the arguments of the call stand with each of them.
    """
    node = _Node()
    stack: list[tuple[object, bool]] = [(item, False)]
    while stack:
        value, is_argument = stack.pop()
        if isinstance(value, dict):
            stack.extend((inner, is_argument) for inner in reversed(list(value.values())))
        elif isinstance(value, list) and (_is_reference(value) or value[:1] == [_CONSTANT]):
            node.has_constant = node.has_constant or value[0] == _CONSTANT
            if value[0] != _CONSTANT and not (is_argument and value[0] not in siblings):
                node.references.append((value[0], value[1], value[2]))
            kwargs = value[3] if len(value) > 3 else None
            if isinstance(kwargs, dict) and not is_argument:
                node.training = _training(kwargs) if node.training is None else node.training
                stack.extend((inner, True) for inner in reversed(list(kwargs.values())))
        elif isinstance(value, list):
            stack.extend((inner, is_argument) for inner in reversed(value))
    return node


def _references(value: object) -> Iterator[_Reference]:
    """Every `[layer, call, output]` at any depth of `value`, in reading order."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            if _is_reference(item):
                yield (item[0], item[1], item[2])
            else:
                stack.extend(reversed(item))
        elif isinstance(item, dict):
            stack.extend(reversed(list(item.values())))


def _is_reference(value: list[Any]) -> bool:
    return len(value) >= 3 and isinstance(value[0], str) and type(value[1]) is int and type(value[2]) is int


def _training(kwargs: Mapping[str, Any]) -> bool | None:
    value = kwargs.get("training")
    return bool(value) if isinstance(value, bool) or (type(value) is int and value in (0, 1)) else None


def _kind(entry: Mapping[str, Any], config: Mapping[str, Any], *, is_root: bool) -> LayerKind:
    class_name = (_text(entry.get("class_name")) or "").rpartition(">")[2]
    module = _text(entry.get("module")) or ""
    if class_name == "InputLayer":
        return LayerKind.INPUT
    if class_name in _OPERATION_CLASSES or module.startswith(_OPERATION_MODULES) or _is_bare_operation(entry, config):
        return LayerKind.OPERATION
    if "layers" in config and ("output_layers" in config or class_name in _MODEL_CLASSES):
        return LayerKind.FUNCTIONAL
    is_plain = isinstance(entry.get("config"), list) or class_name.endswith("Sequential")
    if "layers" in config and (is_plain or "build_input_shape" in config):
        return LayerKind.SEQUENTIAL
    if is_root:
        return LayerKind.SUBCLASSED
    return LayerKind.WRAPPER if next(_inner_entries(config), None) else LayerKind.LAYER


def _is_bare_operation(entry: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether an entry is a raw operation as Keras 3 writes it into HDF5: without a module, a flag and a data type."""
    nodes = entry.get("inbound_nodes")
    is_keras3 = isinstance(nodes, list) and bool(nodes) and isinstance(nodes[0], dict) and "args" in nodes[0]
    return is_keras3 and "module" not in entry and not {"trainable", "dtype", "layers"} & set(config)


def _inner_entries(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The serialized layers in the configuration of a wrapper, of an RNN or of a class of somebody's own."""
    for key, value in config.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("class_name"), str) and _is_layer(key, item):
                yield key, item


def _is_layer(key: str, entry: Mapping[str, Any]) -> bool:
    config = entry.get("config")
    if isinstance(config, dict):
        return key in _WRAPPED or "trainable" in config or isinstance(config.get("layers"), list)
    return key in _WRAPPED and isinstance(config, list)


def _config(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of a layer as an object; the bare list of an old Sequential becomes its `layers`."""
    config = entry.get("config")
    if isinstance(config, list):
        return {"layers": config}
    return config if isinstance(config, dict) else {}


def _flag_matters(layer: Layer) -> bool:
    """Whether a model whose own flag is not in the file holds frozen layers as well as trainable ones."""
    if not layer.is_container or layer.own_trainable is not None:
        return False
    return len({inner.own_trainable for inner in layer.walk() if not inner.is_container} - {None}) > 1


def _no_flag(layer: Layer) -> str:
    where = f"`{layer.path}`" if layer.path else "the model itself"
    return f"whether {where} was frozen as a whole: the file has no flag of it, and once loaded it is not"


def _apply_flags(root: Layer) -> None:
    """Sets the effective flags: a layer's own and those of everything above it."""
    below: dict[int, set[bool]] = {}
    layers = list(root.walk())
    for layer in reversed(layers):
        flags = set().union(*(below[id(child)] for child in layer.children))
        if not layer.is_container and layer.own_trainable is not None:
            flags = flags | {layer.own_trainable}
        below[id(layer)] = flags
    stack = [(root, True)]
    while stack:
        layer, above = stack.pop()
        own = layer.own_trainable
        if own is None and layer.is_container and below[id(layer)]:
            own = below[id(layer)] != {False}
        layer.effective_trainable = None if own is None and above else bool(own) and above
        passed_on = above if layer.effective_trainable is None else layer.effective_trainable
        stack.extend((child, passed_on) for child in layer.children)


def _shared_id(entry: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    found = entry.get("shared_object_id", config.get("shared_object_id"))
    return str(found) if isinstance(found, (int, str)) else None


def _shapes(value: object) -> tuple[_Shape | None, ...]:
    """One shape, or a list of shapes."""
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return tuple(_shape(item) for item in value)
    shape = _shape(value)
    return (shape,) if shape is not None else ()


def _shape(value: object) -> _Shape | None:
    if isinstance(value, list) and all(item is None or type(item) is int for item in value):
        return tuple(value)
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name
