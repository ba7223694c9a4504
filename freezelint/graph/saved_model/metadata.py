"""What Keras 2 wrote about each of its objects: JSON, in `keras_metadata.pb` or (Keras 2.1 to 2.4) in the graph file.

Both are keyed by the object's number in the object graph. `SavedMetadata` and `SavedObject` are defined in
tensorflow/python/keras/protobuf/saved_metadata.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.saved_model.objects import ObjectGraph, ObjectNode
from freezelint.graph.saved_model.wire import Malformed, Message, signed
from freezelint.graph.untrusted_json import parse

MAX_JSON = 64 * 1024 * 1024
MAX_DEPTH = 200
_SEQUENCES = ("__tuple__", "TensorShape")
_NESTED = (dict, list)
"""What JSON is nested by: all the rest is as plain as it can be."""


class Entry(NamedTuple):
    """What is written about one object: where it stood in the model, what it is, and its JSON."""

    place: str
    identifier: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Metadata:
    """The entries by object number; `damaged` says in words what could not be read."""

    entries: dict[int, Entry] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    @property
    def root(self) -> Mapping[str, Any]:
        """What is written about the model itself; empty if nothing is."""
        found = self.entries.get(0)
        return found.facts if found is not None else {}


def read_file(document: Message) -> Metadata:
    """The content of a `keras_metadata.pb`. What is damaged is left out and named."""
    metadata = Metadata()
    left = MAX_JSON
    try:
        for number, _, part in document:
            if number != 1:
                continue
            place, identifier, node, text = "", "", 0, None
            for inner, integer, value in part:
                if inner == 2:
                    node = signed(integer)
                elif inner == 3:
                    place = value.text()
                elif inner == 4:
                    identifier = value.text()
                elif inner == 5:
                    text = value
            part.budget.keep()
            left -= len(text) if text is not None else 0
            _add(metadata, node, place, identifier, text, left)
    except Malformed as problem:
        metadata.damaged.append(f"keras_metadata.pb is damaged: {problem}")
    return metadata


def read_inline(graph: ObjectGraph) -> Metadata:
    """The metadata inside the object graph; no entries if it holds none."""
    metadata = Metadata()
    left = MAX_JSON
    for number, node in enumerate(graph.nodes):
        if node.is_keras_2 and node.metadata is not None and len(node.metadata):
            left -= len(node.metadata)
            _add(metadata, number, "root" if number == 0 else "", node.identifier, node.metadata, left)
    return metadata


def _add(metadata: Metadata, node: int, place: str, identifier: str, text: Message | None, left: int) -> None:
    if text is None or not len(text):
        return
    if left < 0:
        if not any("megabytes" in sentence for sentence in metadata.damaged):
            metadata.damaged.append("the Keras metadata is larger than 64 megabytes; the rest was not read")
        return
    what = f"the Keras metadata of {place or f'object {node}'}"
    try:
        facts = plain(parse(text.bytes(), what))
    except Unreadable as problem:
        metadata.damaged.append(problem.reason)
        return
    if not isinstance(facts, Mapping):
        metadata.damaged.append(f"{what} is not an object")
    elif node in metadata.entries:
        metadata.damaged.append(f"{what} is there twice; the first was read")
    else:
        metadata.entries[node] = Entry(place, identifier, facts)


def as_objects(metadata: Metadata) -> tuple[ObjectGraph, Metadata]:
    """An object graph made from the places alone (`root.layer-1.layer-0`), and the metadata numbered for it."""
    entries = sorted(metadata.entries.values(), key=lambda entry: entry.place.count("."))
    entries = [entry for entry in entries if entry.place == "root"][:1] + [e for e in entries if e.place != "root"]
    graph, numbers = ObjectGraph(), dict[str, int]()
    for number, entry in enumerate(entries):
        numbers.setdefault(entry.place, number)
        graph.nodes.append(ObjectNode(identifier=entry.identifier))
        above, _, attribute = entry.place.rpartition(".")
        while above and above not in numbers:
            above, _, between = above.rpartition(".")
            attribute = f"{between}.{attribute}"
        if above:
            graph.nodes[numbers[above]].children.setdefault(attribute, number)
    return graph, Metadata(dict(enumerate(entries)), metadata.damaged)


def plain(value: Any, depth: int = 0) -> Any:
    """The JSON with tuples and shapes, which Keras 2 writes as objects, turned into lists.

    Raises `Unreadable` where it is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise Unreadable("the Keras metadata is nested too deeply")
    if isinstance(value, dict):
        items = value.get("items")
        if not isinstance(items, list) or value.get("class_name") not in _SEQUENCES:
            return {key: plain(item, depth + 1) if type(item) in _NESTED else item for key, item in value.items()}
        value = items
    if isinstance(value, list):
        return [plain(item, depth + 1) if type(item) in _NESTED else item for item in value]
    return value
