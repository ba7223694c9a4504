"""In which mode the layers run when a model is called: what reaches them of `training`, by generation.

In Keras 2, and from Keras 3.16 on, the value wired at the innermost call counts. In Keras 3.0 to 3.15 a value that
the caller gives (`fit`: True, `predict`: False) replaces everything that is wired inside; where he gives none, a value
that is wired at one layer stays in force for the layers that run after it, until another one is wired.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Call, Layer, LayerKind, ModelGraph
from freezelint.keras.behaviour import Behaviour
from freezelint.keras.names import Kind

_SHARES_ITS_CALL = frozenset({Kind.WRAPPER, Kind.RECURRENT})
MAX_STEPS = 500_000
_MAX_DEPTH = 100


class Reach(Enum):
    """What a layer is told of `training` when it is called."""

    TRAINING = True
    INFERENCE = False
    NOTHING = None
    """No value at all: the layer's own default counts."""
    UNKNOWN = "unknown"
    """The call happens inside code that is not known."""


@dataclass(slots=True)
class Modes:
    """What the layers of one model do in one kind of call, by path.

    `training` and `inference` are the BatchNormalizations in that mode (one that is called twice may be in both),
    `random` the layers that draw random numbers, with the purpose; `unknown` are layers whose mode, or whose code, is
    not known.
    """

    training: list[str] = field(default_factory=list)
    inference: list[str] = field(default_factory=list)
    random: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def modes(model: ModelGraph, keras: Behaviour, given: bool | None) -> Modes:
    """The modes in `fit` (`given` is True), in `predict` (False), or in a plain `model(x)` (None)."""
    found = Modes()
    for layer, reached in reaching(model, keras, given):
        _judge(layer, reached, found)
    return found


def reaching(model: ModelGraph, keras: Behaviour, given: bool | None) -> list[tuple[Layer, frozenset[Reach]]]:
    """What of `training` reaches every layer of the tree, in its calls; layers that are never called are left out."""
    if model.root is None:
        return []
    walk = _Walk(model, keras)
    walk.visit(model.root, Reach(given))
    return [(layer, frozenset(walk.reached[id(layer)])) for layer in model.root.walk() if id(layer) in walk.reached]


