"""An order in which the calls of one model could run."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

from freezelint.graph.model_graph import Call


def in_running_order(calls: Sequence[Call]) -> list[Call]:
    """The calls, each after those that make its inputs. Raises `graphlib.CycleError` if they form a circle."""
    by_key = {(call.layer, call.number): call for call in calls}
    sorter = TopologicalSorter({key: [(t.layer, t.call) for t in call.inputs] for key, call in by_key.items()})
    return [by_key[key] for key in sorter.static_order() if key in by_key]
