"""The TensorFlow messages of a SavedModel that matter here, as small records over the wire reader.

Field numbers are those of tensorflow/core/{framework,protobuf}/*.proto; they are fixed by the format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.saved_model.wire import Budget, Buffer, Malformed, Message, signed, spans, text

MAX_INPUTS = 65_536

Shape = tuple[int | None, ...]
Span = tuple[int, int]
"""Where a message begins and ends in the buffer."""

_ATTRIBUTES = frozenset({
    b"is_training", b"value", b"shared_name", b"keep_dims",
    b"f", b"then_branch", b"else_branch", b"cond", b"body", b"branches", b"func", b"predicate",
})  # fmt: skip
_ATTRIBUTES_OF: dict[str, frozenset[bytes]] = {
    **dict.fromkeys(("Mean", "Sum"), _ATTRIBUTES | {b"_output_shapes"}),
    **dict.fromkeys(("VarHandleOp", "VariableV2", "Variable"), _ATTRIBUTES | {b"shape", b"dtype"}),
    **dict.fromkeys((
        "AddV2", "AssignVariableOp", "BiasAdd", "Conv2D", "DepthwiseConv2dNative", "Identity", "IdentityN", "MatMul",
        "Mul", "NoOp", "Pack", "ReadVariableOp", "Relu", "Relu6", "Reshape", "Rsqrt", "Shape", "Sigmoid", "Softmax",
        "Squeeze", "StridedSlice", "Sub",
    ), frozenset()),
}  # fmt: skip
"""The attributes that are looked at in nodes of some operations: none in the most frequent ones. In all others,
`_ATTRIBUTES`."""
_ALL_ATTRIBUTES = _ATTRIBUTES.union(*_ATTRIBUTES_OF.values())
_FIRST, _SECOND = 1 << 3 | 2, 2 << 3 | 2
"""The tags of parts number 1 and 2."""
_NAMED_OUTPUTS = {"batch_mean": 1, "batch_variance": 2}
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16", 20: "resource",
    21: "variant", 22: "uint32", 23: "uint64",
}  # fmt: skip


class DamagedNode(Malformed):
    """The bytes of a node that was asked for are not what the format allows."""


class Reference(NamedTuple):
    """A tensor as `written`: output number `output` of the node `producer`."""

    written: str
    producer: str
    output: int


class Node(NamedTuple):
    """One operation of a graph or of a function; `attributes` holds the few that are ever looked at.

    `needed` names the nodes that run before it: those of its `operands`, then those it is only ordered after.
    """

    name: str
    operation: str
    operands: tuple[Reference, ...]
    needed: tuple[str, ...]
    attributes: dict[str, Message]


class Nodes:
    """The nodes of a graph or of a function by name, decoded when first asked for."""

    __slots__ = ("_decoded", "_located", "_within")

    def __init__(self, within: Message, located: Iterable[Span] = ()) -> None:
        """`located` are the places of the nodes in the buffer of `within`; of two of one name, the first counts.

        Raises `Malformed` where even the names cannot be read.
        """
        self._within = within
        self._located: dict[str, Span] = {}
        self._decoded: dict[str, Node] = {}
        buffer, budget = within.buffer, within.budget
        for span in located:
            self._located.setdefault(_name(buffer, *span, budget), span)

    def get(self, name: str) -> Node | None:
        """The node of that name, None if there is none. Raises `DamagedNode` if its bytes are damaged."""
        found = self._decoded.get(name)
        if found is None and name in self._located:
            found = self._decoded[name] = self._decode(name)
        return found

    def all(self) -> list[Node]:
        """Every node, in the order of the file. Raises `DamagedNode` where the bytes of one are damaged."""
        return [found for found in map(self.get, self._located) if found is not None]

    def written(self) -> bytes:
        """All nodes as they stand in the file, one behind the other."""
        return b"".join(self._within.buffer[start:end] for start, end in self._located.values())

    def _decode(self, name: str) -> Node:
        start, end = self._located[name]
        try:
            return node(name, Message(self._within.buffer, start, end, self._within.budget))
        except Malformed as problem:
            raise DamagedNode(str(problem)) from problem


class Function(NamedTuple):
    """One function of the library: `outputs` are the tensors it returns, in the order of its output arguments.

    `controls` names the nodes that run although no output needs them.
    """

    arguments: tuple[str, ...]
    outputs: tuple[Reference, ...]
    controls: tuple[str, ...]
    nodes: Nodes


class TensorInfo(NamedTuple):
    """One input or output of a signature: the tensor's name in the main graph and its shape."""

    tensor: str
    shape: Shape | None


class SignatureDef(NamedTuple):
    """One entry of the signature map."""

    name: str
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


