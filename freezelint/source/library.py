"""What builtins and libraries return, and how lists, dicts and tests behave, as far as models are concerned."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from freezelint.keras import names
from freezelint.source import building, keras_objects
from freezelint.source.selection import Bound, Selection
from freezelint.source.timeline import LearningPhaseUsed
from freezelint.source.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Group,
    GroupTest,
    Guess,
    IndexRange,
    Instance,
    Items,
    Known,
    Layer,
    Layers,
    Length,
    Model,
    Optimizer,
    Partial,
    Place,
    Property,
    Stretch,
    Table,
    Tensor,
    Value,
    solid,
    tensors,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run

_LEARNING_PHASE = frozenset({
    "keras.backend.set_learning_phase",
    "keras.backend.learning_phase",
    "keras.backend.learning_phase_scope",
    "keras.backend.symbolic_learning_phase",
    "keras.backend.in_train_phase",
    "keras.backend.in_test_phase",
})
BUILTINS = frozenset(dir(builtins))
_MAX_ROUNDS = 4
_MAX_ITEMS = 300
_BATCHNORM_NAMES = re.compile(r"bn\b|_bn|bn_|^bn|batch|norm", re.IGNORECASE)
_FREEZER = re.compile(r"freez|frozen|trainab|batch_?norm|bn\b|_bn|bn_", re.IGNORECASE)
_WELL_KNOWN = {
    "keras": "keras",
    "tf": "tensorflow",
    "Model": "keras.Model",
    "Sequential": "keras.Sequential",
    "Input": "keras.Input",
    "load_model": "keras.models.load_model",
    "clone_model": "keras.models.clone_model",
}


def canonical(dotted: str) -> str:
    """The one name of a dotted import path."""
    return names.canonical(dotted)


def well_known(name: str) -> External | None:
    """A class of Keras that is used without being imported by name (a star import, a fragment): `Dense`, `Model`."""
    if name in _WELL_KNOWN:
        return External(_WELL_KNOWN[name])
    if not name[:1].isupper():
        return None
    if names.traits(f"keras.layers.{name}") is not None:
        return External(f"keras.layers.{name}")
    if building.backbone_of(f"keras.applications.{name}") is not None:
        return External(f"keras.applications.{name}")
    return External(f"keras.optimizers.{name}") if names.optimizer(f"keras.optimizers.{name}") is not None else None


def sections(module: str) -> dict[str, Value]:
    """The submodules that a star import of Keras itself brings in."""
    if canonical(module) != "keras":
        return {}
    found = ("applications", "backend", "callbacks", "layers", "losses", "metrics", "models", "optimizers", "utils")
    return {name: External(f"keras.{name}") for name in found}


# Lists and dicts


def items_of(value: Value) -> list[Value]:
    """The items of a list, a dict's values, a model's layers; empty if they are not known."""
    match value:
        case Items(items=items):
            return list(items)
        case Table(items=table):
            return list(table.values())
        case Layers(parts=parts):
            return building.as_values(parts)
        case _:
            return []


def iterate(run: Run, value: Value, finds_a_name: bool = False) -> list[Value] | None:
    """What a loop over `value` binds, round by round; None if that is not known."""
    match value:
        case Layers(parts=parts):
            values = building.as_values(parts)[:_MAX_ITEMS]
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
            0 <= stop - start <= _MAX_ROUNDS
        ):
            return _constants(range(start, stop))
        case IndexRange():
            return [value, value]
        case Model():
            return None
        case _:
            return None


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
            found = building.slice_layers(owner, _as_bound(start), _as_bound(stop)).parts
            return building.as_values(found)[0] if len(found) == 1 else run.unknown()
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


# Tests


def constants_of(value: Value) -> list[Any]:
    """The constants that a comparison is made with: one, or those of a list; empty if they are not known."""
    if isinstance(value, Known) and (value.value is None or isinstance(value.value, str | int | float | bool)):
        return [value.value]
    if isinstance(value, Items) and value.items and all(isinstance(item, Known) for item in value.items):
        return [constant for item in value.items for constant in constants_of(item)]
    return []


def worth_deciding(value: Value) -> bool:
    """Whether it matters which of two values a conditional expression has."""
    value = solid(value)
    if isinstance(value, Known):
        return value.value is None or isinstance(value.value, bool | str)
    return isinstance(value, Layer | Tensor | Layers | Function | Class | Instance | Optimizer | External)


def compare(run: Run, operator: str, left: Value, right: Value) -> Value:
    """`left operator right`."""
    for one, other, flipped in ((left, right, False), (right, left, True)):
        if isinstance(one, Property):
            return _compare_property(run, operator, one, other, flipped)
    if isinstance(left, Known) and isinstance(right, Known):
        return _compare_constants(run, operator, left.value, right.value)
    if operator in ("in", "not in") and isinstance(left, Known) and (constants := constants_of(right)):
        return Known((left.value in constants) is (operator == "in"))
    if operator in ("is", "is not") and isinstance(right, Known) and right.value is None:
        if isinstance(left, Layer | Tensor | Function | Class | Instance | Items | Table | Optimizer | Layers | Group):
            return Known(operator == "is not")
    if operator in ("is", "is not", "==", "!=") and isinstance(left, Layer) and isinstance(right, Layer):
        return Known((left is right) is (operator in ("is", "==")))
    return run.unknown()


def _compare_constants(run: Run, operator: str, left: Any, right: Any) -> Value:
    operations: dict[str, Callable[[Any, Any], bool]] = {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "in": lambda a, b: a in b,
        "not in": lambda a, b: a not in b,
        "is": lambda a, b: a is b or a == b,
        "is not": lambda a, b: a is not b and a != b,
    }
    try:
        return Known(operations[operator](left, right))
    except (KeyError, TypeError):
        return run.unknown()


def _compare_property(run: Run, operator: str, one: Property, other: Value, flipped: bool) -> Value:
    negative = operator in ("!=", "is not", "not in")
    if one.what in ("class", "class name"):
        test = is_instance(run, one.owner, other) if one.what == "class" else _class_name_is(run, one.owner, other)
        return negate(test) if negative else test
    if one.what == "index":
        return _index_test(run, one, operator, other, flipped)
    constants = [constant for constant in constants_of(other) if isinstance(constant, str)]
    return name_test(run, one, constants, "contains" if flipped and "in" in operator else "is", negative)


def negate(test: Value) -> Value:
    """The opposite of a test."""
    if isinstance(test, GroupTest):
        return test.negated()
    return Known(not test.value) if isinstance(test, Known) else test


def is_instance(run: Run, owner: Value, classes: Value) -> Value:
    """`isinstance(owner, classes)`."""
    wanted = [solid(item) for item in (items_of(classes) if isinstance(classes, Items) else [classes])]
    outcomes = [_is_one(run, solid(owner), item) for item in wanted]
    if any(isinstance(item, Known) and item.value for item in outcomes):
        return Known(True)
    tests = [item for item in outcomes if isinstance(item, GroupTest)]
    guards = [test for test in tests if test.yes is not None and test.yes.batchnorm is True and not test.yes.partial]
    if guards:
        # What else is asked for makes no difference to BatchNormalization, and what it selects is rarely known.
        return guards[0]
    if tests:
        result: Value = tests[0]
        for test in tests[1:]:
            result = combine_tests(run, "or", result, test)
        return result
    return Known(False) if outcomes and all(isinstance(item, Known) for item in outcomes) else run.unknown()


def _is_one(run: Run, owner: Value, wanted: Value) -> Value:
    if isinstance(owner, Group):
        return _group_is(run, owner, wanted)
    if isinstance(owner, Layer) and isinstance(wanted, External):
        return _layer_is(run, owner, wanted.name)
    if isinstance(wanted, Class) and isinstance(owner, Instance | Layer):
        return Known(owner.cls is not None and wanted in owner.cls.lineage())
    if isinstance(wanted, External) and wanted.name.startswith("builtins."):
        return _builtin_is(run, owner, wanted.name.removeprefix("builtins."))
    if isinstance(wanted, External) and wanted.name.startswith("keras.") and isinstance(owner, Known | Items | Table):
        return Known(False)
    return run.unknown()


def _builtin_is(run: Run, owner: Value, wanted: str) -> Value:
    if isinstance(owner, Known):
        return Known(type(owner.value).__name__ == wanted)
    if isinstance(owner, Items):
        return Known(owner.kind == wanted)
    return Known(False) if isinstance(owner, Layer | Tensor | Table) and wanted != "dict" else run.unknown()


def _layer_is(run: Run, layer: Layer, wanted: str) -> Value:
    if wanted == "keras.layers.Layer":
        return Known(True)
    if wanted in ("keras.Model", "keras.Sequential"):
        if isinstance(layer, Model):
            return Known(wanted == "keras.Model" or layer.kind == "sequential") if layer.certain else run.unknown()
        return Known(False) if layer.traits is not None else run.unknown()
    traits = names.traits(wanted)
    if traits is None or (layer.traits is None and not isinstance(layer, Model)):
        return run.unknown()
    if isinstance(layer, Model):
        return Known(False)
    return Known(
        layer.traits is not None
        and (layer.traits.name == traits.name or (traits.is_batchnorm and layer.traits.is_batchnorm))
    )


def _group_is(run: Run, group: Group, wanted: Value) -> Value:
    model, selection = group.stretch.model, group.stretch.selection
    if isinstance(wanted, External) and wanted.name == "keras.layers.Layer":
        return Known(True)
    if isinstance(wanted, External) and wanted.name in ("keras.Model", "keras.Sequential", "keras.models.Functional"):
        if model.backbone is not None:
            return Known(False)
        return GroupTest(group, selection, selection)
    traits = names.traits(wanted.name) if isinstance(wanted, External) else None
    batchnorm = traits.is_batchnorm if traits is not None else _subclasses_batchnorm(wanted)
    if batchnorm:
        return GroupTest(group, selection.meet(Selection(batchnorm=True)), selection.meet(Selection(batchnorm=False)))
    if traits is not None or batchnorm is False:
        some = selection.meet(Selection(batchnorm=False, partial=True))
        return GroupTest(group, some, Selection(selection.start, selection.stop, selection.batchnorm, partial=False))
    return GroupTest(group, _part_of(selection), _part_of(selection))


def _subclasses_batchnorm(wanted: Value) -> bool | None:
    if not isinstance(wanted, Class):
        return None
    known = [names.traits(base) for base in wanted.library_bases()]
    return any(traits.is_batchnorm for traits in known if traits is not None) if known else None


def _part_of(selection: Selection) -> Selection:
    return Selection(selection.start, selection.stop, selection.batchnorm, partial=True)


def _class_name_is(run: Run, owner: Layer | Group, other: Value) -> Value:
    constants = [constant for constant in constants_of(other) if isinstance(constant, str)]
    if not constants:
        return run.unknown()
    wanted = Items([External(f"keras.layers.{constant}") for constant in constants], "tuple")
    return is_instance(run, owner, wanted)


_NAME_TESTS: dict[str, Callable[[str, str], bool]] = {
    "is": lambda name, word: name == word,
    "contains": lambda name, word: word in name,
    "starts": lambda name, word: name.startswith(word),
    "ends": lambda name, word: name.endswith(word),
}


def name_test(run: Run, name: Property, words: list[str], how: str, negative: bool = False) -> Value:
    """A test on a layer's name: whether it "is", "contains", "starts" or "ends" with one of `words`."""
    owner = name.owner
    if isinstance(owner, Layer):
        if owner.name is None or not words:
            return run.unknown()
        return Known(any(_NAME_TESTS[how](_cased(owner.name, name), word) for word in words) is not negative)
    if owner.answer is not None:
        return Known(owner.answer is not negative)
    selection = owner.stretch.selection
    exact = _named(name, owner.stretch.model, words, how) if words else None
    if exact is not None:
        rest = frozenset(range(len(owner.stretch.model.layout or ()))) - exact
        test = GroupTest(owner, selection.meet(Selection(chosen=exact)), selection.meet(Selection(chosen=rest)))
    elif words and all(_BATCHNORM_NAMES.search(word) for word in words) and _named_plainly(owner.stretch.model):
        test = GroupTest(owner, selection.meet(Selection(batchnorm=True)), selection.meet(Selection(batchnorm=False)))
    else:
        test = GroupTest(owner, _part_of(selection), _part_of(selection))
    return test.negated() if negative else test


