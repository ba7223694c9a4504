"""What a text is lowered to: a small program with plain nodes, each with its place."""

from __future__ import annotations

from freezelint.source import program as p
from freezelint.source.parse import ParsedFile
from tests.source.programs import parsed


def only(text: str) -> p.Statement:
    """The only statement of a program."""
    (statement,) = parsed(text).program.body
    return statement


def value(text: str) -> p.Expression:
    """The value of the only expression of a program."""
    statement = only(text)
    assert isinstance(statement, p.Evaluate)
    return statement.value


def shown(node: object) -> str:
    """An expression in Python's own words, so that tests can be read."""
    match node:
        case p.Constant(value=constant):
            return repr(constant)
        case p.Name(id=name):
            return name
        case p.Attribute(value=owner, name=name):
            return f"{shown(owner)}.{name}"
        case p.Not(value=inner):
            return f"(not {shown(inner)})"
        case p.BooleanOperation() | p.Comparison() | p.Arithmetic():
            return f"({shown(node.left)} {node.operator} {shown(node.right)})"
        case p.Conditional():
            return f"({shown(node.body)} if {shown(node.test)} else {shown(node.otherwise)})"
        case p.Call(function=function, arguments=arguments):
            return f"{shown(function)}({', '.join(_argument(item) for item in arguments)})"
        case p.Subscript(value=owner, index=index):
            return f"{shown(owner)}[{shown(index)}]"
        case p.SliceRange(lower=lower, upper=upper, step=step):
            return ":".join("" if bound is None else shown(bound) for bound in (lower, upper, step))
        case p.Display(kind=kind, items=items):
            return f"{kind}({', '.join(map(shown, items))})"
        case p.Starred(value=inner):
            return f"*{shown(inner)}"
        case p.Mapping(items=pairs):
            return "{" + ", ".join(f"{shown(k) if k else '**'}: {shown(v)}" for k, v in pairs) + "}"
        case p.Walrus(target=target, value=inner):
            return f"({shown(target)} := {shown(inner)})"
        case p.Generator():
            conditions = "".join(f" if {shown(item)}" for item in node.conditions)
            return f"<{shown(node.element)} for {shown(node.target)} in {shown(node.iterable)}{conditions}>"
        case p.Lambda(parameters=parameters, body=body):
            return (
                f"lambda {', '.join(item.kind.replace('kwonly', '') + item.name for item in parameters)}: {shown(body)}"
            )
        case p.Text(parts=parts):
            return f"f{[shown(item) for item in parts]}"
        case p.Opaque(operands=operands):
            return f"?({', '.join(map(shown, operands))})"
    raise AssertionError(node)


def _argument(argument: p.Argument) -> str:
    return argument.star + (f"{argument.name}=" if argument.name else "") + shown(argument.value)


def expression(text: str) -> str:
    return shown(value(text))


# Expressions


def test_constants_have_their_values() -> None:
    assert [expression(text) for text in ("1_000", "0x10", "1e-5", "2j", "'a'", "b'a'", "None", "True", "...")] == [
        "1000", "16", "1e-05", "2j", "'a'", "b'a'", "None", "True", "Ellipsis",
    ]  # fmt: skip


def test_a_negative_number_is_one_constant() -> None:
    assert value("-20") == p.Constant(value("-20").at, -20)
    assert expression("-n") == "(0 - n)"
    assert expression("+n") == "n"


def test_strings_beside_each_other_are_one() -> None:
    assert expression("'block' '5' '_conv'") == "'block5_conv'"


def test_a_formatted_string_keeps_its_parts() -> None:
    assert expression("f'block{i}_{name!r:>{width}}'") == "f['i', 'name']"


def test_a_chain_of_comparisons_is_an_and() -> None:
    assert expression("0 < i <= n") == "((0 < i) and (i <= n))"


def test_operators_keep_their_order() -> None:
    assert expression("a + b * c - d // e") == "((a + (b * c)) - (d // e))"
    assert expression("a or b and not c") == "(a or (b and (not c)))"