@dataclass(slots=True)
class MetaGraph:
    """One MetaGraphDef, with its parts located but not decoded."""

    tags: list[str] = field(default_factory=list)
    tensorflow_version: str | None = None
    nodes: list[Span] = field(default_factory=list)
    functions: dict[str, Message] = field(default_factory=dict)
    duplicate_functions: list[str] = field(default_factory=list)
    signatures: list[SignatureDef] = field(default_factory=list)
    collections: dict[str, Message] = field(default_factory=dict)
    object_graph: Message | None = None


def meta_graphs(document: Message) -> list[MetaGraph]:
    """The meta graphs of a SavedModel message."""
    graphs = []
    for number, _, part in document:
        if number == 2:
            part.budget.keep(10)
            graphs.append(_meta_graph(part))
    return graphs


def _meta_graph(message: Message) -> MetaGraph:
    graph = MetaGraph()
    for number, _, part in message:
        if number == 1:
            for inner, _, value in part:
                if inner == 4:
                    graph.tags.append(value.text())
                elif inner == 5:
                    graph.tensorflow_version = value.text()[:100]
        elif number == 2:
            _graph_def(part, graph)
        elif number == 4:
            key, value = map_entry(part)
            graph.collections[key] = value
        elif number == 5:
            part.budget.keep(4)
            key, value = map_entry(part)
            graph.signatures.append(_signature(key, value))
        elif number == 7:
            graph.object_graph = part
    return graph


def _graph_def(message: Message, graph: MetaGraph) -> None:
    buffer, budget = message.buffer, message.budget
    for number, _, start, end in message.spans():
        if number == 1:
            budget.keep()
            graph.nodes.append((start, end))
        elif number == 2:
            for inner, _, first, last in spans(buffer, start, end, budget):
                if inner == 1:
                    _locate_function(Message(buffer, first, last, budget), graph)


def _locate_function(message: Message, graph: MetaGraph) -> None:
    signature = next(((start, end) for number, _, start, end in message.spans() if number == 1), None)
    name = _name(message.buffer, *signature, message.budget) if signature is not None else ""
    message.budget.keep()
    if name in graph.functions:
        graph.duplicate_functions.append(name)
    graph.functions.setdefault(name, message)


def _name(buffer: Buffer, start: int, end: int, budget: Budget) -> str:
    """The text of field 1, which is the name of nearly every message here and the first thing in it."""
    if end - start > 1 and buffer[start] == _FIRST and buffer[start + 1] < 128:
        stop = start + 2 + buffer[start + 1]
        if stop <= end:
            return text(buffer, start + 2, stop)
    fields = spans(buffer, start, end, budget)
    first, last = next(((first, last) for number, _, first, last in fields if number == 1), (end, end))
    budget.keep((last - first) >> 6)
    return text(buffer, first, last)


def map_entry(message: Message) -> tuple[str, Message]:
    """Key and value of one entry of a map<string, message>."""
    buffer, budget = message.buffer, message.budget
    first, last, start, end = _entry(buffer, message.start, message.end, budget)
    return text(buffer, first, last), Message(buffer, start, end, budget)


def _entry(buffer: Buffer, start: int, end: int, budget: Budget) -> tuple[int, int, int, int]:
    """Where key and value of one entry of a map<string, message> begin and end.

    A graph has more entries than anything else. Nearly all are a short key, a short value and nothing else, and
    for those a glance is enough.
    """
    if end - start > 3 and buffer[start] == _FIRST and buffer[start + 1] < 128:
        value = start + 2 + buffer[start + 1]
        if value + 1 < end and buffer[value] == _SECOND and value + 2 + buffer[value + 1] == end < value + 130:
            return start + 2, value, value + 2, end
    key_place = value_place = end, end
    for number, _, first, last in spans(buffer, start, end, budget):
        if number == 1:
            key_place = first, last
        elif number == 2:
            value_place = first, last
    return *key_place, *value_place


def _signature(name: str, message: Message) -> SignatureDef:
    inputs: dict[str, TensorInfo] = {}
    outputs: dict[str, TensorInfo] = {}
    for number, _, part in message:
        if number in (1, 2):
            part.budget.keep(2)
            key, value = map_entry(part)
            (inputs if number == 1 else outputs)[key] = _tensor_info(value)
    return SignatureDef(name, inputs, outputs)


def _tensor_info(message: Message) -> TensorInfo:
    name, dimensions = "", None
    for number, _, part in message:
        if number == 1:
            name = part.text()
        elif number == 3:
            dimensions = shape(part)
    return TensorInfo(name, dimensions)


def shape(message: Message) -> Shape | None:
    """A TensorShapeProto; None if the rank is unknown."""
    dimensions: list[int | None] = []
    for number, integer, start, end in message.spans():
        if number == 2:
            size = 0
            for inner, value, _, _ in spans(message.buffer, start, end, message.budget):
                if inner == 1:
                    size = signed(value)
            dimensions.append(size if size >= 0 else None)
            if len(dimensions) > 255:
                raise Malformed("a shape with more than 255 axes")
        elif number == 3 and integer:
            return None
    return tuple(dimensions)


