"""From a variable, or a scope in the graph, to the layer it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from freezelint.graph.model_graph import Layer

_REENTRY = re.compile(r"_\d+$")
_INNER_SCOPES = frozenset({
    "batchnorm", "moments", "dropout", "random_uniform", "random_normal", "cond", "AssignMovingAvg",
    "stateless_dropout",
})  # fmt: skip


class Places:
    """Looks up layers of one tree by variable key and by scope."""

    def __init__(self, root: Layer | None, held: Mapping[str, Iterable[int]]) -> None:
        """`held` has the keys of the variables that a layer holds, by the layer's `shared_id`."""
        self._root = root
        self._by_variable: dict[int | str, str] = {}
        self._classes: dict[str, str] = {}
        for layer in root.walk() if root is not None else ():
            self._classes[layer.path] = layer.class_name
            for key in held.get(layer.shared_id or "", ()):
                self._by_variable.setdefault(key, layer.path)

    def of_variable(self, key: int | str | None) -> str | None:
        """The path of the layer that holds the variable."""
        return self._by_variable.get(key) if key is not None else None

    def class_of(self, path: str | None) -> str:
        """The class of the layer at `path`, empty if there is none."""
        return self._classes.get(path, "") if path is not None else ""

    def of_scope(self, scope: str) -> str | None:
        """The path of the deepest layer whose names the scope spells, from the root of the model on.

        Keras 2 writes `model/base/base_bn/…`; Keras 3 numbers a scope that is entered again (`model_1/base_1/…`).
        """
        if self._root is None:
            return None
        here, found = self._root, None
        for number, part in enumerate(scope.split("/")[:-1]):
            child = _child(here, part)
            if child is None:
                is_root = number == 0 and self._root.name in (part, _REENTRY.sub("", part))
                if not is_root and (part in _INNER_SCOPES or found is not None):
                    break
                continue
            here, found = child, child.path
        return found


def layer_scope(scope: str) -> str:
    """The scope of the layer in which an operation stands, without the scopes that layers make inside."""
    parts = scope.split("/")[:-1]
    while parts and _REENTRY.sub("", parts[-1]) in _INNER_SCOPES:
        parts.pop()
    return "/".join(parts)


def _child(layer: Layer, part: str) -> Layer | None:
    exact = next((child for child in layer.children if child.name == part), None)
    if exact is not None:
        return exact
    bare = _REENTRY.sub("", part)
    return next((child for child in layer.children if child.name == bare), None) if bare != part else None
