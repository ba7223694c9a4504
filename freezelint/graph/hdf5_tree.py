"""An HDF5 file as plain data: groups, the attributes Keras writes, shapes of datasets.

Of the content of datasets, only what tells whether BatchNormalization ever learnt its statistics is read: how many
steps the optimizer counted, and, if it counted any, between which two numbers the short vectors of a layer lie.

Never followed or read: external and soft links, datasets that live in another file (external storage, virtual
datasets), anything below a group that was seen before. Damaged files end as `Unreadable`. A crash inside the HDF5
library itself could not be caught here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from freezelint.graph.model_graph import Unreadable

MAX_OBJECTS = 200_000
MAX_DEPTH = 100
MAX_ATTRIBUTE_BYTES = 256 << 20
MAX_VECTOR = 16_384
"""Numbers in a dataset that are looked at; no BatchNormalization has as many channels."""
MAX_VECTORS = 20_000

_OPTIMIZERS = frozenset({"optimizer", "optimizer_weights"})
_ATTRIBUTES = ("name", "layer_names", "weight_names", "model_config", "training_config", "keras_version", "backend")


@dataclass(frozen=True, slots=True)
class Dataset:
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


def read_tree(file: BinaryIO) -> Tree:
    """The groups, attributes and shapes in an open HDF5 file.

    Raises `Unreadable` for a file that the HDF5 library refuses, or that has more than `MAX_OBJECTS` objects.
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            return _Walk(h5py).read(opened)
    except Unreadable:
        raise
    except Exception as error:
        # h5py answers damage with whatever exception is at hand: OSError, KeyError, RuntimeError, TypeError, …
        raise Unreadable(f"a damaged HDF5 file ({_brief(error)})") from error


class _Walk:
    def __init__(self, h5py: Any) -> None:
        self._h5py = h5py
        self._seen: set[int] = set()
        self._objects = 0
        self._inconsistencies: list[str] = []
        self._counters: list[Any] = []
        self._vectors: list[tuple[Group, str, Any]] = []

    def read(self, opened: Any) -> Tree:
        root = Group("")
        stack = [(root, opened, 0)]
        while stack:
            group, source, depth = stack.pop()
            group.attributes = self._attributes(source)
            for name in source:
                child = self._child(source, name)
                path = f"{group.path}/{name}" if group.path else name
                if isinstance(child, self._h5py.Dataset):
                    group.datasets[name] = self._dataset(child, path, group, name)
                elif isinstance(child, self._h5py.Group) and self._is_new(child, path):
                    if depth >= MAX_DEPTH:
                        raise Unreadable(f"an HDF5 file with groups nested more than {MAX_DEPTH} deep")
                    group.groups[name] = Group(path)
                    stack.append((group.groups[name], child, depth + 1))
        steps = self._steps()
        if steps:
            self._read_ranges()
        return Tree(root, self._inconsistencies, steps)

    def _note(self, group: Group, name: str, source: Any, shape: tuple[int, ...] | None, kind: str) -> None:
        """Remembers the datasets whose numbers may be wanted: plain ones, as Keras writes them."""
        in_optimizer = group.path.partition("/")[0] in _OPTIMIZERS
        is_counter = in_optimizer and shape == () and kind in "iu"
        is_vector = shape is not None and len(shape) == 1 and 0 < shape[0] <= MAX_VECTOR
        is_wanted = not in_optimizer and is_vector and kind == "f" and len(self._vectors) < MAX_VECTORS
        if not (is_counter or is_wanted) or source.chunks is not None:
            return
        if is_counter:
            self._counters.append(source)
        else:
            self._vectors.append((group, name, source))

    def _steps(self) -> int | None:
        """What the counter of the optimizer says; its other whole numbers, if it has any, are not larger."""
        return max((int(source[()]) for source in self._counters), default=None)

    def _read_ranges(self) -> None:
        for group, name, source in self._vectors:
            try:
                numbers = source[()]
            except Exception as error:  # h5py answers damage with whatever exception is at hand
                self._say(f"the numbers of {group.datasets[name].path!r} cannot be read ({_brief(error)})")
                continue
            group.datasets[name] = replace(group.datasets[name], range=(float(numbers.min()), float(numbers.max())))

    def _child(self, source: Any, name: str) -> Any:
        """The object behind a hard link; None for links that lead elsewhere."""
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise Unreadable(f"an HDF5 file with more than {MAX_OBJECTS} objects")
        link = source.get(name, getlink=True)
        if isinstance(link, self._h5py.HardLink):
            return source.get(name)
        kind = "an external" if isinstance(link, self._h5py.ExternalLink) else "a soft"
        self._say(f"{name!r} is {kind} link, which Keras never writes; it was not followed")
        return None

    def _is_new(self, group: Any, path: str) -> bool:
        address = self._h5py.h5o.get_info(group.id).addr
        if address in self._seen:
            self._say(f"{path!r} is a second way to a group, which Keras never writes")
            return False
        self._seen.add(address)
        return True

    def _dataset(self, source: Any, path: str, group: Group, name: str) -> Dataset:
        shape, dtype = source.shape, source.dtype
        if source.is_virtual or source.external:
            self._say(f"{path!r} takes its numbers from another file, which was not opened")
        else:
            self._note(group, name, source, shape, dtype.kind)
        return Dataset(path, shape, str(dtype))

    def _attributes(self, source: Any) -> dict[str, str | list[str] | None]:
        wanted = [name for name in source.attrs if name.rstrip("0123456789") in _ATTRIBUTES]
        return {name: self._attribute(source.attrs, name) for name in wanted}

    def _attribute(self, attributes: Any, name: str) -> str | list[str] | None:
        identifier = attributes.get_id(name)
        if math.prod(identifier.shape or ()) * identifier.dtype.itemsize > MAX_ATTRIBUTE_BYTES:
            self._say(f"the attribute {name!r} is too large to be read")
            return None
        value = attributes[name]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, str):
            return value
        items = value.tolist() if hasattr(value, "tolist") else None
        if not isinstance(items, list):
            return items.decode("utf-8", "replace") if isinstance(items, bytes) else None
        texts = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in items]
        return texts if all(isinstance(item, str) for item in texts) else None

    def _say(self, sentence: str) -> None:
        if sentence not in self._inconsistencies and len(self._inconsistencies) < 50:
            self._inconsistencies.append(sentence)


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
