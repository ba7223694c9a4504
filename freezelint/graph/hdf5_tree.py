"""An HDF5 file as plain data: groups, the attributes Keras writes, shapes of datasets.

Of the content of datasets, only what tells whether BatchNormalization ever learnt its statistics is read: how many
steps the optimizer counted, and, if it counted any, between which two numbers the short vectors of a layer lie.

Never followed or read: external and soft links, datasets that live in another file (external storage, virtual
datasets), anything below a group that was seen before. Damaged files end as `Unreadable`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, NamedTuple

from freezelint.graph.hdf5_format import headers, values
from freezelint.graph.hdf5_format.content import UNDEFINED, Content, Damaged
from freezelint.graph.hdf5_format.links import Link, links
from freezelint.graph.model_graph import Unreadable

MAX_OBJECTS = 200_000
MAX_DEPTH = 100
MAX_VECTOR = 16_384
"""Numbers in a dataset that are looked at; no BatchNormalization has as many channels."""
MAX_VECTORS = 20_000

_OPTIMIZERS = frozenset({"optimizer", "optimizer_weights"})
_ATTRIBUTES = frozenset({
    "name",
    "layer_names",
    "weight_names",
    "model_config",
    "training_config",
    "keras_version",
    "backend",
})
_GROUP = frozenset({headers.SYMBOL_TABLE, headers.LINK_INFO, headers.LINK})


class Dataset(NamedTuple):
    """A dataset without its content; `path` is its path in the file, `shape` None for one without elements.

    `range` is the smallest and the largest number in it, NaN if one of them is not finite, None if it was not read.
    """

    path: str
    shape: tuple[int, ...] | None
    dtype: str | None
    range: tuple[float, float] | None = None


@dataclass(slots=True)
class Group:
    """A group; `attributes` holds text (`str`), lists of text, or None for a value of another type."""

    path: str
    attributes: dict[str, str | list[str] | None] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """The attribute `name` if it is text."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> list[str] | None:
        """The list of text in the attribute `name`, which Keras spreads over `name0`, `name1`, … when it is long."""
        value = self.attributes.get(name)
        if isinstance(value, list):
            return value
        chunks: list[str] = []
        number = 0
        while isinstance(chunk := self.attributes.get(f"{name}{number}"), list):
            chunks.extend(chunk)
            number += 1
        return chunks if number else None

    def find(self, path: str) -> Dataset | None:
        """The dataset at a `/`-separated path below this group."""
        *parents, last = path.split("/")
        group: Group | None = self
        for name in parents:
            group = group.groups.get(name) if group else None
        return group.datasets.get(last) if group else None

    def walk(self) -> Iterator[Dataset]:
        """Every dataset of this group and of the groups below it."""
        stack = [self]
        while stack:
            group = stack.pop()
            yield from group.datasets.values()
            stack.extend(reversed(group.groups.values()))


@dataclass(slots=True)
class Tree:
    """A whole file: its root group and what is wrong with it.

    `steps` is how many training steps the optimizer in it has counted, None if that is not in the file.
    """

    root: Group
    inconsistencies: list[str] = field(default_factory=list)
    steps: int | None = None


def read_tree(file: BinaryIO, start: int = 0, length: int | None = None) -> Tree:
    """The groups, attributes and shapes in an open HDF5 file, or in `length` bytes of a file from `start` on.

    Raises `Unreadable` for a file that is damaged or is nested more than `MAX_DEPTH` deep, or that has more than
    `MAX_OBJECTS` objects.
    """
    try:
        content, root = headers.opened(Content(file, start, length))
        return _Walk(content).read(root)
    except (Damaged, struct.error, IndexError) as error:
        reason = str(error) if isinstance(error, Damaged) else "a part of it is cut off"
        raise Unreadable(f"a damaged HDF5 file ({reason})") from error
    except OSError as error:
        raise Unreadable(f"an HDF5 file that cannot be read ({error.strerror})") from error


class _Object:
    """What the header of one object says: `links` if it is a group, `type`, `shape` and `place` if a dataset."""

    __slots__ = ("attributes", "is_elsewhere", "is_group", "links", "place", "shape", "type")

    def __init__(self, content: Content, address: int) -> None:
        self.links: list[Link] = []
        self.attributes: list[bytes] = []
        self.is_group = self.is_elsewhere = False
        self.type = values.UNKNOWN
        self.shape: values.Shape = None
        self.place: values.Place | None = None
        for kind, body in headers.messages(content, address):
            if kind in _GROUP:
                self.is_group = True
                self.links.extend(islice(links(content, kind, body), MAX_OBJECTS + 1))
            elif kind == headers.ATTRIBUTE:
                self.attributes.append(body)
            elif kind == headers.DATATYPE:
                self.type = values.datatype(body)
            elif kind == headers.DATASPACE:
                self.shape = values.shape(body)
            elif kind == headers.LAYOUT:
                self.place = values.place(body)
                self.is_elsewhere = self.is_elsewhere or self.place.is_elsewhere
            elif kind == headers.EXTERNAL_FILES:
                self.is_elsewhere = True
            elif kind == headers.ATTRIBUTE_INFO:
                values.refuse_dense(body)


