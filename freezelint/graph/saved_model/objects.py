"""The object graph of a SavedModel: which Python object held which variable, list and function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from freezelint.graph.saved_model.messages import Shape, dtype, map_entry, shape
from freezelint.graph.saved_model.wire import Malformed, Message, signed, spans, text

KERAS_2_PREFIX = "_tf_keras_"
MAX_BOUND_INPUTS = 1_000_000
_NOT_THE_MODEL = frozenset({"keras_api", "optimizer", "_optimizer", "_all_variables", "signatures", "saver"})


class Variable(NamedTuple):
    """A saved variable. `created_trainable` is the flag at creation, which freezing a layer does not change."""

    node: int
    name: str
    shape: Shape | None
    dtype: str | None
    created_trainable: bool


class ObjectNode:
    """One tracked Python object, reduced to what is asked of it."""

    __slots__ = (
        "_children", "_located", "function_spec", "functions", "identifier", "is_constant", "metadata", "slots",
        "variable",
    )  # fmt: skip

    def __init__(self, located: Message | None = None, identifier: str = "") -> None:
        """`located` is the SavedObject, if there is one."""
        self.identifier = identifier
        self.metadata: Message | None = None
        self.variable: Variable | None = None
        self.is_constant = False
        self.slots = 0
        self.functions: Sequence[str] = ()
        self.function_spec: Message | None = None
        self._located = located
        self._children: dict[str, int] | None = None

    @property
    def children(self) -> dict[str, int]:
        """The numbers of the objects it keeps, by name: decoded when first asked for, which is for few objects.

        Raises `Malformed` where the bytes are damaged.
        """
        if self._children is None:
            self._children = _children(self._located) if self._located is not None else {}
        return self._children

    @property
    def is_keras_2(self) -> bool:
        """Whether Keras 2 saved it as a layer, model or metric."""
        return self.identifier.startswith(KERAS_2_PREFIX)


class ConcreteFunction(NamedTuple):
    """What a library function captured (`bound_inputs`: object nodes of its last arguments) and was traced with."""

    bound_inputs: tuple[int, ...]
    traced_with: Message | None


@dataclass(slots=True)
class ObjectGraph:
    """The nodes (0 is the root) and the concrete functions by name; both empty for a TensorFlow 1 model."""

    nodes: list[ObjectNode] = field(default_factory=list)
    concrete_functions: dict[str, ConcreteFunction] = field(default_factory=dict)

    def node(self, number: int) -> ObjectNode | None:
        """The node with this number, None if there is none."""
        return self.nodes[number] if 0 <= number < len(self.nodes) else None

    def child(self, number: int, name: str) -> int | None:
        """The number of the child called `name`."""
        node = self.node(number)
        return node.children.get(name) if node is not None else None

    def variables_in_list(self, number: int, name: str) -> list[Variable] | None:
        """The variables of the list that is the child `name`; None if there is no such list."""
        place = self.child(number, name)
        node = self.node(place) if place is not None else None
        if node is None:
            return None
        members = (self.node(member) for member in node.children.values())
        return [member.variable for member in members if member is not None and member.variable is not None]

    def variables(self) -> list[Variable]:
        """Every variable of the model: the root's own list, else what can be reached without optimizer and copies."""
        listed = self.variables_in_list(0, "variables")
        if listed:
            return listed
        return [node.variable for _, node in self.reachable() if node.variable is not None]

    def optimizer_slots(self) -> int | None:
        """How many variables the saved optimizer keeps for single weights; None if no optimizer was saved.

        Keras 2.11 and later list them with the optimizer (its counters are scalars), earlier ones as slots.
        """
        place = self.child(0, "optimizer")
        if place is None or self.node(place) is None:
            return None
        listed = self.variables_in_list(place, "_variables") or []
        return self.nodes[place].slots + sum(1 for variable in listed if variable.shape)

    def reachable(self) -> Iterator[tuple[int, ObjectNode]]:
        """The nodes that belong to the model itself, each once, breadth first from the root."""
        if not self.nodes:
            return
        seen, queue = {0}, [0]
        for number in queue:
            node = self.nodes[number]
            yield number, node
            for name, child in node.children.items():
                if child not in seen and name not in _NOT_THE_MODEL and self.node(child) is not None:
                    seen.add(child)
                    queue.append(child)


def object_graph(message: Message | None) -> ObjectGraph:
    """The SavedObjectGraph in `message`; an empty graph for None."""
    graph = ObjectGraph()
    for number, _, part in message or ():
        if number == 1:
            part.budget.keep(2)
            graph.nodes.append(_object(part, len(graph.nodes)))
        elif number == 2:
            part.budget.keep()
            key, function = _concrete_function(part)
            graph.concrete_functions.setdefault(key, function)
    return graph


def _object(message: Message, place: int) -> ObjectNode:
    node = ObjectNode(message)
    functions: list[str] = []
    buffer, budget = message.buffer, message.budget
    for number, _, start, end in message.spans():
        if number == 1:
            continue  # the children, which come first and are most of it
        if number == 3:
            node.slots += 1
        elif number == 4:
            for inner, _, first, last in spans(buffer, start, end, budget):
                if inner == 1:
                    node.identifier = text(buffer, first, last)
                elif inner == 3:
                    node.metadata = Message(buffer, first, last, budget)
        elif number == 6:
            for inner, _, first, last in spans(buffer, start, end, budget):
                if inner == 1:
                    budget.keep()
                    functions.append(text(buffer, first, last))
                elif inner == 2:
                    node.function_spec = Message(buffer, first, last, budget)
        elif number == 7:
            node.variable = _variable(Message(buffer, start, end, budget), place)
        elif number == 8:
            bare = spans(buffer, start, end, budget)
            functions.extend(text(buffer, first, last) for inner, _, first, last in bare if inner == 1)
        elif number == 9:
            node.is_constant = True
    if functions:
        node.functions = functions
    return node


def _children(message: Message) -> dict[str, int]:
    """The objects that a SavedObject refers to, by name."""
    buffer, budget = message.buffer, message.budget
    children: dict[str, int] = {}
    for number, _, start, end in message.spans():
        if number == 1:
            budget.keep()
            child, name = 0, ""
            for inner, integer, first, last in spans(buffer, start, end, budget):
                if inner == 1:
                    child = signed(integer)
                elif inner == 2:
                    name = text(buffer, first, last)
            children.setdefault(name, child)
    return children


def _variable(message: Message, place: int) -> Variable:
    code, dimensions, trainable, name = 0, None, False, ""
    for number, integer, part in message:
        if number == 1:
            code = integer
        elif number == 2:
            dimensions = shape(part)
        elif number == 3:
            trainable = bool(integer)
        elif number == 6:
            name = part.text()
    return Variable(place, name or f"variable {place}", dimensions, dtype(code), trainable)


def _concrete_function(message: Message) -> tuple[str, ConcreteFunction]:
    buffer, budget = message.buffer, message.budget
    name, part = map_entry(message)
    traced_with = None
    bound: list[int] = []
    for number, integer, start, end in part.spans():
        if number == 2:
            if start == end:
                bound.append(signed(integer))
            else:
                bound.extend(map(signed, Message(buffer, start, end, budget).packed(MAX_BOUND_INPUTS)))
            if len(bound) >= MAX_BOUND_INPUTS:
                raise Malformed("a function with more captured inputs than any real one")
        elif number == 3:
            traced_with = Message(buffer, start, end, budget)
    budget.keep(len(bound))
    return name, ConcreteFunction(tuple(bound), traced_with)
