"""Which parts of a program can matter to a model's training state; the others are not worth a path of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import fields
from functools import lru_cache

from freezelint.source import program as p

_ATTRIBUTES = frozenset({
    "add",
    "apply_gradients",
    "build_model",
    "clone_model",
    "compile",
    "fit",
    "fit_generator",
    "get_layer",
    "gradient",
    "layers",
    "load_model",
    "load_weights",
    "optimizer",
    "output",
    "outputs",
    "pop",
    "set_weights",
    "train_on_batch",
    "train_step",
    "trainable",
})
_CHANGES = frozenset({
    "GradientTape",
    "compile",
    "fit",
    "fit_generator",
    "in_train_phase",
    "learning_phase",
    "set_learning_phase",
    "setattr",
    "train_on_batch",
    "trainable",
})
_TRAINS = frozenset({"apply_gradients", "compile", "fit", "fit_generator", "train_on_batch"})
_NEARLY_TRAINABLE = re.compile(r"_?(?:is_?)?t\w{2,8}b\w{1,4}", re.IGNORECASE)
_COUNTER = re.compile(r"epoch|(?:^|_)steps?(?:$|_)|iteration|warm_?up|(?:^|_)phase", re.IGNORECASE)
_FIELDS: dict[type, tuple[str, ...]] = {}
"""By kind of node, the fields in which other nodes may be."""
_EXITS = frozenset({"exit", "quit", "_exit", "error", "fail", "skipTest"})


class _Body:
    """A body of statements, to be found again by identity: comparing it by value would walk through all of it."""

    __slots__ = ("statements",)

    def __init__(self, statements: p.Body) -> None:
        self.statements = statements

    def __hash__(self) -> int:
        return id(self.statements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Body) and other.statements is self.statements


def words(body: p.Body) -> frozenset[str]:
    """The functions and methods that `body` names, and the attributes that it reads and sets."""
    return _words(body)[0]


def _words(body: p.Body) -> tuple[frozenset[str], bool]:
    """Every name and attribute called or assigned in `body`, and whether it leaves (return, break, …)."""
    return _collected(_Body(body))


@lru_cache(maxsize=50_000)
def _collected(body: _Body) -> tuple[frozenset[str], bool]:
    words: set[str] = set()
    leaves = False
    for node in walk(body.statements):
        if isinstance(node, p.Attribute):
            words.add(node.name)
        elif isinstance(node, p.Call) and isinstance(node.function, p.Name):
            words.add(node.function.id)
        elif isinstance(node, p.Return | p.Leave):
            leaves = True
    return frozenset(words), leaves


def walk(body: Sequence[p.Node]) -> Iterator[p.Node]:
    """Every node in `body`, in no particular order."""
    stack: list[object] = list(body)
    while stack:
        item = stack.pop()
        if isinstance(item, p.Node):
            yield item
        if isinstance(item, p.Node | p.Argument | p.Parameter):
            kind = type(item)
            if kind not in _FIELDS:
                _FIELDS[kind] = tuple(field.name for field in fields(item) if field.name != "at")
            stack.extend(getattr(item, name) for name in _FIELDS[kind])
        elif isinstance(item, tuple):
            stack.extend(item)


def matters(body: p.Body, functions: Set[str]) -> bool:
    """Whether `body` may build, freeze, compile, train or change a model, call one of `functions`, or leave."""
    if not body:
        return False
    words, leaves = _words(body)
    if leaves or words & _ATTRIBUTES:
        return True
    return any(word[0].isupper() for word in words) or not words.isdisjoint(functions)


def worth_entering(body: p.Body) -> bool:
    """Whether a function that nobody calls is worth running for itself: it freezes, compiles or trains something."""
    used = words(body)
    return bool(used & _CHANGES) or any(_NEARLY_TRAINABLE.fullmatch(word) for word in used)


def sets_attributes_of_others(body: p.Body) -> bool:
    """Whether something in `body` assigns to an attribute of another object than `self`."""
    targets = [
        target
        for node in walk(body)
        if isinstance(node, p.Assign | p.Augment)
        for target in (node.targets if isinstance(node, p.Assign) else (node.target,))
    ]
    return any(
        isinstance(target, p.Attribute) and not (isinstance(target.value, p.Name) and target.value.id == "self")
        for target in targets
    )


def trains(body: p.Body) -> bool:
    """Whether `body` compiles or trains something."""
    return not words(body).isdisjoint(_TRAINS)


def builds_on(body: p.Body) -> bool:
    """Whether `body`, run again and again, puts layers behind one another: `x = block(x)`, `model.add(layer)`."""
    return not trains(body) and ("add" in words(body) or _something_carries_on(_Body(body)))


@lru_cache(maxsize=10_000)
def _something_carries_on(body: _Body) -> bool:
    return any(isinstance(node, p.Assign) and _carries_on(node) for node in walk(body.statements))


def _carries_on(node: p.Assign) -> bool:
    targets = {target.id for target in node.targets if isinstance(target, p.Name)}
    return isinstance(node.value, p.Call) and any(
        isinstance(argument, p.Name) and argument.id in targets
        for call in walk((node.value,))
        if isinstance(call, p.Call)
        for argument in (item.value for item in call.arguments)
    )


def flags_set_at_some_steps(body: p.Body) -> Iterator[p.Assign]:
    """The assignments to `trainable` under a condition on how far the training is: `if epoch > 5: …`."""
    branches = (node for node in walk(body) if isinstance(node, p.Branch) and _counts_steps(node.test))
    for branch in branches:
        for node in walk((*branch.body, *branch.otherwise)):
            if isinstance(node, p.Assign) and _sets_a_flag(node):
                yield node


def sets_flags(body: p.Body) -> bool:
    """Whether something in `body` assigns to `trainable`."""
    return any(isinstance(node, p.Assign) and _sets_a_flag(node) for node in walk(body))


def _counts_steps(test: p.Expression) -> bool:
    nodes = list(walk((test,)))
    words = {node.id for node in nodes if isinstance(node, p.Name)}
    words |= {node.name for node in nodes if isinstance(node, p.Attribute)}
    return any(_COUNTER.search(word) for word in words)


def _sets_a_flag(node: p.Assign) -> bool:
    return any(isinstance(target, p.Attribute) and target.name == "trainable" for target in node.targets)


def only_gives_up(body: p.Body) -> bool:
    """Whether `body` ends the program or the path: `raise`, `sys.exit()`, a parser's `error()`."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, p.Leave):
        return last.how == "raise"
    if isinstance(last, p.Evaluate) and isinstance(last.value, p.Call):
        function = last.value.function
        return (isinstance(function, p.Attribute) and function.name in _EXITS) or (
            isinstance(function, p.Name) and function.id in _EXITS
        )
    return False
