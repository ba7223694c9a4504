"""The TensorFlow messages of a SavedModel that matter here, as small dataclasses over the wire reader.

Field numbers are those of tensorflow/core/{framework,protobuf}/*.proto; they are fixed by the format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.saved_model.wire import Buffer, Malformed, Message, signed, text

MAX_INPUTS = 65_536

Shape = tuple[int | None, ...]

_ATTRIBUTES = frozenset({
    b"is_training", b"value", b"shared_name", b"keep_dims",
    b"f", b"then_branch", b"else_branch", b"cond", b"body", b"branches", b"func", b"predicate",
})  # fmt: skip
_ATTRIBUTES_OF = {
    **dict.fromkeys(("Mean", "Sum"), _ATTRIBUTES | {b"_output_shapes"}),
    **dict.fromkeys(("VarHandleOp", "VariableV2", "Variable"), _ATTRIBUTES | {b"shape", b"dtype"}),
}
"""The attributes that are looked at in nodes of some operations; in all others, `_ATTRIBUTES`."""
_KEY, _VALUE = 1 << 3 | 2, 2 << 3 | 2
"""The tags of the two fields of an entry of a map."""
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

    __slots__ = ("_decoded", "_located")

    def __init__(self, located: Iterable[Message] = ()) -> None:
        """Of two nodes of one name, the first counts. Raises `Malformed` where even the names cannot be read."""
        self._located: dict[str, Message] = {}
        self._decoded: dict[str, Node] = {}
        for message in located:
            self._located.setdefault(_node_name(message), message)

    def get(self, name: str) -> Node | None:
        """The node of that name, None if there is none. Raises `DamagedNode` if its bytes are damaged."""
        found = self._decoded.get(name)
        if found is None and name in self._located:
            found = self._decoded[name] = self._decode(name)
        return found

    def all(self) -> list[Node]:
        """Every node, in the order of the file. Raises `DamagedNode` where the bytes of one are damaged."""
        return [found for found in map(self.get, self._located) if found is not None]

    def _decode(self, name: str) -> Node:
        try:
            found = node(self._located[name])
        except Malformed as problem:
            raise DamagedNode(str(problem)) from problem
        if found.name != name:
            raise DamagedNode(f"the node {name!r} has two names")
        return found


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the library: `outputs` are the tensors it returns, in the order of its output arguments.

    `controls` names the nodes that run although no output needs them.
    """

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[Reference, ...]
    controls: tuple[str, ...]
    nodes: Nodes


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output of a signature: the tensor's name in the main graph and its shape."""

    tensor: str
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class SignatureDef:
    """One entry of the signature map."""

    name: str
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


@dataclass(slots=True)
class MetaGraph:
    """One MetaGraphDef, with its parts located but not decoded."""

    tags: list[str] = field(default_factory=list)
    tensorflow_version: str | None = None
    nodes: list[Message] = field(default_factory=list)
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
    for number, _, part in message:
        if number == 1:
            part.budget.keep()
            graph.nodes.append(part)
        elif number == 2:
            for inner, _, function in part:
                if inner == 1:
                    name = _function_name(function)
                    function.budget.keep()
                    if name in graph.functions:
                        graph.duplicate_functions.append(name)
                    graph.functions.setdefault(name, function)


def _function_name(message: Message) -> str:
    for number, _, part in message:
        if number == 1:
            return next((value.text() for inner, _, value in part if inner == 1), "")
    return ""


def map_entry(message: Message) -> tuple[str, Message]:
    """Key and value of one entry of a map<string, message>."""
    buffer, start, end = message.buffer, message.end, message.end
    key = ""
    for number, _, first, last in message.spans():
        if number == 1:
            key = text(buffer, first, last)
        elif number == 2:
            start, end = first, last
    return key, Message(buffer, start, end, message.budget)


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
    for number, integer, part in message:
        if number == 2:
            size = 0
            for inner, value, _ in part:
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


