"""What one run of a layer comes to, before anyone asks what trains: its parts, and the work of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from freezelint.costs import NOTHING, Work


class PartKind(Enum):
    """Kinds of computation that run at a speed of their own."""

    CONVOLUTION = "convolution"
    POINTWISE = "1x1 convolution"
    GROUPED = "grouped convolution"
    DEPTHWISE = "depthwise convolution"
    TRANSPOSED = "transposed convolution"
    DENSE = "dense"
    ATTENTION = "attention"
    RECURRENT = "recurrent"
    LIVE_BATCHNORM = "batch normalization in training mode"
    FROZEN_BATCHNORM = "batch normalization in inference mode"
    NORMALIZATION = "normalization"
    ELEMENTWISE = "elementwise"
    CURVE = "elementwise with an exponential"
    POOLING = "pooling"
    REDUCTION = "global pooling"
    MOVE = "moving data"
    LOOKUP = "embedding"


@dataclass(frozen=True, slots=True)
class Part:
    """One computation of a layer; the parts of a layer are a chain, the first at the input.

    `input_gradient` is the work of handing the gradient on to what comes before, `weight_gradient` that of the
    gradient of the part's own weights, of which there are `weights` (numbers that an optimizer could change).
    """

    kind: PartKind
    forward: Work
    input_gradient: Work
    weight_gradient: Work = NOTHING
    weights: int = 0

    def times(self, count: int) -> Part:
        """The same part, run `count` times with weights of its own each time."""
        return replace(
            self,
            forward=self.forward.times(count),
            input_gradient=self.input_gradient.times(count),
            weight_gradient=self.weight_gradient.times(count),
            weights=self.weights * count,
        )
