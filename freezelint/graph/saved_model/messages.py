"""The TensorFlow messages of a SavedModel that matter here, as small dataclasses over the wire reader.

Field numbers are those of tensorflow/core/{framework,protobuf}/*.proto; they are fixed by the format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from freezelint.graph.saved_model.wire import Malformed, Message, signed

MAX_INPUTS = 65_536

Shape = tuple[int | None, ...]

_ATTRIBUTES = frozenset({
    "is_training", "value", "shared_name", "_output_shapes", "keep_dims",
    "f", "then_branch", "else_branch", "cond", "body", "branches", "func", "predicate",
})  # fmt: skip
_SHAPES_WANTED = frozenset({"Mean", "Sum"})
_VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16", 20: "resource",
    21: "variant", 22: "uint32", 23: "uint64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a graph or of a function; `attributes` holds the few that are ever looked at."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    attributes: dict[str, Message]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the library: `outputs` are the tensors it returns, in the order of its output arguments."""

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    controls: tuple[str, ...]
    nodes: dict[str, Node]


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
    key, value = "", Message(message.buffer, message.end, message.end, message.budget)
    for number, _, part in message:
        if number == 1:
            key = part.text()
        elif number == 2:
            value = part
    return key, value


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


def node(message: Message) -> Node:
    """One NodeDef."""
    name = operation = ""
    inputs: list[str] = []
    entries: list[Message] = []
    for number, _, part in message:
        if number == 1:
            name = part.text()
        elif number == 2:
            operation = part.text()
        elif number == 3:
            if len(inputs) >= MAX_INPUTS:
                raise Malformed(f"a node with more than {MAX_INPUTS} inputs")
            inputs.append(part.text())
        elif number == 5:
            entries.append(part)
    message.budget.keep(1 + len(inputs))
    attributes: dict[str, Message] = {}
    for entry in entries:
        key, value = map_entry(entry)
        if key == "_output_shapes" and operation not in _SHAPES_WANTED:
            continue
        if key in _ATTRIBUTES or (key in ("shape", "dtype") and operation in _VARIABLES):
            attributes[key] = value
    return Node(name, operation, tuple(inputs), attributes)


def function(message: Message) -> Function:
    """One FunctionDef."""
    name = ""
    arguments: list[str] = []
    outputs: list[str] = []
    returned: dict[str, str] = {}
    controls: list[str] = []
    nodes: dict[str, Node] = {}
    for number, _, part in message:
        if number == 1:
            for inner, _, value in part:
                if inner == 1:
                    name = value.text()
                elif inner in (2, 3):
                    value.budget.keep()
                    argument = next((text.text() for key, _, text in value if key == 1), "")
                    (arguments if inner == 2 else outputs).append(argument)
        elif number == 3:
            decoded = node(part)
            nodes.setdefault(decoded.name, decoded)
        elif number in (4, 6):
            part.budget.keep()
            key, value = map_entry(part)
            if number == 4:
                returned[key] = value.text()
            else:
                controls.append(value.text())
    references = tuple(returned[key] for key in outputs if key in returned)
    return Function(name, tuple(arguments), references, tuple(controls), nodes)


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
                    names.extend(text.text() for key, _, text in value if key == 1)
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