def node(message: Message) -> Node:
    """One NodeDef."""
    buffer = message.buffer
    name = operation = ""
    operands: list[Reference] = []
    after: list[str] = []
    entries: list[tuple[int, int]] = []
    for number, _, start, end in message.spans():
        if number == 5:
            entries.append((start, end))
        elif number == 3:
            if len(operands) + len(after) >= MAX_INPUTS:
                raise Malformed(f"a node with more than {MAX_INPUTS} inputs")
            written = text(buffer, start, end)
            if written.startswith("^"):
                after.append(producer(written))
            else:
                operands.append(reference(written))
        elif number == 1:
            name = text(buffer, start, end)
        elif number == 2:
            operation = text(buffer, start, end)
    message.budget.keep(1 + len(operands) + len(after))
    needed = (*[operand.producer for operand in operands], *after)
    return Node(name, operation, tuple(operands), needed, _attributes(message, entries, operation))


def _node_name(message: Message) -> str:
    for number, _, start, end in message.spans():
        if number == 1:
            return text(message.buffer, start, end)
    return ""


def _attributes(node: Message, entries: Iterable[tuple[int, int]], operation: str) -> dict[str, Message]:
    """Of a node's attributes, which are `entries` in its bytes, those that are looked at."""
    wanted = _ATTRIBUTES_OF.get(operation, _ATTRIBUTES)
    attributes: dict[str, Message] = {}
    for start, end in entries:
        short = _short_key(node.buffer, start, end)
        if short is None or short in wanted:
            key, value = map_entry(Message(node.buffer, start, end, node.budget))
            if key.encode() in wanted:
                attributes[key] = value
    return attributes


def _short_key(buffer: Buffer, start: int, end: int) -> bytes | None:
    """The key of an entry of a map that is a short key and a short value and nothing else, as nearly all are.

    None for any other, in whose fields one has to look. What can be told at a glance is most of reading a graph.
    """
    if end - start < 4 or buffer[start] != _KEY:
        return None
    value = start + 2 + buffer[start + 1]
    if value + 2 > end or buffer[value] != _VALUE or value + 2 + buffer[value + 1] != end:
        return None
    return buffer[start + 2 : value] if buffer[start + 1] < 128 and buffer[value + 1] < 128 else None


def function(message: Message) -> Function:
    """One FunctionDef."""
    name = ""
    arguments: list[str] = []
    outputs: list[str] = []
    returned: dict[str, str] = {}
    controls: list[str] = []
    nodes: list[Message] = []
    for number, _, part in message:
        if number == 3:
            part.budget.keep()
            nodes.append(part)
        elif number == 1:
            for inner, _, value in part:
                if inner == 1:
                    name = value.text()
                elif inner in (2, 3):
                    value.budget.keep()
                    argument = next((name.text() for key, _, name in value if key == 1), "")
                    (arguments if inner == 2 else outputs).append(argument)
        elif number in (4, 6):
            part.budget.keep()
            key, value = map_entry(part)
            if number == 4:
                returned[key] = value.text()
            else:
                controls.append(producer(value.text()))
    references = tuple(reference(returned[key]) for key in outputs if key in returned)
    return Function(name, tuple(arguments), references, tuple(controls), Nodes(nodes))


def flag(attribute: Message) -> bool | None:
    """The `b` of an AttrValue."""
    return next((bool(integer) for number, integer, _ in attribute if number == 5), None)


def string(attribute: Message) -> str | None:
    """The `s` of an AttrValue."""
    return next((part.text() for number, _, part in attribute if number == 2), None)


def called_functions(attribute: Message) -> list[str]:
    """The names of the functions an AttrValue holds: its `func`, or the `func`s of its list."""
    names: list[str] = []
    for number, _, part in attribute:
        if number == 10:
            names.extend(value.text() for inner, _, value in part if inner == 1)
        elif number == 1:
            for inner, _, value in part:
                if inner == 9:
                    names.extend(name.text() for key, _, name in value if key == 1)
    return names


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