class _Walk:
    """Follows calls inside models, each layer once for every value that reaches it."""

    def __init__(self, model: ModelGraph, keras: Behaviour) -> None:
        self.reached: dict[int, set[Reach]] = {}
        self._holds = keras.wired_training_holds
        self._stays = keras.call_default_leaks_training
        self._image_layers_too = keras.preprocessing_leaks_training
        self._calls: dict[str, list[Call]] = {}
        for call in model.calls:
            self._calls.setdefault(call.parent, []).append(call)
        self._ordered: dict[str, list[Call]] = {}
        self._passed: dict[tuple[int, Reach], Reach] = {}

    def visit(self, layer: Layer, reach: Reach) -> None:
        """Notes that `layer` is called with `reach`, and follows what that means for the layers in it."""
        if reach is Reach.NOTHING and self._stays:
            self._pass(layer, reach, 0)
        else:
            self._follow(layer, reach)

    def _pass(self, layer: Layer, reach: Reach, depth: int) -> Reach:
        """The same in Keras 3.0 to 3.15; returns what is in force after the call."""
        if reach is not Reach.NOTHING or not layer.is_container or depth > _MAX_DEPTH:
            self._follow(layer, reach)
            return reach
        key = (id(layer), reach)
        if key not in self._passed:
            self._passed[key] = reach
            self.reached.setdefault(id(layer), set()).add(reach)
            self._passed[key] = self._through(layer, depth)
        return self._passed[key]

    def _through(self, model: Layer, depth: int) -> Reach:
        """Runs through the calls in a model that was told nothing; returns what is in force at its end."""
        if model.kind is LayerKind.SUBCLASSED:
            for child in model.children:
                self._follow(child, Reach.UNKNOWN)
            return Reach.NOTHING
        children = {child.path: child for child in model.children}
        in_force = Reach.NOTHING
        for call in self._in_order(model):
            if call.layer not in children:
                continue
            child = children[call.layer]
            wired = Reach(call.training)
            if wired is Reach.NOTHING and model.kind is LayerKind.SEQUENTIAL:
                wired = self._default(child)
            if wired is not Reach.NOTHING:
                in_force = wired
            elif call.training_is_cleared:
                in_force = Reach.NOTHING
                if not child.is_container:
                    self._follow(child, Reach.INFERENCE)  # an explicit None switches a default of True off
                    continue
            in_force = self._pass(child, in_force, depth + 1)
        return in_force

    def _default(self, layer: Layer) -> Reach:
        """The default of `training` in a layer's `call`, which Keras 3 wires by itself."""
        known = layer_kinds.traits(layer)
        if known is None:
            return Reach.NOTHING
        if known.call_defaults_to_training and (known.is_augmentation or self._image_layers_too):
            return Reach.TRAINING
        return Reach.INFERENCE if known.kind in (Kind.DROPOUT, Kind.RECURRENT) else Reach.NOTHING

    def _in_order(self, model: Layer) -> list[Call]:
        """The calls of a model in the order in which Keras runs them: those farthest from the outputs first."""
        if model.path not in self._ordered:
            calls = self._calls.get(model.path, [])
            depths: dict[tuple[str, int], int] = {}
            for call in reversed(calls):
                own = depths.setdefault((call.layer, call.number), 0)
                for tensor in call.inputs:
                    key = (tensor.layer, tensor.call)
                    depths[key] = max(depths.get(key, 0), own + 1)
            by_depth = sorted(calls, key=lambda call: -depths[call.layer, call.number])
            self._ordered[model.path] = calls if model.kind is LayerKind.SEQUENTIAL else by_depth
        return self._ordered[model.path]

    def _follow(self, layer: Layer, reach: Reach) -> None:
        stack = [(layer, reach)]
        steps = 0
        while stack and steps < MAX_STEPS:
            steps += 1
            current, reached = stack.pop()
            known = self.reached.setdefault(id(current), set())
            if reached in known:
                continue
            known.add(reached)
            stack.extend(self._inside(current, reached))

    def _inside(self, layer: Layer, reached: Reach) -> list[tuple[Layer, Reach]]:
        if layer.kind is LayerKind.SEQUENTIAL:
            return [(child, reached) for child in layer.children]
        if layer.kind is LayerKind.FUNCTIONAL:
            children = {child.path: child for child in layer.children}
            calls = self._calls.get(layer.path, ())
            found = [(children[c.layer], self._meets(c, reached)) for c in calls if c.layer in children]
            called = {call.layer for call in calls}
            return found + [(child, Reach.UNKNOWN) for path, child in children.items() if path not in called]
        passes_on = _passes_on(layer)
        return [(child, reached if passes_on else Reach.UNKNOWN) for child in layer.children]

    def _meets(self, call: Call, reached: Reach) -> Reach:
        """What a layer is told whose call is wired with a value, when the model around it is told `reached`."""
        wired = Reach(call.training)
        if wired is Reach.NOTHING:
            return reached
        if call.training_is_artifact:
            return wired if reached is Reach.NOTHING else reached
        if self._holds or reached is Reach.NOTHING:
            return wired
        return reached


def _passes_on(layer: Layer) -> bool:
    """Whether a layer calls the layers inside it with what it is told itself."""
    known = layer_kinds.traits(layer)
    return known is not None and known.kind in _SHARES_ITS_CALL


def _judge(layer: Layer, reached: frozenset[Reach], found: Modes) -> None:
    known = layer_kinds.traits(layer)
    if layer_kinds.is_batchnorm(layer):
        if layer.own_trainable is False:
            found.inference.append(layer.path)
        else:
            if Reach.TRAINING in reached:
                found.training.append(layer.path)
            if reached & {Reach.INFERENCE, Reach.NOTHING}:
                found.inference.append(layer.path)
            if Reach.UNKNOWN in reached or layer.own_trainable is None:
                found.unknown.append(layer.path)
    elif known is not None and known.kind is Kind.AUGMENTATION:
        if reached & {Reach.TRAINING, Reach.NOTHING}:
            found.random[layer.path] = "augmentation"
        elif Reach.UNKNOWN in reached:
            found.unknown.append(layer.path)
    elif layer_kinds.is_dropout(layer):
        if Reach.TRAINING in reached:
            found.random[layer.path] = "noise" if layer.class_name == "GaussianNoise" else "dropout"
        elif Reach.UNKNOWN in reached:
            found.unknown.append(layer.path)
    elif _is_opaque(layer):
        found.unknown.append(layer.path or layer.name)


def _is_opaque(layer: Layer) -> bool:
    """Whether what a layer does cannot be known from its class and configuration."""
    if layer.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL, LayerKind.INPUT):
        return False
    if layer.kind is LayerKind.OPERATION:
        text = f"{layer.class_name} {layer.config.get('function', '')}".lower()
        return any(word in text for word in ("random", "dropout", "assign", "shuffle"))
    known = layer_kinds.traits(layer)
    return known is None or known.kind in (Kind.LAMBDA, Kind.FOREIGN) or known.class_name == "SpectralNormalization"
