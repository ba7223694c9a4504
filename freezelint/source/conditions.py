"""What comparisons and tests on layers, their classes, names and indices come to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from freezelint.keras import names
from freezelint.source import building, containers
from freezelint.source.selection import Bound, Selection
from freezelint.source.values import (
    Class,
    External,
    Function,
    Group,
    GroupTest,
    Instance,
    Items,
    Known,
    Layer,
    Layers,
    Model,
    Optimizer,
    Property,
    Stretch,
    Table,
    Tensor,
    Value,
    solid,
)

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run
BATCHNORM_NAMES = re.compile(r"bn\b|_bn|bn_|^bn|batch|norm", re.IGNORECASE)


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
    wanted = [solid(item) for item in (containers.items_of(classes) if isinstance(classes, Items) else [classes])]
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
        if traits.is_batchnorm and building.contains_batchnorm(layer):
            run.missed.append((layer, "nested", 0, 0, ()))
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
        _note_missed_batchnorms(run, owner.stretch.model, words, exact)
        rest = frozenset(range(len(owner.stretch.model.layout or ()))) - exact
        test = GroupTest(owner, selection.meet(Selection(chosen=exact)), selection.meet(Selection(chosen=rest)))
    elif words and all(BATCHNORM_NAMES.search(word) for word in words) and _named_plainly(owner.stretch.model):
        test = GroupTest(owner, selection.meet(Selection(batchnorm=True)), selection.meet(Selection(batchnorm=False)))
    else:
        test = GroupTest(owner, _part_of(selection), _part_of(selection))
    return test.negated() if negative else test


def _note_missed_batchnorms(run: Run, model: Model, words: list[str], found: frozenset[int]) -> None:
    """Notes a test for BatchNormalization by name that does not find all of it in a backbone."""
    if model.layout is not None and all(BATCHNORM_NAMES.search(word) for word in words):
        wanted = frozenset(model.layout.batchnorm_indices())
        if wanted - found:
            run.missed.append((model, "name", len(wanted & found), len(wanted), tuple(words)))


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
