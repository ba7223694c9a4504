"""What is handed to `export`, `saved_model.save` and `add_endpoint` as a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freezelint.source import custom_loops
from freezelint.source.timeline import Called, SignatureMade
from freezelint.source.values import Function, Instance, Known, Method, Place, Table, Tensor, Value, solid

if TYPE_CHECKING:
    from freezelint.source.interpreter import Run

_DEFAULT = "serving_default"


def add_endpoint(run: Run, positional: list[Value], named: dict[str, Value], at: Place) -> None:
    """`archive.add_endpoint(name, fn)`."""
    name = positional[0] if positional else named.get("name")
    function = positional[1] if len(positional) > 1 else named.get("fn")
    if function is not None:
        note_signatures(run, Table({name.value if isinstance(name, Known) else "": function}), at)


def note_module(run: Run, module: Value, at: Place) -> None:
    """`tf.saved_model.save(module, path)`: every method that is a `tf.function` can be called by whoever loads it."""
    if isinstance(module, Instance):
        members = {name: member for cls in module.cls.lineage() for name, member in cls.members.items()}
        traced = {
            name: Method(member, module)
            for name, member in members.items()
            if isinstance(member, Function) and custom_loops.is_traced(member)
        }
        note_signatures(run, Table(dict(traced)), at)


def note_signatures(run: Run, signatures: Value, at: Place) -> None:
    """Runs each function once on symbolic inputs, and notes the calls of layers in it."""
    named = signatures.items if isinstance(signatures, Table) else {_DEFAULT: signatures}
    for name, value in named.items():
        function = solid(value)
        if isinstance(function, Function | Method):
            before = len(run.timeline.events)
            run.call(function, _inputs(function), {}, at)
            calls = [event for event in run.timeline.events[before:] if isinstance(event, Called)]
            run.record(SignatureMade(at, str(name), tuple(calls)))


def _inputs(function: Function | Method) -> list[Value]:
    plain = function if isinstance(function, Function) else function.function
    taken = [item for item in plain.parameters if item.kind == "" and item.default is None]
    return [Tensor(is_input=True) for _ in taken[isinstance(function, Method) :]]
