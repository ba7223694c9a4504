"""The layer tree of a SavedModel: from Keras 2 objects, with or without their metadata, or from variable names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from freezelint.graph import embedded_code
from freezelint.graph.layer_kinds import STATISTICS
from freezelint.graph.model_graph import Layer, LayerKind, Weight
from freezelint.graph.saved_model.metadata import Metadata
from freezelint.graph.saved_model.objects import ObjectGraph, ObjectNode, Variable
from freezelint.graph.saved_model.wire import Budget

MAX_LAYERS = 20_000
MAX_DEPTH = 60

_KINDS = {
    "_tf_keras_network": LayerKind.FUNCTIONAL,
    "_tf_keras_sequential": LayerKind.SEQUENTIAL,
    "_tf_keras_model": LayerKind.SUBCLASSED,
    "_tf_keras_input_layer": LayerKind.INPUT,
}
_OPERATION_CLASSES = frozenset({
    "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer",
})  # fmt: skip
_NOT_A_LAYER = frozenset({"_tf_keras_metric"})
_NOT_PARTS = frozenset({
    "variables", "trainable_variables", "non_trainable_variables", "regularization_losses", "keras_api", "__call__",
    "call_and_return_all_conditional_losses", "call_and_return_conditional_losses", "_default_save_signature",
    "signatures", "optimizer", "_optimizer", "compiled_loss", "compiled_metrics", "loss_tracker",
})  # fmt: skip
_TRACE_NAME = re.compile(r"^__inference_(.+)_layer_call_(?:fn|and_return_conditional_losses)_\d+$")
_COPY = re.compile(r"(?:_\d+)?(?::\d+)?$")


@dataclass(slots=True)
class Tree:
    """A layer tree, and what was noticed while it was put together.

    `variables` has the object numbers of the variables that a layer itself holds, by its `shared_id`.
    """

    root: Layer
    variables: dict[str, list[int]] = field(default_factory=dict)
    embedded_code: list[str] = field(default_factory=list)
    inconsistencies: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


class ObjectTree:
    """Builds the tree of Keras 2 objects. `trains` are the object numbers of the variables that train, if known."""

    def __init__(self, graph: ObjectGraph, metadata: Metadata, trains: frozenset[int] | None, budget: Budget) -> None:
        self._budget = budget
        self._graph = graph
        self._metadata = metadata
        self._trains = trains
        self._count = 0
        self._held: dict[str, list[int]] = {}

    def build(self) -> Tree:
        """The tree below object 0, with own and effective flags."""
        root = self._layer(0, "", "", frozenset())
        tree = Tree(root, self._held)
        set_effective_flags(root)
        for layer in root.walk():
            if embedded_code.is_embedded(layer.class_name, layer.config):
                tree.embedded_code.append(layer.path or layer.name)
        if self._count >= MAX_LAYERS:
            tree.gaps.append(f"the model has more than {MAX_LAYERS} layers: the rest was not read")
        return tree

    def _layer(self, number: int, above: str, attribute: str, ancestors: frozenset[int]) -> Layer:
        node = self._graph.nodes[number]
        entry = self._metadata.entries.get(number)
        facts: Mapping[str, Any] = entry.facts if entry is not None else {}
        name = _text(facts.get("name")) or self._traced_name(node) or attribute or "model"
        class_name = _text(facts.get("class_name")) or ""
        config = facts.get("config")
        layer = Layer(
            path=f"{above}/{name}" if above else name,
            name=name,
            class_name=class_name.rpartition(">")[2],
            kind=_kind(node.identifier, class_name),
            registered_name=class_name if ">" in class_name else None,
            own_trainable=facts["trainable"] if isinstance(facts.get("trainable"), bool) else None,
            config=dict(config) if isinstance(config, Mapping) else {},
            shared_id=str(number),
        )
        if number == 0:
            layer.path = ""
        build_shape = facts.get("build_input_shape")
        if build_shape is not None:
            layer.config.setdefault("build_input_shape", build_shape)
        self._count += 1
        below = ancestors | {number}
        taken: dict[str, int] = {}
        held = self._held[str(number)] = []
        for place, child, part in self._parts(number):
            if part.variable is not None:
                layer.weights.append(self._weight(place, part.variable))
                held.append(child)
            elif child not in below and len(below) < MAX_DEPTH and self._count < MAX_LAYERS:
                inner = self._layer(child, layer.path, place, below)
                _make_unique(inner, taken)
                layer.children.append(inner)
        if layer.kind is LayerKind.LAYER and layer.children:
            layer.kind = LayerKind.WRAPPER
        if entry is None:
            self._infer(number, layer)
        return layer

    def _parts(self, number: int) -> Iterator[tuple[str, int, ObjectNode]]:
        """The variables and layers that belong to an object, also those in its lists and dictionaries, each once."""
        seen = {number}
        stack = [(name, child) for name, child in reversed(self._graph.nodes[number].children.items())]
        while stack:
            self._budget.step()
            name, child = stack.pop()
            node = self._graph.node(child)
            if node is None or child in seen or name in _NOT_PARTS or node.identifier in _NOT_A_LAYER:
                continue
            seen.add(child)
            if node.variable is not None or node.is_keras_2:
                yield name, child, node
            elif not node.functions and not node.identifier.startswith("optimizer"):
                stack.extend((f"{name}_{inner}", below) for inner, below in reversed(node.children.items()))

    def _weight(self, place: str, variable: Variable) -> Weight:
        trains = variable.node in self._trains if self._trains is not None else None
        return Weight(variable.name, variable.shape, variable.dtype, place, trains)

    def _traced_name(self, node: ObjectNode) -> str | None:
        """The layer's name as the names of its traced functions have it."""
        for attribute in ("call_and_return_all_conditional_losses", "__call__"):
            traced = self._graph.node(node.children.get(attribute, -1))
            for function in traced.functions if traced is not None else ():
                match = _TRACE_NAME.match(function)
                if match:
                    return match.group(1)
        return None

    def _infer(self, number: int, layer: Layer) -> None:
        """Class and flag of a layer without metadata, as far as its variables and its own lists say them."""
        roles = {weight.role for weight in layer.weights}
        layer.class_name = layer.class_name or _class_from_roles(roles, layer.kind)
        own = self._graph.variables_in_list(number, "variables")
        training = self._graph.variables_in_list(number, "trainable_variables")
        if own is None or training is None or not any(variable.created_trainable for variable in own):
            return
        if training:
            layer.own_trainable = True
        elif not layer.children or any(child.own_trainable for child in layer.children):
            layer.own_trainable = False


