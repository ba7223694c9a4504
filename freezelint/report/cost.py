"""The answer of `freezelint cost`, as text and as JSON (schema `freezelint-cost-1`)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from freezelint import __version__
from freezelint.costs import Costs, LayerCost, StepCost, Work
from freezelint.report.style import Style, printable

SCHEMA = "freezelint-cost-1"
MOST_LAYERS = 12
_WIDTH = 100
_COLUMNS = ("forward", "input_gradient", "weight_gradient", "optimizer")
_HEADS = ("forward", "gradient of inputs", "gradient of weights", "optimizer's update")


def render(costs: Costs, *, colour: bool = False, every_layer: bool = False) -> str:
    """The answer for people: totals, other freezes, sentences, and the layers that cost most."""
    return "\n".join(_lines(costs, Style(colour), every_layer=every_layer)) + "\n"


def as_json(costs: Costs) -> str:
    """The answer for programs; only ASCII."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "path": costs.path,
        "writer": costs.writer,
        "batch": costs.batch,
        "inputs": {name: list(shape) if shape is not None else None for name, shape in costs.inputs.items()},
        "optimizer": costs.optimizer,
        "optimizer_is_assumed": costs.optimizer_is_assumed,
        "weights": costs.weights,
        "trainable_weights": costs.trainable_weights,
        "optimizer_bytes": costs.optimizer_bytes,
        "coverage": {
            "weights": costs.coverage,
            "layers_counted": costs.layers_counted,
            "layers": costs.layers_total,
            "not_counted": [
                {
                    "class_name": item.class_name,
                    "reason": item.reason,
                    "layers": list(item.layers),
                    "weights": item.weights,
                }
                for item in costs.uncosted
            ],
        },
        "estimated_for": costs.machine,
        "present": _step(costs.present),
        "scenarios": [
            {"name": item.name, "words": item.words, "step": _columns(item.cost), "total": _work(item.cost.total)}
            for item in costs.scenarios
        ],
        "layers": [_layer(layer) for layer in costs.present.layers],
        "measured": [
            {"name": item.name, "seconds": item.seconds, "estimated_seconds": item.predicted} for item in costs.measured
        ],
        "sentences": list(costs.sentences),
        "gaps": list(costs.gaps),
    }
    return json.dumps(document, indent=2) + "\n"


def _step(step: StepCost) -> dict[str, Any]:
    return {**_columns(step), "total": _work(step.total), "optimizer_bytes": step.optimizer_bytes}


def _columns(step: StepCost) -> dict[str, Any]:
    return {name: _work(step.sum(name)) for name in _COLUMNS}


def _work(work: Work) -> dict[str, Any]:
    return {"flops": work.flops, "bytes": work.bytes, "estimated_seconds": work.seconds}


def _layer(layer: LayerCost) -> dict[str, Any]:
    return {
        "layer": layer.path,
        "class_name": layer.class_name,
        "trains": layer.trains,
        "weights": layer.weights,
        **{name: _work(getattr(layer, name)) for name in _COLUMNS},
        "optimizer_bytes": layer.optimizer_bytes,
        "upstream": list(layer.upstream),
    }


def _lines(costs: Costs, style: Style, *, every_layer: bool) -> Iterator[str]:
    inputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in costs.inputs.items())
    optimizer = f"{costs.optimizer} (assumed: the file names none that is known)"
    optimizer = optimizer if costs.optimizer_is_assumed else costs.optimizer
    facts = [costs.writer, f"batches of {costs.batch}", f"input {inputs}" if inputs else None, optimizer]
    yield style.bold(printable(costs.path))
    yield "  " + printable(" · ".join(fact for fact in facts if fact))
    trained = f"{costs.trainable_weights:,} of {costs.weights:,} weights train"
    yield f"  {trained}; the optimizer keeps {amount(costs.optimizer_bytes, 'B')} for them"
    if costs.present.layers:
        yield ""
        yield from _totals(costs, style)
    for sentence in costs.sentences:
        yield ""
        yield from _wrapped(sentence)
    if costs.present.layers:
        yield ""
        yield from _layers(costs, style, every_layer=every_layer)
    yield from _not_counted(costs, style)


