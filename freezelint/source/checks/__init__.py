"""The checks of the source pass: small functions of a `Timeline` and the behaviour of one Keras."""

from __future__ import annotations

from freezelint.source.checks import (
    adapters,
    batchnorm,
    call_methods,
    copies,
    cost,
    custom_loops,
    foreign,
    growing,
    optimizers,
    preprocessing,
    serving,
    slices,
    statistics,
    tracking,
    trainable,
    training_loop,
)
from freezelint.source.checks.registry import source

__all__ = [
    "adapters",
    "batchnorm",
    "call_methods",
    "copies",
    "cost",
    "custom_loops",
    "foreign",
    "growing",
    "optimizers",
    "preprocessing",
    "serving",
    "slices",
    "source",
    "statistics",
    "tracking",
    "trainable",
    "training_loop",
]
