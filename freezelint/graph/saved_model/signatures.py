"""What a signature (or a Keras 2 training trace) does: its operations, told apart by purpose and layer."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import NamedTuple

from freezelint.graph.model_graph import BatchNormCall, Mode, RandomOperation, Signature, StateWrite
from freezelint.graph.saved_model.functions import Interpreter, Library, enclosing
from freezelint.graph.saved_model.messages import Nodes, Shape, SignatureDef, called_functions, producer
from freezelint.graph.saved_model.operations import GENERATORS, Normalization, Operations, Write
from freezelint.graph.saved_model.places import Places, layer_scope
from freezelint.graph.saved_model.values import CONSTANT, GIVEN, Kind, Value
from freezelint.graph.saved_model.variables import Variables
from freezelint.graph.saved_model.wire import Budget

_STATISTIC_NAME = re.compile(
    r"(?:^|[/_.])(?:moving|running|renorm|pop|population)_\w+|(?:^|/)(?:moving_)?(?:mean|variance|var)$"
)
_COUNTER = re.compile(r"(?:_\d+)?(?::\d+)?$")
_SEED_NAME = re.compile(r"seed_generator|seed_state|rng_state|random_state|(?:^|/)StateVar", re.IGNORECASE)
_RANDOM_IMAGE = re.compile(
    r"random_(?:flip|rotat|zoom|contrast|brightness|crop|transl|height|width|shear|hue|satur|jpeg)", re.IGNORECASE
)
_SCOPE_PURPOSE = (
    (re.compile(r"drop_?out|drop_?path|drop_?connect|stochastic_?depth", re.IGNORECASE), "dropout"),
    (re.compile(r"augment", re.IGNORECASE), "augmentation"),
    (re.compile(r"noise", re.IGNORECASE), "noise"),
)
_CLASS_PURPOSE = (
    (re.compile(r"^(?:\w*Dropout\w*|StochasticDepth|DropPath|LSTM|GRU|SimpleRNN|\w*Cell|Bidirectional|RNN|"
                r"MultiHeadAttention|Attention|AdditiveAttention)$"), "dropout"),
    (re.compile(r"^\w*Noise$"), "noise"),
    (re.compile(r"^(?:Random\w+|\w*Augment\w*|MixUp|CutMix|AutoContrast|Solarization|Equalization)$"), "augmentation"),
)  # fmt: skip


class Reading(NamedTuple):
    """What was found in one computation, and what could not be told."""

    signature: Signature
    gaps: tuple[str, ...]
    missing: tuple[str, ...]


class Walker(NamedTuple):
    """Follows signatures and traces of one model and says what they do."""

    nodes: Nodes
    library: Library
    variables: Variables
    places: Places
    budget: Budget
    followed: dict[Hashable, tuple[Operations, Interpreter[Value]]]
    """What was found behind the outputs of the signatures so far, by what computes them."""

    def signature(self, wanted: SignatureDef) -> Reading:
        """What running the signature does, from its outputs back."""
        tensors = tuple(info.tensor for info in wanted.outputs.values() if info.tensor)
        given = {info.tensor.split(":")[0]: GIVEN for info in wanted.inputs.values()}
        computed_by = self._called(tensors, given) or (tensors, *given)
        if computed_by not in self.followed:
            operations = Operations(self.variables.key_of_shared_name)
            interpreter = Interpreter(self.library, operations, self.budget, self._bound)
            interpreter.graph(self.nodes, tensors, given)
            self.followed[computed_by] = operations, interpreter
        inputs = {name: info.shape for name, info in wanted.inputs.items()}
        outputs = {name: info.shape for name, info in wanted.outputs.items()}
        return self._reading(wanted.name, *self.followed[computed_by], inputs, outputs)

    def _called(self, tensors: Iterable[str], given: Collection[str]) -> Hashable:
        """The function that computes some tensors of the main graph, with its arguments, if that is all there is to it.

        Keras 3 exports what it serves under two names, each with a function of its own around the model.
        """
        calls = [self.nodes.get(name) for name in {producer(tensor) for tensor in tensors}]
        names = [
            name for call in calls if call and "f" in call.attributes for name in called_functions(call.attributes["f"])
        ]
        body = self.library.get(names[0]) if len(calls) == len(names) == 1 else None
        if body is None or calls[0] is None:
            return None
        operands = tuple("" if one.producer in given else one.written for one in calls[0].operands)
        called = (body.arguments, body.outputs, body.controls, body.nodes.written(), self.variables.bound(names[0]))
        return calls[0].operation, operands, called

    def trace(self, name: str, function: str) -> Reading:
        """What calling one concrete function does; `name` is what the trace is called for people."""
        operations = Operations(self.variables.key_of_shared_name)
        interpreter = Interpreter(self.library, operations, self.budget, self._bound)
        body = self.library.get(function)
        count = len(body.arguments) if body is not None else 0
        captured = len(self.variables.bound(function))
        interpreter.call(function, [GIVEN] * (count - captured) + [CONSTANT] * captured)
        return self._reading(name, operations, interpreter, {}, {})

    def _bound(self, function: str) -> tuple[Value | None, ...]:
        keys = self.variables.bound(function)
        return tuple(Value(Kind.HANDLE, variable=key) if key is not None else None for key in keys)

    def _reading(
        self,
        name: str,
        operations: Operations,
        interpreter: Interpreter[Value],
        inputs: dict[str, Shape | None],
        outputs: dict[str, Shape | None],
    ) -> Reading:
        writes = tuple(operations.writes.values())
        found = [(one, self._layer_of(one, operations)) for one in operations.normalizations.values()]
        gaps = tuple(_gaps(operations, interpreter))
        signature = Signature(
            name=name,
            inputs=inputs,
            outputs=outputs,
            batchnorms=tuple(self._batchnorm(one, layer, writes) for one, layer in found),
            random=tuple(self._random(operations)),
            writes=tuple(self._write(write, found) for write in writes),
            undecided=(*gaps, *(f"{missing!r}, which it needs, is not there" for missing in interpreter.missing)),
        )
        return Reading(signature, tuple(f"{name}: {gap}" for gap in gaps), tuple(interpreter.missing))

    def _batchnorm(self, found: Normalization, layer: str | None, writes: Sequence[Write]) -> BatchNormCall:
        return BatchNormCall(
            scope=found.scope,
            mode=found.mode,
            layer=layer,
            operation=found.operation,
            updates_statistics=any(self._explains(found, layer, write) for write in writes),
        )

    def _layer_of(self, found: Normalization, operations: Operations) -> str | None:
        for key in found.variables:
            place = self.places.of_variable(key)
            if place is not None:
                return place
        place = self.places.of_scope(found.scope)
        if place is not None:
            return place
        within = layer_scope(found.scope)
        if within:
            for scope, key in operations.reads.items():
                if scope.startswith(within + "/") and self.places.of_variable(key) is not None:
                    return self.places.of_variable(key)
        return None

    def _random(self, operations: Operations) -> list[RandomOperation]:
        found = []
        for draw in operations.draws.values():
            if draw.is_seed:
                continue
            layer = self.places.of_scope(draw.scope)
            by_class = _first_match(_CLASS_PURPOSE, self.places.class_of(layer))
            is_image = _RANDOM_IMAGE.search(draw.scope) is not None
            by_use = "augmentation" if is_image else draw.purpose
            purpose = by_class or by_use or _first_match(_SCOPE_PURPOSE, draw.scope) or "unknown"
            found.append(RandomOperation(draw.scope, draw.operation, purpose, layer))
        return found

    def _write(self, write: Write, normalizations: Sequence[tuple[Normalization, str | None]]) -> StateWrite:
        name = self.variables.name(write.variable)
        if write.operation in GENERATORS or _SEED_NAME.search(name):
            return StateWrite(write.scope, name, "seed")
        explained = any(self._explains(found, layer, write) for found, layer in normalizations)
        return StateWrite(write.scope, name, "batchnorm" if explained else "other")

    def _explains(self, found: Normalization, layer: str | None, write: Write) -> bool:
        """Whether a write is the update of a normalisation's own statistics."""
        if found.mode is not Mode.TRAINING or write.variable is None:
            return False
        if write.variable in found.statistics:
            return True
        if not write.is_statistic and not _STATISTIC_NAME.search(_COUNTER.sub("", self.variables.name(write.variable))):
            return False
        home = self.places.of_variable(write.variable)
        if home is not None and layer is not None:
            return home == layer
        within = layer_scope(found.scope)
        return not within or enclosing(write.scope) == within or write.scope.startswith(within + "/")


def _gaps(operations: Operations, interpreter: Interpreter[Value]) -> list[str]:
    gaps = []
    if operations.undecided:
        gaps.append(
            f"of {len(operations.undecided)} normalisation(s), such as {next(iter(operations.undecided))!r},"
            " it cannot be told whether they reach over the batch"
        )
    if operations.switched:
        gaps.append(
            f"an input or a stored variable chooses what runs at {next(iter(operations.switched))!r}"
            " (training or inference, perhaps); what is behind that choice was not judged"
        )
    if interpreter.too_deep:
        gaps.append("functions are nested too deeply; what is further inside was not followed")
    return gaps


def _first_match(table: Sequence[tuple[re.Pattern[str], str]], text: str) -> str | None:
    return next((purpose for pattern, purpose in table if text and pattern.search(text)), None)
