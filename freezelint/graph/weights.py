"""Variables found in a file → weights of the layers they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from freezelint.graph import layer_kinds
from freezelint.graph.hdf5_tree import Dataset, Group
from freezelint.graph.model_graph import Layer, LayerKind, Weight
from freezelint.keras.names import Kind

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies", "cells")
"""The groups that hold one group per layer (Keras 3 and 2.13+, Keras 2.12, stacked RNN cells)."""

_WRAPPED = ("forward_layer", "layer", "cell", "backward_layer")
_NOT_THE_MODEL = frozenset({"optimizer", "metrics", "compile_metrics", "loss_tracker", "_loss_tracker"})
_NUMBER_AT_THE_END = re.compile(r"_\d+$")

_MAX_PARTS = 32

_SPECIAL_ROLES = {
    "Normalization": ("mean", "variance", "count"),
    "RMSNormalization": ("scale",),
    "PReLU": ("alpha",),
    "SeparableConv1D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}


def attach_checkpoint(root: Layer, group: Group, *, keras3: bool) -> list[Weight]:
    """Gives the layers below `root` their weights out of a `.weights.h5` (Keras 2.12 and later), and returns them all.

    There, a group is named by class and count (`conv2d_1`), or carries the layer's name as an attribute (Keras 3.6
    and later); the variables of a layer are numbered. What belongs to no known layer goes to the nearest known
    one above it.
    """
    model = Group(group.path, group.attributes, _without(group.groups, _NOT_THE_MODEL), group.datasets)
    stack = [(root, model)]
    found = []
    while stack:
        layer, own = stack.pop()
        matched = _match(layer, own)
        layer.weights = list(_own_weights(layer, own, [g for _, g in matched], keras3=keras3))
        found.extend(layer.weights)
        stack.extend(reversed(matched))
    return found


def saved_elsewhere(root: Layer) -> Iterator[str]:
    """What Keras cannot load: a layer that a model shares with a model inside it is saved in one of the two places.

    A sentence for each. The file then holds two layers of one configuration, and weights for one of them.
    """
    layers: dict[tuple[str, str], list[Layer]] = {}
    for layer in root.walk():
        if layer.kind is LayerKind.LAYER:
            layers.setdefault((layer.name, layer.class_name), []).append(layer)
    for alike in layers.values():
        full = next((layer for layer in alike if layer.weights), None)
        for layer in alike:
            if full is not None and not layer.weights and _plain(layer.config) == _plain(full.config):
                yield (
                    f"{layer.path!r} has no weights: it is {full.path!r} too, where Keras saved them, and"
                    " `load_model` does not find them here"
                )


def _plain(config: Any) -> Any:
    """A configuration without the numbers by which Keras tells its objects apart."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items() if key != "shared_object_id"}
    return [_plain(value) for value in config] if isinstance(config, list) else config


def attach_legacy(root: Layer, group: Group, *, keras3: bool) -> list[Weight]:
    """Gives the layers below `root` their weights out of the `model_weights` of a legacy HDF5 file, and returns them.

    There, every layer of the root model has a group, in which the weights of a nested model lie flat; the names of
    the weights (`conv/kernel:0`) tell whose they are.
    """
    top = {layer.name: layer for layer in reversed(root.children)}
    owners = _Owners()
    found = []
    for name, own in group.groups.items():
        layer = top.get(name, root)
        for weight_name in own.texts("weight_names") or []:
            dataset = own.find(weight_name)
            if dataset is None:
                continue
            owner = owners.find(layer, weight_name)
            weight = _weight(owner, _plain_role(weight_name.rpartition("/")[2]), dataset, keras3=keras3)
            owner.weights.append(weight)
            found.append(weight)
    return found


def slots(group: Group | None) -> int | None:
    """How many of the variables of a saved optimizer belong to a single weight; counters and rates have no shape."""
    return None if group is None else sum(1 for dataset in group.walk() if dataset.shape)


def _match(layer: Layer, group: Group) -> list[tuple[Layer, Group]]:
    """The children of `layer` that have a group of their own below `group`."""
    holder = next((group.groups[name] for name in _CONTAINERS if name in group.groups), None)
    candidates = dict(group.groups) if holder is None else dict(holder.groups)
    if holder is None:
        expected = [name for name in _WRAPPED if name in candidates]
    else:
        expected = list(_numbered_class_names(layer.children))
    by_name = {own.groups["vars"].text("name"): key for key, own in candidates.items() if "vars" in own.groups}
    matched = []
    for position, child in enumerate(layer.children):
        key = by_name.get(child.name) or (expected[position] if position < len(expected) else None)
        if key in candidates:
            matched.append((child, candidates.pop(key)))
    return matched