def test_membership_and_identity_are_comparisons() -> None:
    assert expression("'bn' not in layer.name") == "('bn' not in layer.name)"
    assert expression("type(layer) is not Dense") == "(type(layer) is not Dense)"


def test_slices() -> None:
    assert expression("base.layers[-20:]") == "base.layers[-20::]"
    assert expression("base.layers[:n]") == "base.layers[:n:]"
    assert expression("x[1, ::2]") == "x[tuple(1, ::2)]"


def test_arguments_of_all_kinds() -> None:
    assert expression("f(x, *args, training=False, **options)") == "f(x, *args, training=False, **options)"


def test_a_comprehension_with_two_loops_is_nested() -> None:
    text = "[layer for model in models for layer in model.layers if layer.trainable if layer.name]"
    inner = "<layer for layer in model.layers if layer.trainable if layer.name>"
    assert expression(text) == f"<{inner} for model in models>"


def test_generators_sets_and_dicts_are_comprehensions_too() -> None:
    assert expression("{x for x in y}") == expression("(x for x in y)") == "<x for x in y>"
    assert expression("{name: x for name, x in y}") == "<x for tuple(name, x) in y>"


def test_displays_and_mappings() -> None:
    assert expression("[a, *b]") == "list(a, *b)"
    assert expression("(a,)") == "tuple(a)"
    assert expression("{'a': 1, **rest}") == "{'a': 1, **: rest}"


def test_a_walrus_a_lambda_and_a_choice() -> None:
    assert expression("(n := len(x))") == "(n := len(x))"
    assert expression("lambda layer, /, *rest, key=None, **more: layer.name") == (
        "lambda layer, *rest, key, **more: layer.name"
    )
    assert expression("a if b else c") == "(a if b else c)"


def test_await_is_its_value_and_yield_is_followed_inside() -> None:
    body = only("async def f():\n    x = await fetch(y)\n    yield x\n")
    assert isinstance(body, p.Define)
    assigned, yielded = body.body
    assert isinstance(assigned, p.Assign) and shown(assigned.value) == "fetch(y)"
    assert isinstance(yielded, p.Evaluate) and shown(yielded.value) == "?(x)"


def test_an_operator_that_is_not_followed_keeps_its_operand() -> None:
    assert expression("~mask") == "?(mask)"


# Statements


def test_targets_of_one_assignment() -> None:
    statement = only("a = b.trainable = False")
    assert isinstance(statement, p.Assign)
    assert [shown(target) for target in statement.targets] == ["a", "b.trainable"]


def test_an_annotation_without_a_value_assigns_nothing() -> None:
    assert isinstance(only("base.trainable: False"), p.Annotate)
    assert isinstance(only("rate: float = 1e-3"), p.Assign)


def test_an_augmented_assignment() -> None:
    statement = only("layers += [head]")
    assert isinstance(statement, p.Augment)
    assert (shown(statement.target), statement.operator, shown(statement.value)) == ("layers", "+", "list(head)")


def test_elif_is_a_branch_inside_the_other_side() -> None:
    branch = only("if a:\n    x\nelif b:\n    y\nelse:\n    z\n")
    assert isinstance(branch, p.Branch)
    (inner,) = branch.otherwise
    assert isinstance(inner, p.Branch)
    assert (shown(branch.test), shown(inner.test), len(inner.otherwise)) == ("a", "b", 1)


def test_match_is_a_chain_of_branches() -> None:
    branch = only("match phase:\n    case 'head':\n        x\n    case [a, b]:\n        y\n    case _:\n        z\n")
    assert isinstance(branch, p.Branch)
    (second,) = branch.otherwise
    assert isinstance(second, p.Branch)
    assert shown(branch.test) == "(phase == 'head')"
    assert isinstance(second.test, p.Opaque)
    assert len(second.otherwise) == 1


def test_a_match_with_a_guard_is_not_an_equality() -> None:
    branch = only("match phase:\n    case 'head' if fast:\n        x\n")
    assert isinstance(branch, p.Branch)
    assert isinstance(branch.test, p.Opaque)


