"""What TensorFlow operations mean here: which normalise and how, which draw random numbers, which write state.

Keras 2 computes BatchNormalization with FusedBatchNorm operations where it can; Keras 3 never does, and Keras 2
not on two axes: then it is a reciprocal square root, of a variable in inference mode and of a variance over the
batch in training mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.model_graph import Mode
from freezelint.graph.saved_model import values
from freezelint.graph.saved_model.functions import Place
from freezelint.graph.saved_model.messages import Node, first_shape, flag, string
from freezelint.graph.saved_model.tensors import constant
from freezelint.graph.saved_model.values import CONSTANT, DEAD, UNKNOWN, Kind, Value, combined, derived, joined

FUSED = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx"})
GENERATORS = frozenset({
    "RngReadAndSkip", "RngSkip", "StatefulUniform", "StatefulUniformInt", "StatefulUniformFullInt",
    "StatefulStandardNormal", "StatefulStandardNormalV2", "StatefulTruncatedNormal",
})  # fmt: skip
_NORMAL = frozenset({
    "RandomStandardNormal", "TruncatedNormal", "ParameterizedTruncatedNormal", "StatelessRandomNormal",
    "StatelessRandomNormalV2", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2", "StatefulStandardNormal",
    "StatefulStandardNormalV2", "StatefulTruncatedNormal",
})  # fmt: skip
_UNIFORM = frozenset({
    "RandomUniform", "RandomUniformInt", "StatelessRandomUniform", "StatelessRandomUniformV2",
    "StatelessRandomUniformInt", "StatelessRandomUniformIntV2", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformFullIntV2", "StatefulUniform", "StatefulUniformInt", "StatefulUniformFullInt",
})  # fmt: skip
_OTHER_RANDOM = frozenset({
    "Multinomial", "StatelessMultinomial", "RandomShuffle", "StatelessShuffle", "RandomGamma", "RandomGammaGrad",
    "StatelessRandomGammaV2", "StatelessRandomGammaV3", "StatelessRandomBinomial", "StatefulRandomBinomial",
    "RandomPoisson", "RandomPoissonV2", "StatelessRandomPoisson", "RandomCrop", "SampleDistortedBoundingBox",
    "SampleDistortedBoundingBoxV2", "StatelessSampleDistortedBoundingBox",
})  # fmt: skip
_RANDOM = _NORMAL | _UNIFORM | _OTHER_RANDOM
_WRITES = frozenset({
    "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "Assign", "AssignAdd", "AssignSub",
    "ResourceScatterUpdate", "ResourceScatterAdd", "ResourceScatterSub", "ResourceScatterMul",
    "ResourceScatterNdUpdate", "ResourceScatterNdAdd", "ResourceScatterNdSub", "ScatterUpdate", "ScatterAdd",
    "ScatterSub", "ScatterNdUpdate", "ResourceStridedSliceAssign", "LookupTableInsert", "LookupTableInsertV2",
    "LookupTableRemoveV2", "ResourceCountUpTo", "CountUpTo",
})  # fmt: skip
_SAME = frozenset({
    "Identity", "Cast", "Squeeze", "Reshape", "ExpandDims", "BroadcastTo", "Snapshot", "StopGradient",
    "PreventGradient", "CheckNumerics", "EnsureShape", "Enter", "RefEnter", "Exit", "RefExit", "NextIteration",
    "Tile", "PlaceholderWithDefault", "IdentityN", "Transpose", "DeepCopy", "RefIdentity", "LoopCond",
})  # fmt: skip
_COMPARISONS = frozenset({"Greater", "GreaterEqual", "Less", "LessEqual"})
_ROUNDING = frozenset({"Floor", "Round", "Rint", "Ceil", "Sign"})
_LOGIC = frozenset({"LogicalAnd", "LogicalOr", "LogicalNot"})
_IMAGE = frozenset({
    "ImageProjectiveTransformV2", "ImageProjectiveTransformV3", "AdjustContrast", "AdjustContrastv2", "AdjustHue",
    "AdjustSaturation", "CropAndResize", "ReverseV2", "Roll", "Slice", "StridedSlice", "ResizeBilinear",
    "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea", "ScaleAndTranslate", "GatherV2", "MirrorPad",
})  # fmt: skip
_SHAPES = frozenset({"Shape", "ShapeN", "Rank", "Size"})
_RANDOM_KINDS = frozenset({Kind.UNIFORM, Kind.NORMAL, Kind.SHIFTED_NORMAL, Kind.MASK})
_REDUCTIONS = frozenset({"Mean", "Sum"})


class Normalization(NamedTuple):
    """A BatchNormalization among the operations; `variables` are the keys of those it normalises with."""

    scope: str
    operation: str
    mode: Mode
    variables: tuple[int | str, ...]
    statistics: tuple[int | str, ...]


@dataclass(slots=True)
class Draw:
    """A random operation; `purpose` is None until something shows what the numbers are for."""

    scope: str
    operation: str
    purpose: str | None = None
    is_seed: bool = False


class Write(NamedTuple):
    """A variable that is assigned; `is_statistic` if it gets a mean or variance over the batch."""

    scope: str
    operation: str
    variable: int | str | None
    is_statistic: bool


@dataclass(slots=True)
class Operations:
    """The domain that recognises operations and records them; `variable_named` turns a shared name into a key."""

    variable_named: Callable[[str], int | str]
    unknown: Value = UNKNOWN
    dead: Value = DEAD
    normalizations: dict[str, Normalization] = field(default_factory=dict)
    draws: dict[str, Draw] = field(default_factory=dict)
    writes: dict[str, Write] = field(default_factory=dict)
    reads: dict[str, int | str] = field(default_factory=dict)
    undecided: dict[str, None] = field(default_factory=dict)
    """Scopes of normalisations of which it cannot be told whether they reach over the batch."""
    switched: dict[str, None] = field(default_factory=dict)
    """Scopes of branches that an input or a variable of the model switches."""

    def join(self, first: Value, second: Value) -> Value:
        """One value that stands for either."""
        return joined(first, second)

    def known(self, value: Value) -> int | None:
        """The number a constant scalar has."""
        if value.kind is Kind.CONSTANT and value.numbers is not None and len(value.numbers) == 1:
            return int(value.numbers[0])
        return None

    def branching_on(self, value: Value, scope: str) -> bool:
        """Whether an input of the model, or a variable, is the predicate. A random one means an augmentation."""
        self._purpose(value.draws, "augmentation")
        is_switch = value.kind in (Kind.INPUT, Kind.STORED)
        if is_switch:
            self.switched[scope] = None
        return is_switch

    def apply(self, node: Node, operands: Sequence[Value], place: Place) -> tuple[Value, ...]:
        """The outputs of an operation, and a record of what it does."""
        given = tuple(operands)
        operation = node.operation
        if operation in FUSED or operation == "BatchNormWithGlobalNormalization":
            return self._fused(node, given, place)
        if operation in _RANDOM or operation in GENERATORS:
            return (self._random(operation, given, place),)
        if operation in _WRITES:
            return (self._write(operation, given, place),)
        if operation in _SOURCES:
            return (self._source(node, given),)
        if not given:
            return (UNKNOWN,)
        if operation == "ReadVariableOp" or (operation in _SAME and given[0].kind is Kind.HANDLE):
            return (self._read(given[0], place, operation),)
        if operation in _SAME:
            return (given[0],) if operation != "IdentityN" else given
        if len(given) == 2 and operation in values.ARITHMETIC:
            return (self._arithmetic(operation, given[0], given[1], place),)
        return (self._function_of(node, given, place),)

    def _source(self, node: Node, given: tuple[Value, ...]) -> Value:
        """A tensor that is not computed from other data."""
        if node.operation == "Const":
            attribute = node.attributes.get("value")
            return Value(Kind.CONSTANT, numbers=constant(attribute) if attribute is not None else None)
        if node.operation == "Fill":
            return Value(Kind.FILL, numbers=given[1].numbers if len(given) > 1 else None)
        if node.operation in ("ZerosLike", "OnesLike"):
            return Value(Kind.FILL, numbers=(float(node.operation == "OnesLike"),))
        if node.operation == "Placeholder":
            return values.GIVEN
        shared = node.attributes.get("shared_name")
        name = (string(shared) if shared is not None else None) or node.name
        kind = Kind.HANDLE if node.operation == "VarHandleOp" else Kind.STORED
        return Value(kind, variable=self.variable_named(name))

    def _read(self, handle: Value, place: Place, operation: str) -> Value:
        if handle.kind is not Kind.HANDLE or operation != "ReadVariableOp":
            return handle
        if handle.variable is not None:
            self.reads[place.scope] = handle.variable
        return handle._replace(kind=Kind.STORED)

    def _arithmetic(self, operation: str, first: Value, second: Value, place: Place) -> Value:
        if operation in values.QUOTIENTS and second.kind is Kind.DEVIATION and first.fed:
            self._normalize(operation, second, place)
        for random, data in ((first, second), (second, first)):
            if data.is_constant or data.kind in _RANDOM_KINDS:
                continue
            if operation in values.PRODUCTS and random.kind in (Kind.MASK, Kind.SHIFTED_NORMAL):
                return self._resolved((first, second), random.draws, "dropout")
            if random.kind is Kind.UNIFORM and data.fed:
                return self._resolved((first, second), random.draws, "augmentation")
            if operation in values.SUMS and random.kind is Kind.NORMAL and data.fed:
                return self._resolved((first, second), random.draws, "noise")
        return combined(operation, first, second)

    def _function_of(self, node: Node, given: tuple[Value, ...], place: Place) -> Value:
        """The value of an operation of one main operand, or of many."""
        operation, first = node.operation, given[0]
        if operation in _REDUCTIONS and len(given) == 2:
            return self._reduction(node, first, given[1])
        if operation in ("Square", "SquaredDifference"):
            if operation == "Square" and first.kind is Kind.MEAN and first.over_batch is not False:
                return first  # the second half of a variance that is computed as E[x²] - E[x]²
            fed = any(value.fed for value in given)
            return derived(given, Kind.SQUARE) if fed else derived(given)
        if operation == "Rsqrt" or (operation == "Pow" and len(given) == 2 and given[1].numbers == (-0.5,)):
            self._normalize(operation, first, place)
            return derived(given)
        if operation == "Sqrt" and first.kind is Kind.VARIANCE:
            return first._replace(kind=Kind.DEVIATION)
        if operation in _LOGIC and all(value.numbers is not None and value.is_constant for value in given):
            return CONSTANT._replace(numbers=(float(_logic(operation, given)),))
        if operation in _SHAPES:
            return derived(given)._replace(draws=frozenset())
        if operation == "LogicalNot" and first.kind in (Kind.INPUT, Kind.STORED):
            return first
        if operation in _COMPARISONS or operation in _ROUNDING or operation in _LOGIC:
            is_mask = any(value.kind in (Kind.UNIFORM, Kind.MASK) for value in given)
            return derived(given, Kind.MASK if is_mask else Kind.OTHER)
        if operation in ("Select", "SelectV2") and len(given) == 3:
            return self._select(given)
        if operation in _IMAGE and not first.is_constant:
            steering = frozenset[str]().union(*(value.draws for value in given[1:]))
            if steering:
                return self._resolved(given, steering, "augmentation")
        if all(value.is_constant for value in given):
            return CONSTANT
        return derived(given)

    def _select(self, given: tuple[Value, ...]) -> Value:
        condition, kept, other = given
        if condition.draws:
            against_constant = kept.is_constant or other.is_constant
            return self._resolved(given, condition.draws, "dropout" if against_constant else "augmentation")
        if kept.is_statistic or other.is_statistic:
            return kept if kept.is_statistic else other
        return derived(given)

    def _reduction(self, node: Node, reduced: Value, axes: Value) -> Value:
        """A mean or sum: over the batch if axis 0 is among the axes and some axis is left."""
        if not reduced.fed:
            return derived((reduced,))
        if node.operation == "Sum":
            kind = Kind.SUM_OF_SQUARES if reduced.kind is Kind.SQUARE else Kind.SUM
        else:
            kind = Kind.VARIANCE if reduced.kind is Kind.SQUARE else Kind.MEAN
        return derived((reduced,), kind)._replace(over_batch=_over_batch(node, axes))

    def _normalize(self, operation: str, divisor: Value, place: Place) -> None:
        """Note a normalisation by `divisor`, unless it is a local one (LayerNormalization and the like)."""
        if place.muted:
            return
        if divisor.kind is Kind.STORED and divisor.variable is not None:
            found = (divisor.variable,)
            self.normalizations[place.key] = Normalization(place.scope, operation, Mode.INFERENCE, found, found)
        elif divisor.kind in (Kind.VARIANCE, Kind.DEVIATION):
            if divisor.over_batch is None:
                self.undecided[place.scope] = None
            elif divisor.over_batch:
                self.normalizations[place.key] = Normalization(place.scope, operation, Mode.TRAINING, (), ())

    def _fused(self, node: Node, given: tuple[Value, ...], place: Place) -> tuple[Value, ...]:
        """A fused batch normalisation. An absent `is_training` is true: the writer strips defaults."""
        attribute = node.attributes.get("is_training")
        training = attribute is None or flag(attribute) is not False
        if node.operation not in FUSED:
            training = False
        used = tuple(value.variable for value in given[1:5] if value.variable is not None)
        statistics = tuple(value.variable for value in given[3:5] if value.variable is not None)
        over_samples = training and not used and len(given) > 1 and given[1].kind is Kind.FILL
        if not over_samples and not place.muted:
            mode = Mode.TRAINING if training else Mode.INFERENCE
            self.normalizations[place.key] = Normalization(place.scope, node.operation, mode, used, statistics)
        result = derived(given)
        if not training:
            return (result,)
        moment = result._replace(over_batch=not over_samples, draws=frozenset())
        return (result, moment._replace(kind=Kind.MEAN), moment._replace(kind=Kind.VARIANCE), UNKNOWN)

    def _random(self, operation: str, given: tuple[Value, ...], place: Place) -> Value:
        if operation.startswith("Stateless"):
            for value in given[1:3]:
                self._seeds(value.draws)
        if operation in GENERATORS and given and given[0].kind is Kind.HANDLE and not place.muted:
            self.writes[place.key] = Write(place.scope, operation, given[0].variable, False)
        if operation not in _RANDOM:
            return derived(given)._replace(draws=frozenset())
        if not place.muted:
            self.draws.setdefault(place.key, Draw(place.scope, operation))
        kind = Kind.NORMAL if operation in _NORMAL else Kind.UNIFORM if operation in _UNIFORM else Kind.OTHER
        return Value(kind, draws=frozenset({place.key}))

    def _write(self, operation: str, given: tuple[Value, ...], place: Place) -> Value:
        target = given[0].variable if given else None
        statistic = any(value.is_statistic and value.over_batch is not False for value in given[1:])
        if not place.muted:
            self.writes[place.key] = Write(place.scope, operation, target, statistic)
        return given[0] if given else UNKNOWN

    def _seeds(self, names: frozenset[str]) -> None:
        for name in names:
            if name in self.draws:
                self.draws[name].is_seed = True

    def _resolved(self, given: tuple[Value, ...], names: frozenset[str], purpose: str) -> Value:
        self._purpose(names, purpose)
        result = derived(given)
        return result._replace(draws=result.draws - names)

    def _purpose(self, names: frozenset[str], purpose: str) -> None:
        for name in names:
            if name in self.draws and self.draws[name].purpose is None:
                self.draws[name].purpose = purpose


_SOURCES = frozenset({
    "Const", "Fill", "ZerosLike", "OnesLike", "Placeholder", "VarHandleOp", "VariableV2", "Variable",
})  # fmt: skip


def _logic(operation: str, given: tuple[Value, ...]) -> bool:
    truths = [bool((value.numbers or (0,))[0]) for value in given]
    if operation == "LogicalNot":
        return not truths[0]
    return all(truths) if operation == "LogicalAnd" else any(truths)


def _over_batch(node: Node, axes: Value) -> bool | None:
    if axes.numbers is None:
        return None
    reduced = {int(axis) for axis in axes.numbers}
    rank = _rank_before(node, len(reduced))
    if rank is not None:
        reduced = {axis + rank if axis < 0 else axis for axis in reduced}
        return 0 in reduced and len(reduced) < rank
    return 0 in reduced


def _rank_before(node: Node, reduced: int) -> int | None:
    attribute = node.attributes.get("_output_shapes")
    after = first_shape(attribute) if attribute is not None else None
    if after is None:
        return None
    keeps = node.attributes.get("keep_dims")
    return len(after) if keeps is not None and flag(keeps) else len(after) + reduced