def _cased(text: str, name: Property) -> str:
    return text.lower() if name.case == "lower" else text.upper() if name.case == "upper" else text


def _named(name: Property, model: Model, words: list[str], how: str) -> frozenset[int] | None:
    """The positions of the layers with such names in a backbone whose layers are known; None if that cannot be told."""
    if model.layout is None:
        return None
    layers = [(_cased(layer.name, name), layer.numbered) for layer in model.layout.layers]
    exact = how == "is"
    if exact and not all(any(text == word and not numbered for text, numbered in layers) for word in words):
        return None
    return frozenset(
        index
        for index, (text, numbered) in enumerate(layers)
        if not (exact and numbered) and any(_NAME_TESTS[how](text, word) for word in words)
    )


def _named_plainly(model: Model) -> bool:
    """Whether the BatchNormalization layers of the model can be told by "bn" in their names."""
    return model.title not in ("InceptionV3", "InceptionResNetV2")


def _index_test(run: Run, index: Property, operator: str, other: Value, flipped: bool) -> Value:
    group, bound = index.owner, other.value if isinstance(other, Known) else None
    if isinstance(group, Layer):
        return (
            _compare_constants(run, operator, index.base, bound) if bound is not None and not flipped else run.unknown()
        )
    if flipped:
        operator = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
    selection = group.stretch.selection
    at: Bound = bound - index.base if isinstance(bound, int) else "index"
    if isinstance(at, int) and at < 0:
        at = 0
    if operator in ("<=", ">") and isinstance(at, int):
        at += 1
    if operator in ("<", "<="):
        return GroupTest(group, selection.slice(None, at), selection.slice(at, None))
    if operator in (">", ">="):
        return GroupTest(group, selection.slice(at, None), selection.slice(None, at))
    return GroupTest(group, _part_of(selection), _part_of(selection))


