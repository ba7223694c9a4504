"""libcst tree → program. One visit, no metadata; places are looked up afterwards and only if asked for."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from freezelint.source import program as p

_COMPARISONS: dict[type, str] = {
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.In: "in",
    cst.NotIn: "not in",
    cst.Is: "is",
    cst.IsNot: "is not",
}
_OPERATORS: dict[type, str] = {
    cst.Add: "+",
    cst.Subtract: "-",
    cst.Multiply: "*",
    cst.Divide: "/",
    cst.FloorDivide: "//",
    cst.Modulo: "%",
    cst.Power: "**",
    cst.BitAnd: "&",
    cst.BitOr: "|",
    cst.AddAssign: "+",
    cst.SubtractAssign: "-",
    cst.MultiplyAssign: "*",
    cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//",
}


class Lowering:
    """Lowers the trees of one file; `nodes` are the libcst nodes by their number."""

    def __init__(self) -> None:
        self.nodes: list[cst.CSTNode] = []
        self._expressions: dict[type, Callable[[Any], p.Expression]] = {
            cst.Name: self._name,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.Subscript: self._subscript,
            cst.Integer: self._literal,
            cst.Float: self._literal,
            cst.Imaginary: self._literal,
            cst.SimpleString: self._literal,
            cst.ConcatenatedString: self._concatenated,
            cst.FormattedString: self._formatted,
            cst.List: lambda node: self._display("list", node),
            cst.Tuple: lambda node: self._display("tuple", node),
            cst.Set: lambda node: self._display("set", node),
            cst.Dict: self._dict,
            cst.UnaryOperation: self._unary,
            cst.BinaryOperation: self._binary,
            cst.BooleanOperation: self._boolean,
            cst.Comparison: self._comparison,
            cst.IfExp: self._conditional,
            cst.Lambda: self._lambda,
            cst.NamedExpr: lambda n: p.Walrus(self._at(n), self.expression(n.target), self.expression(n.value)),
            cst.ListComp: lambda node: self._comprehension("list", node.elt, node.for_in, node),
            cst.SetComp: lambda node: self._comprehension("set", node.elt, node.for_in, node),
            cst.GeneratorExp: lambda node: self._comprehension("generator", node.elt, node.for_in, node),
            cst.DictComp: lambda node: self._comprehension("dict", node.value, node.for_in, node),
            cst.Ellipsis: lambda node: p.Constant(self._at(node), ...),
            cst.Await: lambda node: self.expression(node.expression),
            cst.Yield: self._yield,
            cst.StarredElement: lambda node: p.Starred(self._at(node), self.expression(node.value)),
        }
        self._statements: dict[type, Callable[[Any], p.Body]] = {
            cst.SimpleStatementLine: self._simple,
            cst.If: self._if,
            cst.For: self._for,
            cst.While: self._while,
            cst.With: self._with,
            cst.Try: self._try,
            cst.TryStar: self._try,
            cst.FunctionDef: self._function,
            cst.ClassDef: self._class,
            cst.Match: self._match,
        }
        self._small: dict[type, Callable[[Any], p.Body]] = {
            cst.Expr: lambda node: (p.Evaluate(self._at(node), self.expression(node.value)),),
            cst.Assign: self._assign,
            cst.AnnAssign: self._annotated,
            cst.AugAssign: self._augmented,
            cst.Return: self._return,
            cst.Raise: lambda node: (p.Leave(self._at(node), "raise"),),
            cst.Break: lambda node: (p.Leave(self._at(node), "break"),),
            cst.Continue: lambda node: (p.Leave(self._at(node), "continue"),),
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.Global: self._scope,
            cst.Nonlocal: self._scope,
            cst.Del: self._delete,
        }

    def module(self, tree: cst.Module) -> p.Body:
        """The statements of a parsed module (or notebook cell), in order."""
        return self._block(tree.body)

    def _at(self, node: cst.CSTNode) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    # Statements

    def _block(self, statements: Iterable[Any]) -> p.Body:
        lowered: list[p.Statement] = []
        for statement in statements:
            handler = self._statements.get(type(statement))
            if handler is not None:
                lowered.extend(handler(statement))
        return tuple(lowered)

    def _suite(self, suite: Any) -> p.Body:
        if isinstance(suite, cst.SimpleStatementSuite):
            return self._simple(suite)
        return self._block(suite.body)

    def _simple(self, line: Any) -> p.Body:
        lowered: list[p.Statement] = []
        for statement in line.body:
            handler = self._small.get(type(statement))
            if handler is not None:
                lowered.extend(handler(statement))
        return tuple(lowered)

    def _assign(self, node: cst.Assign) -> p.Body:
        targets = tuple(self.expression(target.target) for target in node.targets)
        return (p.Assign(self._at(node), targets, self.expression(node.value)),)

    def _annotated(self, node: cst.AnnAssign) -> p.Body:
        target = self.expression(node.target)
        if node.value is None:
            return (p.Annotate(self._at(node), target, self.expression(node.annotation.annotation)),)
        return (p.Assign(self._at(node), (target,), self.expression(node.value)),)

    def _augmented(self, node: cst.AugAssign) -> p.Body:
        operator = _OPERATORS.get(type(node.operator), "?")
        return (p.Augment(self._at(node), self.expression(node.target), operator, self.expression(node.value)),)

    def _return(self, node: cst.Return) -> p.Body:
        return (p.Return(self._at(node), self.expression(node.value) if node.value else None),)

    def _delete(self, node: cst.Del) -> p.Body:
        return (p.Delete(self._at(node), (self.expression(node.target),)),)

    def _scope(self, node: cst.Global | cst.Nonlocal) -> p.Body:
        return (p.DeclareScope(self._at(node), tuple(item.name.value for item in node.names)),)

    def _import(self, node: cst.Import) -> p.Body:
        lowered = []
        for alias in node.names:
            module = _dotted(alias.name)
            renamed = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else None
            name = renamed or module.partition(".")[0]
            lowered.append(p.Import(self._at(node), module, name, renamed is not None))
        return tuple(lowered)

    def _import_from(self, node: cst.ImportFrom) -> p.Body:
        names: tuple[tuple[str, str], ...]
        if isinstance(node.names, cst.ImportStar):
            names = (("*", "*"),)
        else:
            names = tuple(
                (
                    _dotted(alias.name),
                    alias.asname.name.value
                    if alias.asname and isinstance(alias.asname.name, cst.Name)
                    else _dotted(alias.name),
                )
                for alias in node.names
            )
        module = _dotted(node.module) if node.module else ""
        return (p.ImportFrom(self._at(node), module, names, len(node.relative)),)

    def _if(self, node: cst.If) -> p.Body:
        otherwise: p.Body = ()
        if isinstance(node.orelse, cst.If):
            otherwise = self._if(node.orelse)
        elif node.orelse is not None:
            otherwise = self._suite(node.orelse.body)
        return (p.Branch(self._at(node), self.expression(node.test), self._suite(node.body), otherwise),)

    def _for(self, node: cst.For) -> p.Body:
        otherwise = self._suite(node.orelse.body) if node.orelse else ()
        target, iterable = self.expression(node.target), self.expression(node.iter)
        return (p.Loop(self._at(node), target, iterable, self._suite(node.body), otherwise),)

    def _while(self, node: cst.While) -> p.Body:
        otherwise = self._suite(node.orelse.body) if node.orelse else ()
        return (p.Loop(self._at(node), None, self.expression(node.test), self._suite(node.body), otherwise),)

    def _with(self, node: cst.With) -> p.Body:
        items = tuple(
            (self.expression(item.item), self.expression(item.asname.name) if item.asname else None)
            for item in node.items
        )
        return (p.With(self._at(node), items, self._suite(node.body)),)

    def _try(self, node: Any) -> p.Body:
        handlers = tuple(self._suite(handler.body) for handler in node.handlers)
        otherwise = self._suite(node.orelse.body) if node.orelse else ()
        final = self._suite(node.finalbody.body) if node.finalbody else ()
        return (p.Try(self._at(node), self._suite(node.body), handlers, otherwise, final),)

    def _match(self, node: cst.Match) -> p.Body:
        """A `match` is a chain of branches whose tests are equalities with literals, or unknown."""
        subject = self.expression(node.subject)
        chain: p.Body = ()
        for case in reversed(node.cases):
            body = self._suite(case.body)
            pattern = case.pattern
            if isinstance(pattern, cst.MatchAs) and pattern.pattern is None and case.guard is None:
                chain = body
                continue
            test: p.Expression = p.Opaque(self._at(case))
            if isinstance(pattern, cst.MatchValue) and case.guard is None:
                test = p.Comparison(self._at(case), "==", subject, self.expression(pattern.value))
            chain = (p.Branch(self._at(case), test, body, chain),)
        return chain

    def _function(self, node: cst.FunctionDef) -> p.Body:
        decorators = tuple(self.expression(item.decorator) for item in node.decorators)
        parameters = self._parameters(node.params)
        # The place of a definition is its name: a finding about it should not underline its whole body.
        return (p.Define(self._at(node.name), node.name.value, parameters, self._suite(node.body), decorators),)

    def _class(self, node: cst.ClassDef) -> p.Body:
        bases = tuple(self.expression(argument.value) for argument in node.bases)
        decorators = tuple(self.expression(item.decorator) for item in node.decorators)
        return (p.DefineClass(self._at(node.name), node.name.value, bases, self._suite(node.body), decorators),)

    def _parameters(self, node: cst.Parameters) -> tuple[p.Parameter, ...]:
        lowered = [self._parameter(item, "") for item in (*node.posonly_params, *node.params)]
        if isinstance(node.star_arg, cst.Param):
            lowered.append(self._parameter(node.star_arg, "*"))
        lowered.extend(self._parameter(item, "kwonly") for item in node.kwonly_params)
        if node.star_kwarg is not None:
            lowered.append(self._parameter(node.star_kwarg, "**"))
        return tuple(lowered)

    def _parameter(self, node: cst.Param, kind: str) -> p.Parameter:
        default = self.expression(node.default) if node.default else None
        return p.Parameter(node.name.value, default, kind, self._at(node.default or node.annotation or node.name))

    # Expressions

    def expression(self, node: cst.CSTNode) -> p.Expression:
        """One expression; what is not followed becomes `Opaque`."""
        handler = self._expressions.get(type(node))
        return handler(node) if handler is not None else p.Opaque(self._at(node))

    def _name(self, node: cst.Name) -> p.Expression:
        if node.value in ("True", "False", "None"):
            return p.Constant(self._at(node), {"True": True, "False": False, "None": None}[node.value])
        return p.Name(self._at(node), node.value)

    def _attribute(self, node: cst.Attribute) -> p.Expression:
        return p.Attribute(self._at(node), self.expression(node.value), node.attr.value)

    def _call(self, node: cst.Call) -> p.Expression:
        arguments = tuple(
            p.Argument(self.expression(item.value), item.keyword.value if item.keyword else None, item.star)
            for item in node.args
        )
        return p.Call(self._at(node), self.expression(node.func), arguments)

    def _subscript(self, node: cst.Subscript) -> p.Expression:
        indices = [self._index(item.slice) for item in node.slice]
        index = indices[0] if len(indices) == 1 else p.Display(self._at(node), "tuple", tuple(indices))
        return p.Subscript(self._at(node), self.expression(node.value), index)

    def _index(self, node: cst.BaseSlice) -> p.Expression:
        if isinstance(node, cst.Slice):
            bounds = (self.expression(item) if item else None for item in (node.lower, node.upper, node.step))
            return p.SliceRange(self._at(node), *bounds)
        return self.expression(node.value) if isinstance(node, cst.Index) else p.Opaque(self._at(node))

    def _literal(self, node: cst.Integer | cst.Float | cst.Imaginary | cst.SimpleString) -> p.Expression:
        text = node.value
        if text[0] in "'\"" and text[1:2] != text[0] and "\\" not in text:
            return p.Constant(self._at(node), text[1:-1])
        if text.isdecimal() and (text == "0" or text[0] != "0") and len(text) < 20:
            return p.Constant(self._at(node), int(text))
        try:
            return p.Constant(self._at(node), literal_eval(text))
        except (ValueError, SyntaxError):
            return p.Opaque(self._at(node))

    def _concatenated(self, node: cst.ConcatenatedString) -> p.Expression:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(left, p.Constant) and isinstance(right, p.Constant):
            if isinstance(left.value, str) and isinstance(right.value, str):
                return p.Constant(self._at(node), left.value + right.value)
            return p.Opaque(self._at(node))
        return p.Text(self._at(node), (left, right))

    def _formatted(self, node: cst.FormattedString) -> p.Expression:
        parts = tuple(
            self.expression(part.expression) for part in node.parts if isinstance(part, cst.FormattedStringExpression)
        )
        return p.Text(self._at(node), parts)

    def _display(self, kind: str, node: Any) -> p.Expression:
        items = tuple(
            self.expression(item if isinstance(item, cst.StarredElement) else item.value) for item in node.elements
        )
        return p.Display(self._at(node), kind, items)

    def _dict(self, node: cst.Dict) -> p.Expression:
        items = tuple(
            (self.expression(item.key) if isinstance(item, cst.DictElement) else None, self.expression(item.value))
            for item in node.elements
        )
        return p.Mapping(self._at(node), items)

    def _unary(self, node: cst.UnaryOperation) -> p.Expression:
        value = self.expression(node.expression)
        if isinstance(node.operator, cst.Not):
            return p.Not(self._at(node), value)
        if isinstance(node.operator, cst.Minus):
            if isinstance(value, p.Constant) and isinstance(value.value, (int, float)):
                return p.Constant(self._at(node), -value.value)
            return p.Arithmetic(self._at(node), "-", p.Constant(self._at(node), 0), value)
        return value if isinstance(node.operator, cst.Plus) else p.Opaque(self._at(node), (value,))

    def _binary(self, node: cst.BinaryOperation) -> p.Expression:
        operator = _OPERATORS.get(type(node.operator), "?")
        return p.Arithmetic(self._at(node), operator, self.expression(node.left), self.expression(node.right))

    def _boolean(self, node: cst.BooleanOperation) -> p.Expression:
        operator = "and" if isinstance(node.operator, cst.And) else "or"
        return p.BooleanOperation(self._at(node), operator, self.expression(node.left), self.expression(node.right))

    def _comparison(self, node: cst.Comparison) -> p.Expression:
        left = self.expression(node.left)
        result: p.Expression | None = None
        for target in node.comparisons:
            right = self.expression(target.comparator)
            operator = _COMPARISONS.get(type(target.operator), "?")
            step: p.Expression = p.Comparison(self._at(node), operator, left, right)
            result = step if result is None else p.BooleanOperation(self._at(node), "and", result, step)
            left = right
        return result or p.Opaque(self._at(node))

    def _conditional(self, node: cst.IfExp) -> p.Expression:
        test, body, otherwise = (self.expression(part) for part in (node.test, node.body, node.orelse))
        return p.Conditional(self._at(node), test, body, otherwise)

    def _lambda(self, node: cst.Lambda) -> p.Expression:
        return p.Lambda(self._at(node), self._parameters(node.params), self.expression(node.body))

    def _yield(self, node: cst.Yield) -> p.Expression:
        value = node.value.item if isinstance(node.value, cst.From) else node.value
        return p.Opaque(self._at(node), (self.expression(value),) if value is not None else ())

    def _comprehension(self, kind: str, element: cst.CSTNode, clause: cst.CompFor, node: cst.CSTNode) -> p.Expression:
        inner = clause.inner_for_in
        lowered = self.expression(element) if inner is None else self._comprehension(kind, element, inner, node)
        conditions = tuple(self.expression(item.test) for item in clause.ifs)
        target, iterable = self.expression(clause.target), self.expression(clause.iter)
        return p.Generator(self._at(node), kind, lowered, target, iterable, conditions)


def _dotted(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
