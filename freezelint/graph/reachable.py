"""Which calls of a model its outputs depend on."""

from __future__ import annotations

from freezelint.graph.model_graph import Call, ModelGraph


def needed_calls(model: ModelGraph, path: str) -> list[Call]:
    """The calls inside the model at `path` that its outputs depend on, in the order of the graph."""
    calls = [call for call in model.calls if call.parent == path]
    by_key = {(call.layer, call.number): call for call in calls}
    needed: set[tuple[str, int]] = set()
    stack = [(end.layer, end.call) for end in model.outputs.get(path, ())]
    while stack:
        key = stack.pop()
        if key in by_key and key not in needed:
            needed.add(key)
            stack.extend((tensor.layer, tensor.call) for tensor in by_key[key].inputs)
    return [call for call in calls if (call.layer, call.number) in needed]