def combine_tests(run: Run, operator: str, left: Value, right: Value) -> Value:
    """`left and right`, `left or right` where at least one is a test on a loop variable."""
    tests = [value for value in (left, right) if isinstance(value, GroupTest)]
    if len(tests) == 2 and tests[0].group is tests[1].group:
        one, two = tests
        exact = _combine_exactly(operator, one, two)
        if exact is not None:
            return exact
        if operator == "or":
            joined = combine_tests(run, "and", one.negated(), two.negated())
            return joined.negated() if isinstance(joined, GroupTest) else joined
        yes = one.yes.meet(two.yes) if one.yes is not None and two.yes is not None else None
        no = one.no.join(two.no) if one.no is not None and two.no is not None else one.no or two.no
        return GroupTest(one.group, yes, no)
    test = tests[0]
    yes, no = test.yes, test.no
    if operator == "and":
        return GroupTest(test.group, yes and _part_of(yes), test.group.stretch.selection)
    return GroupTest(test.group, test.group.stretch.selection, no and _part_of(no))


def _combine_exactly(operator: str, one: GroupTest, two: GroupTest) -> GroupTest | None:
    """The combined test as positions, where the layers of the group are known one by one."""
    sides = [_positions(one.group, side) for side in (one.yes, one.no, two.yes, two.no)]
    if any(side is None for side in sides):
        return None
    yes_one, no_one, yes_two, no_two = (side or frozenset() for side in sides)
    yes = yes_one & yes_two if operator == "and" else yes_one | yes_two
    no = no_one | no_two if operator == "and" else no_one & no_two
    return GroupTest(one.group, *(Selection(chosen=side) if side else None for side in (yes, no)))


