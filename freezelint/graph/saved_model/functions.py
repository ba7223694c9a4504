"""Following a computation through a graph and its function library, from what is asked for back to what it needs.

The interpreter knows how TensorFlow runs a graph (reachability, calls, branches, loops, TensorFlow 1 switches)
and nothing about what an operation means: that is the `Domain`, which gives every tensor an abstract value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from freezelint.graph.saved_model.messages import (
    DamagedNode,
    Function,
    Node,
    Nodes,
    Reference,
    called_functions,
    function,
    reference,
)
from freezelint.graph.saved_model.wire import Budget, Malformed, Message

V = TypeVar("V", bound=Hashable)
Operand = TypeVar("Operand", bound=Hashable)

MAX_CALL_DEPTH = 100
_MAX_LOOP_PASSES = 4
_CALLING = ("f", "func", "then_branch", "else_branch", "cond", "body", "branches", "predicate")
_CALLS = frozenset(_CALLING)
_MERGES, _SWITCHES = frozenset({"Merge", "RefMerge"}), frozenset({"Switch", "RefSwitch"})


class _Frame(NamedTuple):
    """One running function: the calls that lead to it, the scope of what is in it, and how deep it is."""

    path: str = ""
    scope: str = ""
    depth: int = 0
    muted: bool = False

    def inner(self, node: str, scope: str, muted: bool = False) -> _Frame:
        """The frame of what the node calls."""
        return _Frame(f"{self.path}>{node}", scope, self.depth + 1, self.muted or muted)

    def scoped(self, node: str) -> str:
        """The node's name with all enclosing scopes."""
        return node if not self.scope or node.startswith(self.scope + "/") else f"{self.scope}/{node}"


class Place(NamedTuple):
    """Where an operation stands. Few are ever asked for more, so nothing is spelt out before."""

    frame: _Frame
    node: str

    @property
    def key(self) -> str:
        """What no other operation has."""
        return f"{self.frame.path}>{self.node}"

    @property
    def scope(self) -> str:
        """Its name with all enclosing scopes."""
        return self.frame.scoped(self.node)

    @property
    def muted(self) -> bool:
        """Set where a switch that somebody sets decides whether it runs: then nothing is recorded."""
        return self.frame.muted


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


