"""A tiny protobuf writer: just enough to assemble SavedModels, right ones and wrong ones, without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(key: int, value: int) -> bytes:
    """A varint field."""
    return varint(key << 3) + varint(value)


def part(key: int, content: bytes | str) -> bytes:
    """A length-delimited field."""
    data = content.encode() if isinstance(content, str) else content
    return varint(key << 3 | 2) + varint(len(data)) + data


def entry(key: str, value: bytes | str) -> bytes:
    """The content of one entry of a map with string keys."""
    return part(1, key) + part(2, value)


@dataclass(frozen=True)
class Call:
    """An attribute that names functions."""

    names: tuple[str, ...]
    as_list: bool = False


def function_attribute(*names: str, as_list: bool = False) -> Call:
    return Call(names, as_list)


def shape(*sizes: int | None) -> bytes:
    return b"".join(part(2, number(1, -1 if size is None else size)) for size in sizes)


def attribute(value: object) -> bytes:
    """An AttrValue: bool → b, str → s, call → func, numbers → a small tensor, bytes as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return number(5, int(value))
    if isinstance(value, str):
        return part(2, value)
    if isinstance(value, Call):
        functions = [part(9 if value.as_list else 10, part(1, name)) for name in value.names]
        return part(1, b"".join(functions)) if value.as_list else functions[0]
    if isinstance(value, (tuple, list)):
        if all(isinstance(item, int) for item in value):
            content = b"".join(struct.pack("<i", item) for item in value)
            return part(8, number(1, 3) + part(2, shape(len(value))) + part(4, content))
        content = b"".join(struct.pack("<f", item) for item in value)
        return part(8, number(1, 1) + part(2, shape(len(value))) + part(4, content))
    if isinstance(value, float):
        return part(8, number(1, 1) + part(2, b"") + part(5, struct.pack("<f", value)))
    raise TypeError(value)


def true_or_false(value: bool) -> bytes:
    """An AttrValue with a boolean scalar tensor."""
    return part(8, number(1, 10) + part(2, b"") + part(11, varint(int(value))))


def node(name: str, operation: str, *inputs: str, **attributes: object) -> bytes:
    out = part(1, name) + part(2, operation) + b"".join(part(3, reference) for reference in inputs)
    return out + b"".join(part(5, entry(key, attribute(value))) for key, value in attributes.items())


def variable_handle(name: str) -> bytes:
    return node(name, "VarHandleOp", shared_name=name)


def function(
    name: str,
    arguments: Iterable[str],
    nodes: Iterable[bytes],
    returns: Mapping[str, str],
    controls: Iterable[str] = (),
) -> bytes:
    signature = part(1, name) + b"".join(part(2, part(1, argument)) for argument in arguments)
    signature += b"".join(part(3, part(1, key)) for key in returns)
    out = part(1, signature) + b"".join(part(3, one) for one in nodes)
    out += b"".join(part(4, entry(key, value)) for key, value in returns.items())
    return out + b"".join(part(6, entry(key, key)) for key in controls)


def tensor_info(name: str, sizes: tuple[int | None, ...] = (None, 4)) -> bytes:
    return part(1, name) + number(2, 1) + part(3, shape(*sizes))


def signature(name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> bytes:
    content = b"".join(part(1, entry(key, tensor_info(tensor))) for key, tensor in inputs.items())
    content += b"".join(part(2, entry(key, tensor_info(tensor))) for key, tensor in outputs.items())
    return entry(name, content)


def user_object(identifier: str = "_generic_user_object", metadata: str = "", **children: int) -> bytes:
    out = b"".join(part(1, number(1, child) + part(2, name)) for name, child in children.items())
    return out + part(4, part(1, identifier) + (part(3, metadata) if metadata else b""))


def variable_object(name: str, *sizes: int, trainable: bool = True) -> bytes:
    return part(7, number(1, 1) + part(2, shape(*sizes)) + number(3, int(trainable)) + part(6, name))


def function_object(*names: str, spec: bytes = b"") -> bytes:
    return part(6, b"".join(part(1, name) for name in names) + (part(2, spec) if spec else b""))


def concrete_function(bound: Iterable[int] = (), traced_with: bytes = b"") -> bytes:
    return part(2, b"".join(varint(item) for item in bound)) + (part(3, traced_with) if traced_with else b"")


@dataclass
class Model:
    """The parts of a SavedModel, to be written by `save`."""

    nodes: list[bytes] = field(default_factory=list)
    functions: list[bytes] = field(default_factory=list)
    signatures: list[bytes] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)
    concrete_functions: dict[str, bytes] = field(default_factory=dict)
    collections: dict[str, bytes] = field(default_factory=dict)
    tags: tuple[str, ...] = ("serve",)
    metadata: list[tuple[int, str, str, str]] | None = None
    """Object number, place, identifier and JSON of each entry of `keras_metadata.pb`."""

    def meta_graph(self) -> bytes:
        info = b"".join(part(4, tag) for tag in self.tags) + part(5, "2.15.0") + number(7, 1)
        graph = b"".join(part(1, one) for one in self.nodes)
        graph += part(2, b"".join(part(1, one) for one in self.functions))
        out = part(1, info) + part(2, graph) + b"".join(part(5, one) for one in self.signatures)
        out += b"".join(part(4, entry(key, value)) for key, value in self.collections.items())
        if self.objects:
            graph = b"".join(part(1, one) for one in self.objects)
            graph += b"".join(part(2, entry(key, value)) for key, value in self.concrete_functions.items())
            out += part(7, graph)
        return out

    def encode(self) -> bytes:
        return number(1, 1) + part(2, self.meta_graph())

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_bytes(self.encode())
        if self.metadata is not None:
            (folder / "keras_metadata.pb").write_bytes(metadata_file(self.metadata))
        return folder


def metadata_file(entries: Iterable[tuple[int, str, str, str]]) -> bytes:
    return b"".join(
        part(1, number(2, node) + part(3, place) + part(4, identifier) + part(5, text))
        for node, place, identifier, text in entries
    )


def serving(nodes: Iterable[bytes], output: str = "y:0", functions: Iterable[bytes] = ()) -> Model:
    """A model of one signature whose input is the node `x` and whose graph is `nodes`."""
    return Model(
        nodes=[node("x", "Placeholder"), *nodes],
        functions=list(functions),
        signatures=[signature("serving_default", {"x": "x:0"}, {"y": output})],
    )
