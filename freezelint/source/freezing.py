"""What an assignment to `trainable` does, and which flags a model's parts have at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freezelint.source.selection import Selection, Thaw
from freezelint.source.timeline import WEIGHTLESS, Leaf, SetTrainable, State
from freezelint.source.values import (
    Flag,
    Group,
    GroupTest,
    Known,
    Layer,
    Model,
    Part,
    Place,
    Stretch,
    Value,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run


def set_trainable(run: Run, target: Layer | Group, value: Value, at: Place) -> None:
    """`target.trainable = value`, as this Keras does it."""
    if isinstance(target, Group):
        _set_group(run, target, value, at)
        return
    wanted = _flag(value)
    changed: set[int] = set()
    propagated = _assign(run, target, wanted, at, changed)
    kept = () if propagated or not isinstance(target, Model) else _kept(run, target, wanted)
    run.record(SetTrainable(at, target, wanted, frozenset(changed), propagated, _literal(value), kept))


def _kept(run: Run, model: Model, wanted: bool | None) -> tuple[Place, ...]:
    """Where flags inside a model were set that are not `wanted`; those of BatchNormalization alone do not count."""
    leaves = [leaf for leaf in state_of(run, model).weighted if not _is_batchnorm_alone(leaf)]
    places = [place for leaf in leaves for place in (leaf.frozen_at if wanted else leaf.thawed_at)]
    return tuple(dict.fromkeys(places))


def _is_batchnorm_alone(leaf: Leaf) -> bool:
    if isinstance(leaf.part, Layer):
        return leaf.part.is_batchnorm is True
    interior = leaf.part.model.interior
    return interior is not None and interior.all_are(True, Selection(batchnorm=False))


def _flag(value: Value) -> bool | None:
    if isinstance(value, Known):
        try:
            return bool(value.value)
        except Exception:
            return None
    return None


def _literal(value: Value) -> object:
    return value.value if isinstance(value, Known) else None


def _set_group(run: Run, group: Group, value: Value, at: Place) -> None:
    model, selection = group.stretch.model, group.stretch.selection
    if isinstance(value, GroupTest) and value.group is group:
        for chosen, wanted in ((value.yes, True), (value.no, False)):
            if chosen is not None:
                _set_stretch(run, Stretch(model, chosen), wanted, at)
        return
    _set_stretch(run, Stretch(model, selection), _flag(value), at, _literal(value))


def _set_stretch(run: Run, stretch: Stretch, wanted: bool | None, at: Place, literal: object = None) -> None:
    changed: set[int] = set()
    _assign_stretch(stretch, wanted, at, changed)
    run.record(SetTrainable(at, stretch, wanted, frozenset(changed), literal=literal))


def _assign_stretch(stretch: Stretch, wanted: bool | None, at: Place, changed: set[int]) -> None:
    interior = stretch.model.interior
    if interior is not None and interior.assign(stretch.selection, wanted, at):
        changed.add(id(stretch.model))


def _assign(run: Run, layer: Layer, wanted: bool | None, at: Place, changed: set[int]) -> bool:
    """Sets the flag of a layer and of what is inside it; False where Keras skips the assignment."""
    container = isinstance(layer, Model) or layer.wrapped is not None
    skips = not run.behaviour.same_value_assignment_propagates
    if container and skips and wanted is not None and layer.flag.value is wanted:
        if isinstance(layer, Model) and layer.interior is not None:
            layer.interior.adopt(wanted, at)
        return False
    if layer.flag.value is not wanted or layer.flag.at is None:
        if layer.flag.value is not wanted:
            changed.add(id(layer))
        layer.flag = Flag(wanted, at)
    if layer.wrapped is not None:
        _assign(run, layer.wrapped, wanted, at, changed)
    if isinstance(layer, Model):
        if layer.interior is not None:
            _assign_stretch(Stretch(layer), wanted, at, changed)
        for part in layer.parts:
            if isinstance(part, Stretch):
                _assign_stretch(part, wanted, at, changed)
            else:
                _assign(run, part, wanted, at, changed)
    return True


def state_of(run: Run, model: Model) -> State:
    """The flags of everything inside `model` now, as this Keras reads them."""
    leaves: list[Leaf] = []
    for part, around in model.walk():
        gates = around if run.behaviour.frozen_parent_gates_children else around[:1]
        gate = next((container for container in gates if container.flag.value is False), None)
        leaves.append(_leaf(part, around, gate))
    return State(tuple(leaves))


def _leaf(part: Part, around: tuple[Model, ...], gate: Model | None) -> Leaf:
    if isinstance(part, Stretch):
        return _stretch_leaf(part, around, gate)
    flag = part.flag
    thawed: tuple[Thaw[Place], ...] = ()
    if part.is_batchnorm and flag.value is True:
        thawed = (Thaw(1, flag.at, True),)
    weightless = part.traits is not None and not part.traits.has_weights
    trains = False if gate is not None or weightless else flag.value
    at = (flag.at,) if flag.at is not None else ()
    return Leaf(
        part,
        around,
        WEIGHTLESS if weightless else flag.value,
        gate,
        thawed,
        trains,
        at if flag.value is False else (),
        at if flag.value is True else (),
    )


def _stretch_leaf(part: Stretch, around: tuple[Model, ...], gate: Model | None) -> Leaf:
    interior = part.model.interior
    if interior is None:
        return Leaf(part, around, None, gate, (), None)
    trains: bool | None = None
    if gate is not None or interior.all_are(False, part.selection):
        trains = False
    elif interior.any_is(True, part.selection):
        trains = True
    return Leaf(
        part,
        around,
        interior.state(part.selection),
        gate,
        tuple(interior.thawed_batchnorms(part.selection)),
        trains,
        tuple(interior.setters(False, part.selection)),
        tuple(interior.setters(True, part.selection)),
        interior.only_batchnorms_train(part.selection),
    )
