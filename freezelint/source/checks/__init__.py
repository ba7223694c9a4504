"""The checks of the source pass: small functions of a `Timeline` and the behaviour of one Keras."""

from __future__ import annotations

from freezelint.source.checks import (
    batchnorm,
    call_methods,
    copies,
    cost,
    custom_loops,
    growing,
    preprocessing,
    serving,
    statistics,
    tracking,
    trainable,
    training_loop,
)
from freezelint.source.checks.registry import source

__all__ = [
    "batchnorm",
    "call_methods",
    "copies",
    "cost",
    "custom_loops",
    "growing",
    "preprocessing",
    "serving",
    "source",
    "statistics",
    "tracking",
    "trainable",
    "training_loop",
]
