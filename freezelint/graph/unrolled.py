"""A model as the list of layer runs that one pass through it makes, with the shape of every tensor in between.

Nested models are written out at each of their calls, shared layers stand as often as they are called. Shapes come
from the inputs of the model and the configuration of its layers; where that does not tell (a raw operation, a layer
of somebody's own), from the shapes that Keras 3 writes down with each call. What no one tells stays unknown.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from freezelint.graph.dimensions import Shape, merged, shape
from freezelint.graph.model_graph import Call, Layer, LayerKind, ModelGraph, TensorRef
from freezelint.graph.output_shapes import output_shapes, time_steps_as_batch
from freezelint.graph.reachable import needed_calls

MAX_RUNS = 200_000
MAX_DEPTH = 100
MAX_OUTPUTS = 100


class ShapeMismatch(Exception):
    """A shape that was given for an input does not go with the model; the text says why, and what would."""


@dataclass(frozen=True, slots=True)
class Run:
    """One call of one layer. `inputs` and `outputs` are numbers of tensors; `in_training` its literal `training`.

    A nested model does not appear itself; a wrapper whose wrapped layer is written out in its stead neither.
    """

    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    call: Call


@dataclass(slots=True)
class Unrolled:
    """The runs in an order in which the model makes them, and the shapes of the tensors by number."""

    runs: list[Run] = field(default_factory=list)
    shapes: list[Shape | None] = field(default_factory=list)
    inputs: dict[str, int] = field(default_factory=dict)
    """The tensors that the model is given, by the name of the input."""
    outputs: tuple[int, ...] = ()
    is_complete: bool = True
    """Whether every run is here; a file may describe more of them than anyone would count."""

    def input_shapes(self, run: Run) -> list[Shape | None]:
        """The shapes that a run is given."""
        return [self.shapes[number] for number in run.inputs]

    def output_shapes(self, run: Run) -> list[Shape | None]:
        """The shapes that a run makes."""
        return [self.shapes[number] for number in run.outputs]

    @property
    def unknown_inputs(self) -> dict[str, Shape | None]:
        """The inputs of the model whose shapes are not known to the last axis."""
        named = {name: self.shapes[number] for name, number in self.inputs.items()}
        return {name: found for name, found in named.items() if found is None or None in found}


def unroll(model: ModelGraph, batch: int = 1, input_shapes: Mapping[str, Shape] | None = None) -> Unrolled:
    """Writes `model` out for batches of `batch` samples.

    `input_shapes` are shapes of inputs, by name and without the batch, for what the file leaves open. Raises
    `ShapeMismatch` for a name that no input has, and for a shape that contradicts the file. Empty if the model
    records no calls.
    """
    given = dict(input_shapes or {})
    walk = _Walk(model, batch)
    if model.root is None or "" not in model.outputs:
        return walk.result
    starts = _starts(model, batch, given)
    for name, found in starts.items():
        walk.result.inputs[name] = walk.tensor(found)
    walk.result.outputs = walk.model("", tuple(walk.result.inputs.values()), 0)
    return walk.result


def _starts(model: ModelGraph, batch: int, given: dict[str, Shape]) -> dict[str, Shape | None]:
    """The shapes of the inputs of the whole model, by name."""
    root = model.root
    assert root is not None
    found: dict[str, Shape | None] = {}
    for end in model.inputs.get("", ()):
        layer = model.layer(end.layer)
        if layer is not None:
            found[layer.name] = _of_input(layer)
    if not found:
        first = next(iter(needed_calls(model, "")), None)
        layer = model.layer(first.layer) if first else None
        written = shape(root.config.get("build_input_shape")) or (_of_input(layer) if layer else None)
        if written is None and first is not None and first.input_shapes:
            written = first.input_shapes[0]
        found[root.name] = written
    for name in given:
        if name not in found:
            close = difflib.get_close_matches(name, found, n=1, cutoff=0.0)
            raise ShapeMismatch(f"the model has no input {name!r}; did you mean {close[0] if close else '?'!r}?")
    return {name: _filled(name, written, batch, given.get(name)) for name, written in found.items()}


def _of_input(layer: Layer) -> Shape | None:
    return shape(layer.config.get("batch_shape")) or shape(layer.config.get("batch_input_shape"))


def _filled(name: str, written: Shape | None, batch: int, given: Shape | None) -> Shape | None:
    """The shape of an input with the batch in it, and with what the user says of it."""
    if given is not None:
        if written is not None and not _fits(given, written[1:]):
            raise ShapeMismatch(
                f"the input {name!r} takes {_words(written[1:])} for each sample, not {_words(given)}: give numbers"
                " for what is None there, and leave the batch out"
            )
        return ((written or (None,))[0] or batch, *given)
    return None if written is None or not written else (written[0] or batch, *written[1:])


def _fits(given: Shape, written: Shape) -> bool:
    return len(given) == len(written) and all(
        two is None or one == two for one, two in zip(given, written, strict=True)
    )


def _words(of: Shape) -> str:
    return f"({', '.join(map(str, of))})"


class _Walk:
    """Writes one model out."""

    def __init__(self, model: ModelGraph, batch: int) -> None:
        self.result = Unrolled()
        self._model, self._batch = model, batch
        self._layers = model.by_path()
        self._calls = {path: needed_calls(model, path) for path in model.outputs}
        self._told = _shapes_told_by_calls(model)

    def tensor(self, found: Shape | None) -> int:
        """A new tensor; its number."""
        self.result.shapes.append(found)
        return len(self.result.shapes) - 1

    def model(self, path: str, incoming: tuple[int, ...], depth: int) -> tuple[int, ...]:
        """Writes one call of the model at `path` out; the numbers of the tensors it makes."""
        made: dict[tuple[str, int], tuple[int, ...]] = {}
        for number, end in enumerate(self._model.inputs.get(path, ())):
            made[end.layer, end.call] = incoming[number : number + 1] or incoming[-1:]
        for call in self._calls.get(path, ()):
            layer = self._layers.get(call.layer)
            if len(self.result.runs) >= MAX_RUNS or depth > MAX_DEPTH:
                self.result.is_complete = False
            if layer is None or not self.result.is_complete:
                break
            taken = [self._taken(made, tensor) for tensor in call.inputs] or list(incoming[:1])
            made[call.layer, call.number] = self._run(layer, call, tuple(taken), depth)
        return tuple(self._taken(made, end) for end in self._model.outputs.get(path, ()))

    def _run(self, layer: Layer, call: Call, inputs: tuple[int, ...], depth: int) -> tuple[int, ...]:
        if self._is_written_out(layer):
            return self.model(layer.path, inputs, depth + 1)
        shapes = [self.result.shapes[number] for number in inputs]
        inner = layer.children[0] if layer.class_name == "TimeDistributed" and layer.children else None
        if inner is not None and self._is_written_out(inner) and shapes and shapes[0] is not None:
            return self._for_each_step(layer, inner, call, inputs, depth)
        inferred = output_shapes(layer, shapes) or [None]
        told = self._told.get((layer.path, call.number), {})
        last = max([len(inferred) - 1, *(number for number in told if 0 <= number < MAX_OUTPUTS)])
        inferred += [None] * (last + 1 - len(inferred))
        outputs = tuple(
            self.tensor(merged(found, self._with_batch(told.get(number)))) for number, found in enumerate(inferred)
        )
        self.result.runs.append(Run(layer, inputs, outputs, call))
        return outputs

    def _is_written_out(self, layer: Layer) -> bool:
        return layer.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL) and layer.path in self._model.outputs

    def _for_each_step(
        self, wrapper: Layer, inner: Layer, call: Call, inputs: tuple[int, ...], depth: int
    ) -> tuple[int, ...]:
        """A model under TimeDistributed: every time step is a sample. The wrapper stands for the two reshapes."""
        given = self.result.shapes[inputs[0]] or ()
        split = self.tensor(time_steps_as_batch(given))
        self.result.runs.append(Run(wrapper, inputs[:1], (split,), call))
        outputs = []
        for made in self.model(inner.path, (split,), depth + 1):
            found = self.result.shapes[made]
            joined = self.tensor(None if found is None else (*given[:2], *found[1:]))
            self.result.runs.append(Run(wrapper, (made,), (joined,), call))
            outputs.append(joined)
        return tuple(outputs)

    def _with_batch(self, told: Shape | None) -> Shape | None:
        return (told[0] or self._batch, *told[1:]) if told else told

    def _taken(self, made: dict[tuple[str, int], tuple[int, ...]], tensor: TensorRef) -> int:
        outputs = made.get((tensor.layer, tensor.call), ())
        return outputs[tensor.tensor] if 0 <= tensor.tensor < len(outputs) else self.tensor(None)


def _shapes_told_by_calls(model: ModelGraph) -> dict[tuple[str, int], dict[int, Shape]]:
    """The shape of every tensor that a later call writes down, by the call that makes it.

    Keras 2 writes one shape for all calls of a layer; where a layer is called more than once, with one shape for
    all of them, none is taken.
    """
    by_layer: dict[str, list[Call]] = {}
    for call in model.calls:
        by_layer.setdefault(call.layer, []).append(call)
    told: dict[tuple[str, int], dict[int, Shape]] = {}
    for calls in by_layer.values():
        if len(calls) > 1 and len({call.input_shapes for call in calls}) == 1:
            continue
        for call in calls:
            if len(call.input_shapes) == len(call.inputs):
                for tensor, found in zip(call.inputs, call.input_shapes, strict=True):
                    checked = shape(found) if found is not None else None
                    if checked:
                        told.setdefault((tensor.layer, tensor.call), {}).setdefault(tensor.tensor, checked)
    return told
