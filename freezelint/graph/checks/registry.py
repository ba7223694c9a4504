"""The registry of the graph pass."""

from __future__ import annotations

from freezelint.checking import Registry
from freezelint.graph.model_graph import ModelGraph

graph: Registry[ModelGraph] = Registry()
