"""The checks of the graph pass: pure functions of a ModelGraph and the behaviour of one Keras."""

from freezelint.graph.checks.registry import graph

from freezelint.graph.checks import artifact, batchnorm, gradient, serving, trainable  # isort: skip

__all__ = ["artifact", "batchnorm", "gradient", "graph", "serving", "trainable"]
