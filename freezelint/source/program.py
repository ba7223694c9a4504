"""The small program that a file is lowered to: what the interpreter runs, with no trace of libcst in it.

Every node has `at`, a number that the file's `Places` turns into a span when a finding needs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """Anything with a place in the text."""

    at: int


class Expression(Node):
    """Something that has a value."""

    __slots__ = ()


class Statement(Node):
    """Something that is done."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A literal: number, string, bytes, True, False, None, Ellipsis."""

    value: object


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A name that is read."""

    id: str


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """`value.name`."""

    value: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Subscript(Expression):
    """`value[index]`."""

    value: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class SliceRange(Expression):
    """`lower:upper:step` inside a subscript."""

    lower: Expression | None
    upper: Expression | None
    step: Expression | None


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call; `name` for a keyword, `star` is "*" or "**" for an unpacked one."""

    value: Expression
    name: str | None = None
    star: str = ""


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """`function(arguments)`."""

    function: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Display(Expression):
    """A list, tuple or set display; `kind` is "list", "tuple" or "set"."""

    kind: str
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Starred(Expression):
    """`*value` inside a display."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Mapping(Expression):
    """A dict display; a key of None is `**value`."""

    items: tuple[tuple[Expression | None, Expression], ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """`not value`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class BooleanOperation(Expression):
    """`left and right` / `left or right`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Expression):
    """`left operator right` (chains are folded into `and`)."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic(Expression):
    """`left operator right`; a unary minus has a `left` of Constant(0)."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    """`body if test else otherwise`."""

    test: Expression
    body: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Walrus(Expression):
    """`target := value`."""

    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Generator(Expression):
    """One `for` clause of a comprehension, with its conditions; `element` may be another Generator."""

    kind: str
    element: Expression
    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function; `kind` is "", "*", "**" or "kwonly"."""

    name: str
    default: Expression | None = None
    kind: str = ""
    at: int = 0
    """The number of the last node in it: the default, the annotation or the name."""


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """`lambda parameters: body`."""

    parameters: tuple[Parameter, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Text(Expression):
    """A formatted string: its value is not followed, its parts are evaluated."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Opaque(Expression):
    """Something whose value is not followed (yield, await, …); its operands are evaluated."""

    operands: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluate(Statement):
    """An expression as a statement."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`target = … = value`."""

    targets: tuple[Expression, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class Annotate(Statement):
    """`target: annotation` without a value, which assigns nothing."""

    target: Expression
    annotation: Expression


@dataclass(frozen=True, slots=True)
class Augment(Statement):
    """`target operator= value`."""

    target: Expression
    operator: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Branch(Statement):
    """`if test: body else: otherwise`."""

    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Loop(Statement):
    """`for target in iterable`; a `while` has no target and its test as `iterable`."""

    target: Expression | None
    iterable: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class With(Statement):
    """`with context as target, …: body`."""

    items: tuple[tuple[Expression, Expression | None], ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Try(Statement):
    """`try: body except …: handlers else: otherwise finally: final`."""

    body: tuple[Statement, ...]
    handlers: tuple[tuple[Statement, ...], ...]
    otherwise: tuple[Statement, ...]
    final: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Define(Statement):
    """`def name(parameters): body`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class DefineClass(Statement):
    """`class name(bases): body`."""

    name: str
    bases: tuple[Expression, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """`return value`."""

    value: Expression | None


@dataclass(frozen=True, slots=True)
class Leave(Statement):
    """`break`, `continue` or `raise`."""

    how: str


@dataclass(frozen=True, slots=True)
class Import(Statement):
    """`import module as name`; without `as`, the first part of the module is bound."""

    module: str
    name: str
    whole: bool
    """Whether `name` is bound to the whole dotted module (there was an `as`)."""


@dataclass(frozen=True, slots=True)
class ImportFrom(Statement):
    """`from module import original as name, …`; `level` counts the leading dots; ("*", "*") is a star import."""

    module: str
    names: tuple[tuple[str, str], ...]
    level: int


@dataclass(frozen=True, slots=True)
class DeclareScope(Statement):
    """`global names` / `nonlocal names`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delete(Statement):
    """`del targets`."""

    targets: tuple[Expression, ...]


Body = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A file or a cell that is not Python, and where it stops being so."""

    reason: str
    cell: int | None = None
    line: int | None = None


@dataclass(slots=True)
class Program:
    """A file, lowered: statements in order of execution (a notebook's cells one after another)."""

    path: str
    body: Body
    unparsed: Sequence[Unparsed] = field(default_factory=tuple)


def defined_functions(body: Body) -> frozenset[str]:
    """The names of the functions and methods that are defined in `body`."""
    names: set[str] = set()
    stack: list[Statement] = list(body)
    while stack:
        statement = stack.pop()
        if isinstance(statement, Define):
            names.add(statement.name)
            stack.extend(statement.body)
        elif isinstance(statement, DefineClass):
            stack.extend(statement.body)
        elif isinstance(statement, Branch):
            stack.extend((*statement.body, *statement.otherwise))
    return frozenset(names)
