"""Following a computation through a graph and its function library, from what is asked for back to what it needs.

The interpreter knows how TensorFlow runs a graph (reachability, calls, branches, loops, TensorFlow 1 switches)
and nothing about what an operation means: that is the `Domain`, which gives every tensor an abstract value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from freezelint.graph.saved_model.messages import Function, Node, called_functions, function, node
from freezelint.graph.saved_model.wire import Budget, Malformed, Message

V = TypeVar("V", bound=Hashable)
Operand = TypeVar("Operand", bound=Hashable)

MAX_CALL_DEPTH = 100
_MAX_LOOP_PASSES = 4
_CALLING = ("f", "func", "then_branch", "else_branch", "cond", "body", "branches", "predicate")
_MERGES, _SWITCHES = ("Merge", "RefMerge"), ("Switch", "RefSwitch")
_NAMED_OUTPUTS = {"batch_mean": 1, "batch_variance": 2}


class Place(NamedTuple):
    """Where an operation stands: a `key` that no other operation has, and its name with all enclosing scopes.

    `muted` is set where a switch that somebody sets decides whether it runs: then nothing is recorded.
    """

    key: str
    scope: str
    muted: bool


class _Frame(NamedTuple):
    """One running function: the calls that lead to it, the scope of what is in it, and how deep it is."""

    path: str = ""
    scope: str = ""
    depth: int = 0
    muted: bool = False

    def inner(self, node: str, scope: str, muted: bool = False) -> _Frame:
        """The frame of what the node calls."""
        return _Frame(f"{self.path}>{node}", scope, self.depth + 1, self.muted or muted)


_OUTERMOST = _Frame()


class Domain(Protocol[Operand]):
    """What the interpreter asks about values and operations."""

    unknown: Operand
    """The value of a tensor about which nothing is known."""
    dead: Operand
    """The value of a tensor that is never computed, behind a switch that points the other way."""

    def apply(self, node: Node, operands: Sequence[Operand], place: Place) -> tuple[Operand, ...]:
        """The outputs of an ordinary operation (one value stands for all outputs if they are alike)."""

    def join(self, first: Operand, second: Operand) -> Operand:
        """One value that stands for either."""

    def known(self, value: Operand) -> int | None:
        """The number a predicate or branch index has, None if it is decided at run time."""

    def branching_on(self, value: Operand, scope: str) -> bool:
        """Told of a branch that is decided at run time; true if it is a switch that somebody sets, not the data."""


@dataclass(slots=True)
class Library:
    """The functions of a SavedModel, decoded when first called."""

    located: Mapping[str, Message]
    _decoded: dict[str, Function | None] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.located

    def get(self, name: str) -> Function | None:
        """The function of that name; None if there is none, or if its bytes are damaged."""
        if name not in self._decoded:
            found = self.located.get(name)
            try:
                self._decoded[name] = function(found) if found is not None else None
            except Malformed:
                self._decoded[name] = None
        return self._decoded[name]


def main_graph(located: Iterable[Message]) -> dict[str, Node]:
    """The nodes of the main graph by name."""
    nodes: dict[str, Node] = {}
    for message in located:
        decoded = node(message)
        nodes.setdefault(decoded.name, decoded)
    return nodes


def producer(reference: str) -> str:
    """The node a reference to a tensor (`name:0`, `name:output:0`, `^name`) names."""
    return reference.removeprefix("^").split(":", 1)[0]


def _predicates(merge: Node, nodes: Mapping[str, Node]) -> Iterator[str]:
    """What decides the switches that a merge takes its inputs from directly."""
    for reference in merge.inputs:
        switch = nodes.get(producer(reference))
        if switch is not None and switch.operation in _SWITCHES:
            yield from switch.inputs[1:2]


def enclosing(scope: str) -> str:
    """The scope a name stands in."""
    return scope.rpartition("/")[0]


class Interpreter(Generic[V]):
    """Evaluates tensors in a domain. `missing` collects what the graph names but does not hold.

    `bound` gives the values that the last arguments of a function have whoever calls it (None: what is passed).
    """

    def __init__(
        self, library: Library, domain: Domain[V], budget: Budget, bound: Callable[[str], Sequence[V | None]]
    ) -> None:
        self._library = library
        self._bound = bound
        self._domain = domain
        self._budget = budget
        self._is_switched = False
        self._memo: dict[tuple[str, tuple[V, ...], bool], tuple[V, ...]] = {}
        self._running: set[tuple[str, tuple[V, ...], bool]] = set()
        self.missing: dict[str, None] = {}
        self.too_deep = False

    def graph(self, nodes: Mapping[str, Node], wanted: Sequence[str], arguments: Mapping[str, V]) -> list[V]:
        """The values of the `wanted` tensors of the main graph; `arguments` are tensors known beforehand, by node."""
        return self._evaluate(nodes, wanted, (), arguments, _OUTERMOST)

    def call(self, name: str, arguments: Sequence[V], frame: _Frame = _OUTERMOST) -> tuple[V, ...]:
        """The outputs of a library function. A recursive call, and one nested too deeply, is unknown."""
        unknown = (self._domain.unknown,)
        body = self._library.get(name)
        if body is None:
            self.missing[f"function {name}"] = None
            return unknown
        if frame.depth > MAX_CALL_DEPTH:
            self.too_deep = True
            return unknown
        given = self._bind(name, arguments, len(body.arguments))
        key = (name, given, frame.muted)
        if key in self._memo:
            return self._memo[key]
        if key in self._running:
            return unknown
        self._running.add(key)
        environment = dict(zip(body.arguments, given, strict=True))
        values = self._evaluate(body.nodes, body.outputs, body.controls, environment, frame)
        self._running.discard(key)
        self._memo[key] = tuple(values)
        return self._memo[key]

    def _bind(self, name: str, arguments: Sequence[V], count: int) -> tuple[V, ...]:
        """The values of a function's `count` arguments."""
        given = list(arguments[:count])
        given += [self._domain.unknown] * (count - len(given))
        captured = self._bound(name)[-count:] if count else ()
        for place, value in enumerate(captured, start=count - len(captured)):
            if value is not None:
                given[place] = value
        return tuple(given)

    def _evaluate(
        self,
        nodes: Mapping[str, Node],
        wanted: Sequence[str],
        controls: Sequence[str],
        arguments: Mapping[str, V],
        frame: _Frame,
    ) -> list[V]:
        """Postorder over what `wanted` and `controls` need; a tensor of a cycle is unknown where it closes."""
        results: dict[str, tuple[V, ...]] = {name: (value,) for name, value in arguments.items()}
        opened: set[str] = set()
        chosen: set[str] = set()
        stack = [producer(reference) for reference in (*controls, *wanted)]
        while stack:
            name = stack[-1]
            if name in results:
                stack.pop()
                continue
            found = nodes.get(name)
            if found is None:
                self.missing[f"node {name}"] = None
                results[name] = (self._domain.unknown,)
            elif name not in opened:
                opened.add(name)
                references = _predicates(found, nodes) if found.operation in _MERGES else found.inputs
                needed = (producer(reference) for reference in references)
                stack.extend(part for part in needed if part not in results and part not in opened)
            elif found.operation in _MERGES and name not in chosen:
                chosen.add(name)
                results.update((reference, (self._domain.dead,)) for reference in self._dead(found, nodes, results))
                needed = (producer(reference) for reference in found.inputs if reference not in results)
                stack.extend(part for part in needed if part not in results and part not in opened)
            else:
                stack.pop()
                results[name] = self._node(found, results, frame)
        return [self._tensor(reference, results) for reference in wanted]

    def _dead(self, merge: Node, nodes: Mapping[str, Node], results: Mapping[str, tuple[V, ...]]) -> Iterator[str]:
        """The inputs of a merge that come straight from a switch which points the other way.

        What such a switch is given is computed in vain, and nothing is to be said of it: TensorFlow 1 computes the
        BatchNormalization of training and that of inference, and merges the one that the learning phase asks for.
        """
        for reference in merge.inputs:
            switch = nodes.get(producer(reference))
            if switch is not None and switch.operation in _SWITCHES and len(switch.inputs) > 1:
                decided = self._domain.known(self._tensor(switch.inputs[1], results))
                if decided is not None and reference.endswith(":1") != bool(decided):
                    yield reference

    def _tensor(self, reference: str, results: Mapping[str, tuple[V, ...]]) -> V:
        if reference in results:
            return results[reference][0]
        parts = reference.split(":")
        values = results.get(parts[0], (self._domain.unknown,))
        index = _NAMED_OUTPUTS.get(parts[1], 0) if len(parts) == 3 else 0
        if len(parts) > 1 and parts[-1].isdecimal() and len(parts[-1]) < 6:
            index += int(parts[-1])
        return values[min(index, len(values) - 1)]

    def _node(self, found: Node, results: Mapping[str, tuple[V, ...]], frame: _Frame) -> tuple[V, ...]:
        self._budget.step()
        domain = self._domain
        operands = [self._tensor(reference, results) for reference in found.inputs if not reference.startswith("^")]
        ordered_after = (results.get(producer(name), ()) for name in found.inputs if name.startswith("^"))
        if found.operation in _MERGES:
            alive = [value for value in operands if value != domain.dead]
            return (self._joined(alive) if alive else domain.unknown if self._is_switched else domain.dead,)
        if domain.dead in operands or any(values and values[0] == domain.dead for values in ordered_after):
            return (domain.dead,)
        inside = not frame.scope or found.name.startswith(frame.scope + "/")
        name = found.name if inside else f"{frame.scope}/{found.name}"
        if found.operation in _SWITCHES and len(operands) == 2:
            return self._switch(operands[0], operands[1], name)
        targets = {key: called_functions(found.attributes[key]) for key in _CALLING if key in found.attributes}
        if found.operation in self._library:
            targets = {"f": [found.operation]}
        if any(targets.values()):
            return self._invoke(found, targets, operands, name, frame)
        return domain.apply(found, operands, Place(f"{frame.path}>{found.name}", name, frame.muted))

    def _switch(self, data: V, predicate: V, scope: str) -> tuple[V, ...]:
        """Output 0 is alive if the predicate is false, output 1 if it is true."""
        decided = self._domain.known(predicate)
        if decided is None:
            if not self._domain.branching_on(predicate, scope):
                return (data,)
            self._is_switched = True
            return (self._domain.dead,)
        return (self._domain.dead, data) if decided else (data, self._domain.dead)

    def _invoke(
        self, found: Node, targets: Mapping[str, list[str]], operands: list[V], name: str, frame: _Frame
    ) -> tuple[V, ...]:
        if "then_branch" in targets or "branches" in targets:
            branches = [*targets.get("then_branch", ()), *targets.get("else_branch", ()), *targets.get("branches", ())]
            return self._branch(branches, "branches" in targets, operands, name, frame)
        inner = frame.inner(found.name, enclosing(name))
        if "body" in targets:
            return self._loop(targets.get("cond", []), targets["body"], operands, inner)
        called = [callee for names in targets.values() for callee in names]
        direct = found.operation.endswith("Call") or found.operation in self._library or "Batch" in found.operation
        outcome: tuple[V, ...] = (self._domain.unknown,)
        for callee in called:
            given = operands if direct else self._captured(callee, operands)
            outcome = self.call(callee, given, inner)
        return outcome or (self._domain.unknown,)

    def _captured(self, callee: str, operands: list[V]) -> list[V]:
        """Arguments of a function that a data set or a map operation calls: what it captured comes last."""
        body = self._library.get(callee)
        wanted = len(body.arguments) if body is not None else 0
        tail = operands[max(0, len(operands) - wanted) :]
        return [self._domain.unknown] * (wanted - len(tail)) + tail

    def _branch(
        self, branches: list[str], by_index: bool, operands: list[V], name: str, frame: _Frame
    ) -> tuple[V, ...]:
        if not operands or not branches:
            return (self._domain.unknown,)
        predicate, given = operands[0], operands[1:]
        decided = self._domain.known(predicate)
        muted = False
        if decided is not None:
            index = decided if by_index else int(not decided)
            branches = [branches[index if 0 <= index < len(branches) else -1]]
        else:
            muted = self._domain.branching_on(predicate, name)
        outcomes = [
            self.call(callee, given, frame.inner(f"{name}#{number}", name, muted))
            for number, callee in enumerate(branches)
        ]
        return self._join_all(outcomes)

    def _loop(self, conditions: list[str], bodies: list[str], operands: list[V], inner: _Frame) -> tuple[V, ...]:
        """What a loop carries, after as many passes as it takes until nothing changes."""
        carried = tuple(operands)
        for _ in range(_MAX_LOOP_PASSES):
            for condition in conditions:
                self.call(condition, carried, inner)
            outcomes = [self.call(body, carried, inner) for body in bodies]
            after = self._join_all([carried, *outcomes])[: len(carried)]
            if after == carried:
                break
            carried = after
        return carried or (self._domain.unknown,)

    def _join_all(self, outcomes: Sequence[tuple[V, ...]]) -> tuple[V, ...]:
        width = max((len(outcome) for outcome in outcomes), default=0)
        columns = ([outcome[min(at, len(outcome) - 1)] for outcome in outcomes if outcome] for at in range(width))
        return tuple(self._joined(column) for column in columns) or (self._domain.unknown,)

    def _joined(self, values: Sequence[V]) -> V:
        result = values[0]
        for value in values[1:]:
            if value != result:
                result = self._domain.join(result, value)
        return result