class _Walk:
    def __init__(self, content: Content) -> None:
        self._content = content
        self._texts = values.Texts(content)
        self._seen: set[int] = set()
        self._objects = 0
        self._inconsistencies: list[str] = []
        self._counters: list[values.Numbers] = []
        self._vectors: list[tuple[Group, str, values.Numbers]] = []

    def read(self, address: int) -> Tree:
        root = Group("")
        stack = [(root, self._enter(root, address, _Object(self._content, address)), 0)]
        while stack:
            group, links, depth = stack.pop()
            for link in links:
                path = f"{group.path}/{link.name}" if group.path else link.name
                self._content.spend(len(path) >> 4)
                if not self._leads_on(link, path):
                    continue
                child = _Object(self._content, link.address)
                if child.place is not None:
                    group.datasets[link.name] = self._dataset(child, path, group, link.name)
                elif child.is_group:
                    if depth >= MAX_DEPTH:
                        raise Unreadable(f"an HDF5 file with groups nested more than {MAX_DEPTH} deep")
                    inner = group.groups[link.name] = Group(path)
                    stack.append((inner, self._enter(inner, link.address, child), depth + 1))
        steps = self._steps()
        if steps:
            self._read_ranges()
        return Tree(root, self._inconsistencies, steps)

    def _enter(self, group: Group, address: int, source: _Object) -> list[Link]:
        """Notes what is said of a group itself, and returns what it holds."""
        self._seen.add(address)
        self._objects += len(source.links)
        if self._objects > MAX_OBJECTS:
            raise Unreadable(f"an HDF5 file with more than {MAX_OBJECTS} objects")
        group.attributes = self._attributes(source)
        return sorted(source.links)

    def _leads_on(self, link: Link, path: str) -> bool:
        """Whether a link leads to an object of the file, and not a second time to the same group."""
        if link.address == UNDEFINED:
            kind = "an external" if link.is_external else "a soft"
            self._say(f"{link.name!r} is {kind} link, which Keras never writes; it was not followed")
        elif link.address in self._seen:
            self._say(f"{path!r} is a second way to a group, which Keras never writes")
        else:
            return True
        return False

    def _dataset(self, source: _Object, path: str, group: Group, name: str) -> Dataset:
        if source.is_elsewhere:
            self._say(f"{path!r} takes its numbers from another file, which was not opened")
        elif source.place is not None:
            self._note(group, name, values.Numbers(source.place, source.type, source.shape))
        return Dataset(path, source.shape, source.type.name)

    def _note(self, group: Group, name: str, numbers: values.Numbers) -> None:
        """Remembers the datasets whose numbers may be wanted: plain ones, as Keras writes them."""
        kind, shape = numbers.type.name or "", numbers.shape
        if group.path.partition("/")[0] in _OPTIMIZERS:
            if shape == () and kind.startswith(("int", "uint")):
                self._counters.append(numbers)
        elif shape is not None and len(shape) == 1 and 0 < shape[0] <= MAX_VECTOR and kind.startswith("float"):
            if len(self._vectors) < MAX_VECTORS:
                self._vectors.append((group, name, numbers))

    def _steps(self) -> int | None:
        """What the counter of the optimizer says; its other whole numbers, if it has any, are not larger."""
        counted = (numbers.read(self._content) for numbers in self._counters)
        return max((int(number) for count in counted for number in count), default=None)

    def _read_ranges(self) -> None:
        for group, name, numbers in self._vectors:
            try:
                found = numbers.read(self._content)
            except Damaged as error:
                self._say(f"the numbers of {group.datasets[name].path!r} cannot be read ({error})")
                continue
            if found:
                group.datasets[name] = group.datasets[name]._replace(range=_range(found))

    def _attributes(self, source: _Object) -> dict[str, str | list[str] | None]:
        found = map(values.attribute, source.attributes)
        return {one.name: self._value(one) for one in found if one.name.rstrip("0123456789") in _ATTRIBUTES}

    def _value(self, attribute: values.Attribute) -> str | list[str] | None:
        try:
            return self._texts.read(attribute)
        except values.TooLarge:
            self._say(f"the attribute {attribute.name!r} is too large to be read")
            return None

    def _say(self, sentence: str) -> None:
        if sentence not in self._inconsistencies and len(self._inconsistencies) < 50:
            self._inconsistencies.append(sentence)


def _range(numbers: tuple[float, ...]) -> tuple[float, float]:
    if not all(map(math.isfinite, numbers)):
        return math.nan, math.nan
    return min(numbers), max(numbers)