def _predicates(merge: Node, nodes: Nodes) -> Iterator[str]:
    """The nodes that decide the switches which a merge takes its inputs from directly."""
    for name in merge.needed:
        switch = nodes.get(name)
        if switch is not None and switch.operation in _SWITCHES:
            yield from switch.needed[1:2]


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
        self.missing: dict[str, None] = {}
        self.too_deep = False

    def graph(self, nodes: Nodes, wanted: Iterable[str], arguments: Mapping[str, V]) -> list[V]:
        """The values of the `wanted` tensors of the main graph; `arguments` are tensors known beforehand, by node."""
        return self._evaluate(nodes, [reference(written) for written in wanted], (), arguments, _OUTERMOST)

    def call(self, name: str, arguments: Sequence[V], frame: _Frame = _OUTERMOST) -> tuple[V, ...]:
        """The outputs of a library function. A recursive call, and one nested too deeply, is unknown."""
        body = self._library.get(name)
        if body is None:
            return self._absent(name)
        if frame.depth > MAX_CALL_DEPTH:
            self.too_deep = True
            return (self._domain.unknown,)
        given = self._bind(name, arguments, len(body.arguments))
        key = (name, given, frame.muted)
        known = self._memo.get(key)
        if known is not None:
            return known
        self._memo[key] = (self._domain.unknown,)  # what a call gives while the same one is running
        environment = dict(zip(body.arguments, given, strict=True))
        try:
            values = tuple(self._evaluate(body.nodes, body.outputs, body.controls, environment, frame))
        except DamagedNode:
            values = self._absent(name)
        self._memo[key] = values
        return values

    def _absent(self, name: str) -> tuple[V, ...]:
        """What a function gives that is not there, or not as a whole."""
        self.missing[f"function {name}"] = None
        return (self._domain.unknown,)

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
        nodes: Nodes,
        wanted: Sequence[Reference],
        controls: Sequence[str],
        arguments: Mapping[str, V],
        frame: _Frame,
    ) -> list[V]:
        """Postorder over what `wanted` and `controls` need; a tensor of a cycle is unknown where it closes."""
        results: dict[str, tuple[V, ...]] = {name: (value,) for name, value in arguments.items()}
        opened: dict[str, Node] = {}
        chosen: set[str] = set()
        stack = [*controls, *(one.producer for one in wanted)]
        while stack:
            name = stack[-1]
            if name in results:
                stack.pop()
                continue
            found = opened.get(name)
            if found is None:
                found = nodes.get(name)
                if found is None:
                    self.missing[f"node {name}"] = None
                    results[name] = (self._domain.unknown,)
                    continue
                opened[name] = found
                needed = _predicates(found, nodes) if found.operation in _MERGES else self._needed(found)
            elif found.operation in _MERGES and name not in chosen:
                chosen.add(name)
                results.update((written, (self._domain.dead,)) for written in self._dead(found, nodes, results))
                needed = self._alive(found, results)
            else:
                needed = ()
            awaited = [part for part in needed if part not in results and part not in opened]
            if awaited:
                stack.extend(awaited)
            elif found.operation not in _MERGES or name in chosen:
                stack.pop()
                results[name] = self._node(found, results, frame)
        return [self._tensor(one, results) for one in wanted]

    def _needed(self, found: Node) -> Sequence[str]:
        """The nodes that run before a node, without the variables that a function it calls is bound to anyway."""
        if "f" not in found.attributes or not found.operation.endswith("PartitionedCall"):
            return found.needed
        captured = [value for callee in called_functions(found.attributes["f"]) for value in self._bound(callee)]
        free = len(found.operands) - len(captured)
        if free < 0 or None in captured:
            return found.needed
        return found.needed[:free] + found.needed[len(found.operands) :]

    def _dead(self, merge: Node, nodes: Nodes, results: Mapping[str, tuple[V, ...]]) -> Iterator[str]:
        """The inputs of a merge that come straight from a switch which points the other way.

        What such a switch is given is computed in vain, and nothing is to be said of it: TensorFlow 1 computes the
        BatchNormalization of training and that of inference, and merges the one that the learning phase asks for.
        """
        for operand in merge.operands:
            switch = nodes.get(operand.producer)
            if switch is not None and switch.operation in _SWITCHES and len(switch.operands) > 1:
                decided = self._domain.known(self._tensor(switch.operands[1], results))
                if decided is not None and operand.written.endswith(":1") != bool(decided):
                    yield operand.written

    def _alive(self, merge: Node, results: Mapping[str, tuple[V, ...]]) -> Iterator[str]:
        """The nodes that a merge needs, without those of inputs that are known to be dead."""
        for operand in merge.operands:
            if operand.written not in results:
                yield operand.producer
        yield from merge.needed[len(merge.operands) :]

    def _tensor(self, wanted: Reference, results: Mapping[str, tuple[V, ...]]) -> V:
        written, producer, output = wanted
        values = results.get(written) or results.get(producer)
        if values is None:
            return self._domain.unknown
        return values[output] if output < len(values) else values[-1]

    def _node(self, found: Node, results: Mapping[str, tuple[V, ...]], frame: _Frame) -> tuple[V, ...]:
        self._budget.step()
        domain, operation = self._domain, found.operation
        operands = [self._tensor(operand, results) for operand in found.operands]
        if operation in _MERGES:
            alive = [value for value in operands if value != domain.dead]
            return (self._joined(alive) if alive else domain.unknown if self._is_switched else domain.dead,)
        after = found.needed[len(operands) :]
        if domain.dead in operands or (after and self._is_dead(after, results)):
            return (domain.dead,)
        if operation in _SWITCHES and len(operands) == 2:
            return self._switch(operands[0], operands[1], frame.scoped(found.name))
        if operation in self._library:
            return self._invoke(found, {"f": [operation]}, operands, frame)
        if not _CALLS.isdisjoint(found.attributes):
            targets = {key: called_functions(found.attributes[key]) for key in _CALLING if key in found.attributes}
            if any(targets.values()):
                return self._invoke(found, targets, operands, frame)
        return domain.apply(found, operands, Place(frame, found.name))

    def _is_dead(self, names: Iterable[str], results: Mapping[str, tuple[V, ...]]) -> bool:
        """Whether one of these nodes is never computed."""
        outputs = (results.get(name) for name in names)
        return any(values[0] == self._domain.dead for values in outputs if values)

    def _switch(self, data: V, predicate: V, scope: str) -> tuple[V, ...]:
        """Output 0 is alive if the predicate is false, output 1 if it is true."""
        decided = self._domain.known(predicate)
        if decided is None:
            if not self._domain.branching_on(predicate, scope):
                return (data,)
            self._is_switched = True
            return (self._domain.dead,)
        return (self._domain.dead, data) if decided else (data, self._domain.dead)

    def _invoke(self, found: Node, targets: Mapping[str, list[str]], operands: list[V], frame: _Frame) -> tuple[V, ...]:
        name = frame.scoped(found.name)
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