def _positions(group: Group, selection: Selection | None) -> frozenset[int] | None:
    return frozenset() if selection is None else Stretch(group.stretch.model, selection).positions


# Calls


def call_external(run: Run, name: str, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """The result of calling something from a library, or a builtin."""
    name = canonical(name)
    if name in _LEARNING_PHASE and not run.guards:
        given = positional[0] if positional else named.get("value")
        run.record(LearningPhaseUsed(at, name.rpartition(".")[2], given.value if isinstance(given, Known) else None))
    if name.startswith("keras.callbacks."):
        return External(f"{name}()")
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(run, positional, named, at)
    made = building.make(run, name, positional, named, at)
    if made is not None:
        return made
    return call_unknown(run, External(name), positional, named, at)


def call_unknown(run: Run, function: Value, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    """The result of calling something that is not known: a tensor for tensors, otherwise unknown."""
    arguments = [*positional, *named.values()]
    for argument in arguments:
        if isinstance(argument, Partial) and isinstance(argument.owner, Optimizer):
            argument.owner.arguments["learning_rate"] = UNKNOWN
    name = function.name if isinstance(function, External | Guess) else ""
    if not name.startswith(("keras.", "tensorflow.", "numpy.", "builtins.")):
        for argument in arguments:
            target = solid(argument)
            if isinstance(target, Model):
                _hand_over(target, name.rpartition(".")[2], at)
    found = tuple(tensors(arguments))
    if found:
        keras_own = name.startswith(("keras.", "tensorflow."))
        return Tensor(inputs=found, unknown=not keras_own)
    return run.unknown()


def _hand_over(model: Model, function: str, at: Place) -> None:
    """An unknown function gets the model: it may compile it, load weights and, if its name says so, set flags."""
    for container in model.containers():
        container.handed_over = at
        container.compiled = container.traced = None
        if _FREEZER.search(function):
            container.disturbed = at


Handler = Callable[["Run", list[Value], dict[str, Value], Place], Value]


def _len(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    if isinstance(value, Items) and value.complete:
        return Known(len(value.items))
    if isinstance(value, Layers):
        size = building.count(value)
        return Known(size) if size is not None else Length(value)
    if isinstance(value, Known) and isinstance(value.value, str):
        return Known(len(value.value))
    return run.unknown()


def _range(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [stop]:
            return IndexRange(Known(0), stop)
        case [start, stop, *_]:
            return IndexRange(start, stop)
        case _:
            return run.unknown()


def _enumerate(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    items = iterate(run, value)
    if items is None:
        return run.unknown()
    start = positional[1] if len(positional) > 1 else named.get("start", Known(0))
    base = start.value if isinstance(start, Known) and isinstance(start.value, int) else 0
    pairs: list[Value] = []
    for number, item in enumerate(items):
        index: Value = Known(number + base) if not _has_group(items) else run.unknown()
        if isinstance(item, Group):
            index = Property(item, "index", base)
        pairs.append(Items([index, item], "tuple"))
    return Items(pairs)


def _has_group(items: list[Value]) -> bool:
    return any(isinstance(item, Group) for item in items)


def _zip(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    columns = [iterate(run, solid(value)) for value in positional]
    known = [column for column in columns if column is not None]
    if not known:
        return run.unknown()
    length = min(len(column) for column in known)
    rows = [
        Items([column[row] if column is not None else run.unknown() for column in columns], "tuple")
        for row in range(length)
    ]
    return Items(list(rows))


def _isinstance(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    return is_instance(run, positional[0], positional[1]) if len(positional) == 2 else run.unknown()


def _type(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    owner = solid(positional[0]) if len(positional) == 1 else UNKNOWN
    return Property(owner, "class") if isinstance(owner, Layer | Group) else run.unknown()


def _str(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = positional[0] if positional else Known("")
    if isinstance(value, Property):
        return Property(value.owner, "class name") if value.what == "class" else value
    return Known(str(value.value)) if isinstance(value, Known) else run.unknown()


def _number(kind: Callable[[Any], Any]) -> Handler:
    def convert(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
        value = positional[0] if positional else UNKNOWN
        if isinstance(value, Known) and isinstance(value.value, int | float | str | bool):
            try:
                return Known(kind(value.value))
            except (ValueError, OverflowError):
                return run.unknown()
        return run.unknown()

    return convert


def _bool(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = positional[0] if positional else Known(False)
    if isinstance(value, GroupTest):
        return value
    return Known(bool(value.value)) if isinstance(value, Known) else run.unknown()


def _list(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    if not positional:
        return Items([])
    value = solid(positional[0])
    if isinstance(value, Layers):
        return Layers(list(value.parts), value.of, value.complete)
    if isinstance(value, Items):
        return Items(list(value.items), "list", value.complete)
    return value if isinstance(value, IndexRange) else run.unknown()


def _reversed(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    value = solid(positional[0]) if positional else UNKNOWN
    if isinstance(value, Items):
        return Items(value.items[::-1], value.kind, value.complete)
    return Layers(value.parts[::-1], value.of, value.complete) if isinstance(value, Layers) else run.unknown()


def _filter(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    if len(positional) != 2 or not isinstance(layers := solid(positional[1]), Layers):
        return run.unknown()
    kept: list[Value] = []
    for item in building.as_values(layers.parts):
        outcome = run.call(positional[0], [item], {}, at)
        if isinstance(outcome, GroupTest) and isinstance(item, Group):
            if outcome.yes is not None:
                kept.append(Group(Stretch(item.stretch.model, outcome.yes)))
        elif not (isinstance(outcome, Known) and not outcome.value):
            kept.append(item)
    return Layers(building.as_parts(kept), layers.of, layers.complete)


def _dict(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    base = positional[0] if positional else Table({})
    return Table({**(base.items if isinstance(base, Table) else {}), **named}, isinstance(base, Table))


def _getattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [owner, Known(value=str() as name), *_]:
            return keras_objects.get_attribute(run, solid(owner), name, at)
        case _:
            return run.unknown()


def _setattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [owner, Known(value=str() as name), value]:
            keras_objects.set_attribute(run, solid(owner), name, value, at)
    return Known(None)


def _hasattr(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match [solid(value) for value in positional]:
        case [External(name=module), Known(value=str() as name)] if f"{module}.{name}" in _LEARNING_PHASE:
            return Known(run.behaviour.learning_phase_exists)
        case [Model(), Known(value="layers")]:
            return Known(True)
        case [Layer() as layer, Known(value="layers")] if layer.traits is not None:
            return Known(False)
        case [Layer() | Group(), Known(value="trainable")]:
            return Known(True)
        case [Group() as group, Known(value="layers")] if group.stretch.model.backbone is not None:
            return Known(False)
        case _:
            return run.unknown()


def _regex(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    match positional:
        case [Known(value=str() as pattern), Property(what="name", owner=Group()) as name, *_]:
            return name_test(run, name, [pattern] if _BATCHNORM_NAMES.search(pattern) else [], "contains")
        case [_, Property(what="name", owner=Group()) as name, *_]:
            return name_test(run, name, [], "contains")
        case _:
            return run.unknown()


def _exit(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
    return Known(None)


_HANDLERS: dict[str, Handler] = {
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.isinstance": _isinstance,
    "builtins.type": _type,
    "builtins.str": _str,
    "builtins.int": _number(int),
    "builtins.float": _number(float),
    "builtins.bool": _bool,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.sorted": _list,
    "builtins.reversed": _reversed,
    "builtins.dict": _dict,
    "builtins.filter": _filter,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "re.search": _regex,
    "re.match": _regex,
    "tqdm.tqdm": _list,
    "tqdm.auto.tqdm": _list,
    "builtins.print": _exit,
}
