"""The checks of the source pass: small functions of a `Timeline` and the behaviour of one Keras."""

from __future__ import annotations

from freezelint.source.checks import (
    batchnorm,
    call_methods,
    cost,
    custom_loops,
    growing,
    preprocessing,
    trainable,
    training_loop,
)
from freezelint.source.checks.registry import source

__all__ = [
    "batchnorm",
    "call_methods",
    "cost",
    "custom_loops",
    "growing",
    "preprocessing",
    "source",
    "trainable",
    "training_loop",
]