def test_loops() -> None:
    loop = only("for i, layer in enumerate(base.layers):\n    x\nelse:\n    y\n")
    assert isinstance(loop, p.Loop)
    assert loop.target is not None and shown(loop.target) == "tuple(i, layer)"
    assert (len(loop.body), len(loop.otherwise)) == (1, 1)
    loop = only("while step < 10: x\n")
    assert isinstance(loop, p.Loop)
    assert loop.target is None


def test_with_and_try() -> None:
    block = only("with strategy.scope() as s, other:\n    x\n")
    assert isinstance(block, p.With)
    assert [(shown(context), target and shown(target)) for context, target in block.items] == [
        ("strategy.scope()", "s"),
        ("other", None),
    ]
    attempt = only("try:\n    a\nexcept OSError:\n    b\nexcept ValueError:\n    c\nelse:\n    d\nfinally:\n    e\n")
    assert isinstance(attempt, p.Try)
    assert [len(part) for part in (attempt.body, attempt.handlers, attempt.otherwise, attempt.final)] == [1, 2, 1, 1]


def test_functions_and_classes() -> None:
    function = only("@tf.function\ndef step(self, x, *rest, training=False, **more) -> None:\n    return x\n")
    assert isinstance(function, p.Define)
    assert [(item.name, item.kind) for item in function.parameters] == [
        ("self", ""), ("x", ""), ("rest", "*"), ("training", "kwonly"), ("more", "**"),
    ]  # fmt: skip
    assert [shown(item) for item in function.decorators] == ["tf.function"]
    made = only("class Net(keras.Model, Mixin, metaclass=M):\n    x = 1\n")
    assert isinstance(made, p.DefineClass)
    assert [shown(base) for base in made.bases][:2] == ["keras.Model", "Mixin"]


def test_one_line_may_hold_several_statements() -> None:
    assert len(parsed("a = 1; b = 2; c").program.body) == 3


def test_imports() -> None:
    body = parsed("""
        import tensorflow.keras.layers
        import tensorflow.keras.layers as L, os
        from keras import Model as M, layers
        from .nets import *
        from ..config import rate
        from . import data
    """).program.body
    assert [(i.module, i.name, i.whole) for i in body if isinstance(i, p.Import)] == [
        ("tensorflow.keras.layers", "tensorflow", False),
        ("tensorflow.keras.layers", "L", True),
        ("os", "os", False),
    ]
    assert [(i.module, i.names, i.level) for i in body if isinstance(i, p.ImportFrom)] == [
        ("keras", (("Model", "M"), ("layers", "layers")), 0),
        ("nets", (("*", "*"),), 1),
        ("config", (("rate", "rate"),), 2),
        ("", (("data", "data"),), 1),
    ]


def test_leaving_and_scopes() -> None:
    body = parsed("raise ValueError\nglobal a, b\ndel c\npass\nassert d\n").program.body
    assert [type(statement).__name__ for statement in body][:3] == ["Leave", "DeclareScope", "Delete"]


# Places


def places(file: ParsedFile, statement: p.Node) -> tuple[int, int, int, int]:
    span = file.span(statement.at)
    return (span.start.line, span.start.column, span.end.line, span.end.column)


def test_a_statement_stands_where_it_stands() -> None:
    file = parsed("x = 1\nif x:\n    base.trainable = False  # freeze\n")
    branch = file.program.body[1]
    assert isinstance(branch, p.Branch)
    assert places(file, branch.body[0]) == (3, 5, 3, 27)


def test_a_call_over_several_lines_has_its_whole_span() -> None:
    file = parsed("model.compile(\n    'adam',\n    loss,\n)\n")
    assert places(file, file.program.body[0]) == (1, 1, 4, 2)


def test_a_definition_stands_at_its_name() -> None:
    file = parsed("@tf.function\ndef train_step(x):\n    pass\n")
    assert places(file, file.program.body[0]) == (2, 5, 2, 15)