def dtype(code: int) -> str | None:
    """The name of a TensorFlow DataType."""
    return _DTYPES.get(code)


def reference(written: str) -> Reference:
    """A reference to a tensor: `name`, `name:0` or `name:output:0`."""
    producer, _, rest = written.partition(":")
    if not rest:
        return Reference(written, producer, 0)
    output, _, index = rest.rpartition(":")
    number = int(index) if index.isdecimal() and len(index) < 6 else 0
    return Reference(written, producer, _NAMED_OUTPUTS.get(output, 0) + number)


def producer(written: str) -> str:
    """The node that a reference to a tensor, or to a node that only has to run before (`^name`), names."""
    return written.removeprefix("^").partition(":")[0]


def node(name: str, message: Message) -> Node:
    """One NodeDef, of which the name is known."""
    buffer, budget = message.buffer, message.budget
    operation, wanted = "", _ALL_ATTRIBUTES
    names = 0
    operands: list[Reference] = []
    after: list[str] = []
    attributes: dict[str, Message] = {}
    for number, _, start, end in message.spans():
        if number == 5 and wanted:
            key_start, key_end, first, last = _entry(buffer, start, end, budget)
            key = buffer[key_start:key_end]
            if key in wanted:
                attributes[key.decode()] = Message(buffer, first, last, budget)
        elif number == 3:
            if len(operands) + len(after) >= MAX_INPUTS:
                raise Malformed(f"a node with more than {MAX_INPUTS} inputs")
            budget.keep(1 + ((end - start) >> 6))
            written = text(buffer, start, end)
            if written.startswith("^"):
                after.append(producer(written))
            else:
                operands.append(reference(written))
        elif number == 2:
            operation = text(buffer, start, end)
            wanted = _ATTRIBUTES_OF.get(operation, _ATTRIBUTES)
        elif number == 1:
            names += 1
    if names > 1:
        raise Malformed(f"the node {name!r} has another name as well")
    needed = (*[operand.producer for operand in operands], *after)
    return Node(name, operation, tuple(operands), needed, attributes)


def function(message: Message) -> Function:
    """One FunctionDef."""
    buffer, budget = message.buffer, message.budget
    arguments: list[str] = []
    outputs: list[str] = []
    returned: dict[str, str] = {}
    controls: list[str] = []
    nodes: list[Span] = []
    for number, _, start, end in message.spans():
        if number == 3:
            budget.keep()
            nodes.append((start, end))
        elif number == 1:
            for inner, _, first, last in spans(buffer, start, end, budget):
                if inner in (2, 3):
                    budget.keep()
                    (arguments if inner == 2 else outputs).append(_name(buffer, first, last, budget))
        elif number in (4, 6):
            budget.keep()
            key_start, key_end, first, last = _entry(buffer, start, end, budget)
            value = text(buffer, first, last)
            if number == 4:
                returned[text(buffer, key_start, key_end)] = value
            else:
                controls.append(producer(value))
    references = tuple(reference(returned[key]) for key in outputs if key in returned)
    return Function(tuple(arguments), references, tuple(controls), Nodes(message, nodes))


def flag(attribute: Message) -> bool | None:
    """The `b` of an AttrValue."""
    return next((bool(integer) for number, integer, _, _ in attribute.spans() if number == 5), None)


def string(attribute: Message) -> str | None:
    """The `s` of an AttrValue."""
    fields = attribute.spans()
    return next((text(attribute.buffer, start, end) for number, _, start, end in fields if number == 2), None)


def called_functions(attribute: Message) -> list[str]:
    """The names of the functions an AttrValue holds: its `func`, or the `func`s of its list."""
    buffer, budget = attribute.buffer, attribute.budget
    names: list[str] = []
    for number, _, start, end in attribute.spans():
        if number == 10:
            names.extend(_names(buffer, start, end, budget))
        elif number == 1:
            for inner, _, first, last in spans(buffer, start, end, budget):
                if inner == 9:
                    names.extend(_names(buffer, first, last, budget))
    return names


def _names(buffer: Buffer, start: int, end: int, budget: Budget) -> list[str]:
    fields = spans(buffer, start, end, budget)
    return [text(buffer, first, last) for number, _, first, last in fields if number == 1]


def own_shape(attribute: Message) -> Shape | None:
    """The `shape` of an AttrValue."""
    return next((shape(part) for number, _, part in attribute if number == 7), None)


def type_name(attribute: Message) -> str | None:
    """The name of the `type` of an AttrValue."""
    return next((dtype(integer) for number, integer, _ in attribute if number == 6), None)


def first_shape(attribute: Message) -> Shape | None:
    """The first shape of a list of shapes in an AttrValue."""
    for number, _, part in attribute:
        if number == 1:
            for inner, _, value in part:
                if inner == 7:
                    return shape(value)
    return None