def tree_from_names(variables: list[Variable], trains: frozenset[int] | None) -> Tree:
    """A flat tree of the layers that variable names (`base_bn/gamma`) tell of. Flags are those of the variables."""
    root = Layer(path="", name="", class_name="", kind=LayerKind.SUBCLASSED)
    tree = Tree(root)
    layers: dict[str, Layer] = {}
    for variable in variables:
        path, _, leaf = variable.name.rpartition("/")
        if not path:
            continue
        layer = layers.get(path)
        if layer is None:
            layer = layers[path] = Layer(path, path.rpartition("/")[2], "", LayerKind.LAYER, shared_id=path)
            root.children.append(layer)
        tree.variables.setdefault(path, []).append(variable.node)
        trains_now = variable.node in trains if trains is not None else None
        layer.weights.append(Weight(variable.name, variable.shape, variable.dtype, _COPY.sub("", leaf), trains_now))
        if trains is not None and variable.created_trainable:
            layer.effective_trainable = bool(layer.effective_trainable) or bool(trains_now)
    for layer in root.children:
        layer.class_name = _class_from_roles({weight.role for weight in layer.weights}, layer.kind)
    mixed = [layer for layer in root.children if _is_several_layers(layer)]
    for layer in mixed:
        root.weights.extend(layer.weights)
        tree.variables.pop(layer.path, None)
    root.children = [layer for layer in root.children if layer not in mixed]
    return tree


def _is_several_layers(layer: Layer) -> bool:
    """Whether weights of one name prefix cannot be one layer's: a model's own name, or a generator of seeds."""
    roles = [weight.role for weight in layer.weights]
    repeated = len(set(roles)) < len(roles)
    return repeated or ("kernel" in roles and STATISTICS.issubset(roles)) or set(roles) == {"seed_generator_state"}


def overlay(config_root: Layer, objects: Layer) -> list[str]:
    """Puts flags, weights and inner layers of the object tree into the tree of the model configuration.

    Returns what disagrees. The configuration has the calls and so decides on paths; the objects are what was
    saved and so decide on flags.
    """
    disagreements: list[str] = []
    for layer in config_root.walk():
        layer.shared_id = None
    stack = [(config_root, objects)]
    while stack:
        layer, found = stack.pop()
        if None not in (layer.own_trainable, found.own_trainable) and layer.own_trainable != found.own_trainable:
            disagreements.append(
                f"{layer.path or layer.name!r}: the model configuration says trainable={layer.own_trainable}, its"
                f" own metadata trainable={found.own_trainable}"
            )
        if found.own_trainable is not None:
            layer.own_trainable = found.own_trainable
        layer.weights = found.weights
        layer.shared_id = found.shared_id
        if "build_input_shape" in found.config:
            layer.config.setdefault("build_input_shape", found.config["build_input_shape"])
        if layer.kind not in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL):
            layer.children = _matching_children(layer, found)
            stack.extend(zip(layer.children, found.children, strict=False))
            continue
        by_path = {child.path: child for child in found.children}
        stack.extend((child, by_path.pop(child.path)) for child in layer.children if child.path in by_path)
        layer.children.extend(child for child in by_path.values() if _holds_weights(child))
    set_effective_flags(config_root)
    return disagreements


def _matching_children(layer: Layer, found: Layer) -> list[Layer]:
    """The object's inner layers; where the configuration knows one as a container, its own tree is kept."""
    known = {child.path: child for child in layer.children if child.is_container}
    return [known.get(child.path, child) for child in found.children]


def _holds_weights(layer: Layer) -> bool:
    return any(part.weights for part in layer.walk())


def set_effective_flags(root: Layer) -> None:
    """A layer's effective flag is its own and those of everything above it."""
    stack = [(root, True)]
    while stack:
        layer, above = stack.pop()
        own = layer.own_trainable
        layer.effective_trainable = (None if above else False) if own is None else own and above
        stack.extend((child, above and own is not False) for child in layer.children)


def _make_unique(layer: Layer, taken: dict[str, int]) -> None:
    """Tells layers of one name below one parent apart, as `name` and `name#2`."""
    count = taken[layer.name] = taken.get(layer.name, 0) + 1
    if count == 1:
        return
    old = layer.path
    for part in layer.walk():
        part.path = f"{old}#{count}{part.path[len(old) :]}"


def _class_from_roles(roles: set[str | None], kind: LayerKind) -> str:
    if roles >= STATISTICS:
        return "BatchNormalization"
    by_kind = {LayerKind.FUNCTIONAL: "Functional", LayerKind.SEQUENTIAL: "Sequential", LayerKind.INPUT: "InputLayer"}
    return by_kind.get(kind, "Layer")


def _kind(identifier: str, class_name: str) -> LayerKind:
    if class_name in _OPERATION_CLASSES:
        return LayerKind.OPERATION
    return _KINDS.get(identifier, LayerKind.LAYER)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