def _totals(costs: Costs, style: Style) -> Iterator[str]:
    """One row for each direction, then one for each freeze, as shares of the step as it is."""
    whole = costs.present.total
    rows = [("one training step", whole)]
    rows += [(f"  {head}", costs.present.sum(name)) for head, name in zip(_HEADS, _COLUMNS, strict=True)]
    yield style.bold(f"{'as it is frozen':44}{'FLOPs':>16}{'bytes':>16}{'CPU time*':>16}")
    for words, work in rows:
        yield f"{words:44}{_cells(work, whole)}"
    if costs.scenarios:
        yield ""
        yield style.bold(f"{'otherwise':44}{'FLOPs':>16}{'bytes':>16}{'CPU time*':>16}")
    for item in costs.scenarios:
        yield f"{_cut_end(item.words, 43):44}{_cells(item.cost.total, whole)}"
    if costs.measured:
        yield ""
        yield from _measured(costs, style)
    yield ""
    yield from _wrapped(f"* estimated for CPU: fitted on {costs.machine}. The shares of FLOPs and bytes hold anywhere.")


def _measured(costs: Costs, style: Style) -> Iterator[str]:
    """What real steps took, each as a share of the slowest of them, beside what was estimated."""
    yield style.bold(f"{'measured on this machine':44}{'':16}{'measured':>16}{'estimated*':>16}")
    slowest = max(costs.measured, key=lambda one: one.seconds)
    for one in costs.measured:
        cells = ((one.seconds, slowest.seconds), (one.predicted, slowest.predicted))
        yield f"{_cut_end(one.words, 43):44}{'':16}" + "".join(
            f"{_time(part):>10}{_percent(part, whole):>6}" for part, whole in cells
        )


def _cells(work: Work, whole: Work) -> str:
    pairs = (
        (amount(work.flops), work.flops, whole.flops),
        (amount(work.bytes, "B"), work.bytes, whole.bytes),
        (_time(work.seconds), work.seconds, whole.seconds),
    )
    return "".join(f"{words:>10}{_percent(part, total):>6}" for words, part, total in pairs)


def _layers(costs: Costs, style: Style, *, every_layer: bool) -> Iterator[str]:
    ranked = sorted(costs.present.layers, key=lambda layer: -layer.total.seconds)
    shown = set(map(id, ranked if every_layer else ranked[:MOST_LAYERS]))
    title = "layers" if len(shown) == len(ranked) else f"the {len(shown)} layers that take longest"
    yield style.bold(f"{title:36}{'':20}{'forward':>11}{'inputs':>11}{'weights':>11}{'CPU time*':>11}")
    whole = costs.present.total.seconds
    for layer in costs.present.layers:
        if id(layer) in shown:
            yield (
                f"{_cut(layer.path, 35):36}{_state(layer):20}{amount(layer.forward.flops):>11}"
                f"{amount(layer.input_gradient.flops):>11}{amount(layer.weight_gradient.flops):>11}"
                f"{_percent(layer.total.seconds, whole):>11}"
            )
    if len(shown) < len(ranked):
        rest = sum(layer.total.seconds for layer in ranked[MOST_LAYERS:])
        yield f"{len(ranked) - len(shown)} more{'':>30} (--all-layers shows them){_percent(rest, whole):>38}"


def _state(layer: LayerCost) -> str:
    if layer.trains is None:
        return layer.class_name[:18] if not layer.upstream else f"{layer.class_name[:17]} <"
    if layer.trains:
        return "trains"
    return "frozen, on the path" if layer.upstream else "frozen"


def _not_counted(costs: Costs, style: Style) -> Iterator[str]:
    if costs.uncosted:
        yield ""
        yield style.bold(
            f"not counted: {costs.layers_total - costs.layers_counted} of {costs.layers_total} layers, which hold"
            f" {_percent(1 - costs.coverage, 1)} of the weights"
        )
        for item in costs.uncosted:
            names = _listed(item.layers)
            yield from _wrapped(f"{item.class_name} ({names}): {item.reason}", "  ")
    for gap in costs.gaps:
        yield ""
        yield from _wrapped(f"note: {gap}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return "of unknown shape" if shape is None else "×".join("?" if item is None else str(item) for item in shape)


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )


def _cut(text: str, width: int) -> str:
    """The end of a path, which tells more than its beginning."""
    plain = printable(text)
    return plain if len(plain) <= width else f"…{plain[1 - width :]}"


def _cut_end(text: str, width: int) -> str:
    plain = printable(text)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"


def amount(number: float, unit: str = "") -> str:
    """A large number with three digits: 1.25 G."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}{unit}"
    return f"{number:.0f} {unit}".strip()


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "-"