def _numbered_class_names(layers: list[Layer]) -> Iterator[str]:
    counts: dict[str, int] = {}
    for layer in layers:
        name = _snake_case(layer.class_name)
        number = counts.get(name, 0)
        counts[name] = number + 1
        yield f"{name}_{number}" if number else name


def _snake_case(name: str) -> str:
    """A class name as Keras spells it in a path: `SeparableConv2D` → `separable_conv2d` (its `utils/naming.py`)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _own_weights(layer: Layer, group: Group, others: list[Group], *, keras3: bool) -> Iterator[Weight]:
    """The weights in `group` that belong to none of the groups in `others`."""
    given_away = {other.path for other in others}
    stack = [group]
    while stack:
        current = stack.pop()
        datasets = sorted(current.datasets.values(), key=_number)
        is_own = current.path in (f"{group.path}/vars", f"{group.path}/cell/vars") or current.path == "vars"
        roles = _roles(layer) if is_own else _guessed_roles(current.path, datasets)
        for position, dataset in enumerate(datasets):
            role = roles[position] if position < len(roles) else None
            yield _weight(layer, role, dataset, keras3=keras3)
        stack.extend(below for below in reversed(current.groups.values()) if below.path not in given_away)


def _roles(layer: Layer) -> tuple[str, ...]:
    """What the variables of a layer are, in the order in which Keras numbers them."""
    known = layer_kinds.traits(layer)
    centre = ("gamma",) * (layer.config.get("scale") is not False) + ("beta",) * (
        layer.config.get("center") is not False
    )
    if layer_kinds.is_batchnorm(layer):
        return (*centre, "moving_mean", "moving_variance")
    if known is None:
        return ()
    if known.class_name in _SPECIAL_ROLES:
        return _SPECIAL_ROLES[known.class_name]
    if known.kind is Kind.NORMALIZATION:
        return centre
    if known.kind is Kind.EMBEDDING:
        return ("embeddings",)
    if known.kind is Kind.RECURRENT:
        return ("kernel", "recurrent_kernel", "bias")
    return ("kernel", "bias") if known.kind is Kind.DENSE else ()


def _guessed_roles(path: str, datasets: list[Dataset]) -> tuple[str, ...]:
    """What the variables of an unknown object are: only seeds and BatchNormalization can be told from the outside."""
    if "seed_generator" in path:
        return ("seed_generator_state",)
    shapes = {dataset.shape for dataset in datasets}
    if len(datasets) == 4 and len(shapes) == 1 and len(datasets[0].shape or ()) == 1:
        return ("gamma", "beta", "moving_mean", "moving_variance")
    return ()


def _weight(layer: Layer, role: str | None, dataset: Dataset, *, keras3: bool) -> Weight:
    flag = layer.own_trainable if keras3 and layer.own_trainable is not None else layer.effective_trainable
    return Weight(
        name=f"{layer.path}/{role}" if role and layer.path else dataset.path,
        shape=dataset.shape,
        dtype=dataset.dtype,
        role=role,
        trainable=False if layer_kinds.is_statistic(role) else flag,
        range=dataset.range,
    )


class _Owners:
    """Finds the layer that a weight's name leads to; names of layers may hold slashes themselves."""

    def __init__(self) -> None:
        self._below: dict[int, dict[str, Layer]] = {}

    def find(self, layer: Layer, weight_name: str) -> Layer:
        """The layer below `layer`, or itself, to which the weight belongs."""
        *parts, _ = weight_name.split("/")[-_MAX_PARTS:]
        start = 0
        while start < len(parts):
            below = self._names_below(layer)
            ends = (end for end in range(len(parts), start, -1) if "/".join(parts[start:end]) in below)
            end = next(ends, None)
            if end is not None:
                layer = below["/".join(parts[start:end])]
            start = end or start + 1
        return layer

    def _names_below(self, layer: Layer) -> dict[str, Layer]:
        if id(layer) not in self._below:
            self._below[id(layer)] = {inner.name: inner for inner in reversed(list(layer.walk()))}
        return self._below[id(layer)]


def _plain_role(name: str) -> str:
    return _NUMBER_AT_THE_END.sub("", name.partition(":")[0])


def _number(dataset: Dataset) -> tuple[int, str]:
    last = dataset.path.rpartition("/")[2]
    return (int(last), last) if last.isdecimal() and len(last) < 9 else (-1, last)


def _without(groups: dict[str, Group], names: frozenset[str]) -> dict[str, Group]:
    return {name: group for name, group in groups.items() if name not in names}
