"""How lists, dicts, lists of layers and loops over them behave, as far as models are concerned."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from freezelint.source import building, keras_objects
from freezelint.source.selection import Selection
from freezelint.source.values import (
    External,
    Function,
    Group,
    IndexRange,
    Items,
    Known,
    Layers,
    Length,
    Model,
    Optimizer,
    Stretch,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run
MAX_ROUNDS = 4
MAX_BUILDING_ROUNDS = 64
"""The same for a loop that puts layers behind one another."""
_MAX_ITEMS = 300


def items_of(value: Value) -> list[Value]:
    """The items of a list, a dict's values, a model's layers; empty if they are not known."""
    match value:
        case Items(items=items):
            return list(items)
        case Table(items=table):
            return list(table.values())
        case Layers():
            return building.as_values(value)
        case _:
            return []


def iterate(run: Run, value: Value, finds_a_name: bool = False, rounds: int = MAX_ROUNDS) -> list[Value] | None:
    """What a loop over `value` binds, round by round; None if that is not known.

    A loop over numbers is run in full up to so many `rounds`; of a longer one, the first and another one stand for all
    (see `is_cut`).
    """
    match value:
        case Layers():
            values = building.as_values(value)[:_MAX_ITEMS]
            return [part for item in values for part in _around_a_name(item)] if finds_a_name else values
        case Items(items=items, complete=complete) if complete or items:
            return list(items)[:_MAX_ITEMS]
        case Table(items=table):
            return _constants(table)
        case Known(value=str() | bytes()):
            return None
        case Known(value=list() | tuple() | set() as constants):
            return _constants(constants)
        case IndexRange(start=Known(value=int() as start), stop=Known(value=int() as stop)) if (
            0 <= stop - start <= rounds
        ):
            return _constants(range(start, stop))
        case IndexRange(start=Known(value=int()) as first):
            return [first, value]
        case IndexRange():
            return [value, value]
        case Model():
            return None
        case _:
            return None


def is_cut(value: Value, items: list[Value] | None) -> bool:
    """Whether the rounds of a loop over `value` are not those that Python would make."""
    return items is None or len(items) == _MAX_ITEMS or (bool(items) and items[-1] is value)


def _constants(values: Iterable[Any]) -> list[Value]:
    return [Known(value) for value in islice(values, _MAX_ITEMS)]


def _around_a_name(item: Value) -> list[Value]:
    """A group walked in two rounds: the layers before the one that a name test looks for, then it and the rest."""
    if not isinstance(item, Group):
        return [item]
    model, whole = item.stretch.model, item.stretch.selection
    return [
        Group(Stretch(model, whole.slice(None, "name")), answer=False),
        Group(Stretch(model, whole.slice("name", None)), answer=True),
    ]


def unpack(run: Run, value: Value, count: int) -> list[Value]:
    """`count` values for the targets of an unpacking assignment."""
    items = items_of(value) if isinstance(value, Items | Layers) else []
    if len(items) == count:
        return items
    if isinstance(value, Tensor):
        return [value] * count
    return [run.unknown() for _ in range(count)]


def set_item(owner: Value, index: Value, value: Value) -> None:
    """`owner[index] = value` for the lists and dicts that are followed."""
    if isinstance(owner, Table) and isinstance(index, Known) and isinstance(index.value, str | int | bool | float):
        owner.items[index.value] = value
    elif isinstance(owner, Items) and isinstance(index, Known) and isinstance(index.value, int):
        if -len(owner.items) <= index.value < len(owner.items):
            owner.items[index.value] = value


def item_of(run: Run, owner: Value, index: Value) -> Value:
    """`owner[index]`."""
    match owner, index:
        case Items(items=items), Known(value=int() as at) if -len(items) <= at < len(items):
            return items[at]
        case Items(items=items), _ if items and all(isinstance(item, Known) for item in items):
            return run.unknown()
        case Table(items=table), Known(value=key) if key in table:
            return table[key]
        case Layers(), Known(value=int() as at):
            return keras_objects.layer_at(run, owner, at)
        case Layers(), IndexRange(start=start, stop=stop):
            found = building.slice_layers(owner, _as_bound(start), _as_bound(stop))
            return building.as_values(found)[0] if len(found.parts) == 1 else run.unknown()
        case Layers(of=Model() as model), _:
            return Group(Stretch(model, Selection(partial=True))) if model.interior is not None else run.unknown()
        case Tensor(), _:
            return Tensor(inputs=(owner,))
        case Table(items=table, complete=True), _ if table:
            return _one_of(run, list(table.values()), index)
        case _:
            return run.unknown()


def index_rounds(layers: Layers, indices: IndexRange) -> list[Value]:
    """The rounds of a loop over indices into a list of layers: one for each layer, or stretch of layers, in it."""
    rounds: list[Value] = []
    first = 0
    start, stop = _as_bound(indices.start), _as_bound(indices.stop)
    if not isinstance(start, int):
        return [indices]
    wanted = [id(part) for part in building.slice_layers(layers, None, stop).parts]
    for part in layers.parts:
        size = building.size_of(part)
        if not isinstance(part, Stretch):
            if first >= start and (id(part) in wanted):
                rounds.append(Known(first))
        else:
            last = None if size is None else first + size
            low = max(first, start)
            high: Value = indices.stop
            if isinstance(stop, int) and last is not None:
                high = Known(min(last, stop))
            elif last is not None and isinstance(indices.stop, Length):
                high = Known(last)
            rounds.append(IndexRange(Known(low), high))
            if last is None:
                return rounds
        first += size or 0
    return rounds


def _one_of(run: Run, choices: list[Value], index: Value) -> Value:
    """`{"a": f, "b": g}[name]`: one of the values; the first one serves, if all are of one kind."""
    kinds = {type(choice) for choice in choices}
    first = choices[0]
    same = kinds == {Optimizer} or (len(choices) == 1 and kinds <= {Function, External})
    return first if same else run.unknown()


def _as_bound(value: Value) -> int | str | Length | None:
    if isinstance(value, Length):
        return value
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else "?"


def slice_of(
    run: Run, owner: Value, lower: int | str | Length | None, upper: int | str | Length | None, stepped: bool = False
) -> Value:
    """`owner[lower:upper]`."""
    if isinstance(owner, Layers):
        return owner if stepped and lower is None and upper is None else building.slice_layers(owner, lower, upper)
    if isinstance(owner, Items) and not stepped:
        if (lower is None or isinstance(lower, int)) and (upper is None or isinstance(upper, int)):
            return Items(owner.items[lower:upper], owner.kind, owner.complete)
        return Items(list(owner.items), owner.kind, False)
    if isinstance(owner, Tensor):
        return Tensor(inputs=(owner,))
    return run.unknown()
