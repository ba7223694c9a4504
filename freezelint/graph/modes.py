"""In which mode the layers run when a model is called: what reaches them of `training`, by generation.

In Keras 2, and from Keras 3.16 on, the value wired at the innermost call counts; in Keras 3.0 to 3.15 a value that
the caller gives (`fit`: True, `predict`: False) replaces everything that is wired inside.
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
    def __init__(self, model: ModelGraph, keras: Behaviour) -> None:
        self.reached: dict[int, set[Reach]] = {}
        self._holds = keras.wired_training_holds
        self._calls: dict[str, list[Call]] = {}
        for call in model.calls:
            self._calls.setdefault(call.parent, []).append(call)

    def visit(self, layer: Layer, reach: Reach) -> None:
        """Notes that `layer` is called with `reach`, and follows what that means for the layers in it."""
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
