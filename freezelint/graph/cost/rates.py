"""How long work takes on a CPU: a roofline, with one efficiency for each kind of part and each direction.

A part takes as long as its FLOPs at the peak of the machine, or as its bytes at the bandwidth of its memory, whichever
is longer, divided by the efficiency; and a fixed time for being started. `cpu.json` holds the numbers that
`benchmarks/fit_cpu.py` measured, and says on which machine; they are estimates for any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

from freezelint.costs import Work
from freezelint.graph.cost.parts import PartKind

DIRECTIONS = ("forward", "input_gradient", "weight_gradient")
_HARDLY_ANY = 1e-3


@dataclass(frozen=True, slots=True)
class Rates:
    """The speed of one machine."""

    machine: str
    peak_flops: float
    bandwidth: float
    start: float
    step: float
    efficiency: dict[str, dict[str, float]]

    def timed(self, work: Work, kind: PartKind, direction: str) -> Work:
        """The work with the time that it takes."""
        if not work.flops and not work.bytes:
            return work
        at_best = max(work.flops / self.peak_flops, work.bytes / self.bandwidth)
        efficiency = max(_HARDLY_ANY, self.efficiency.get(kind.value, {}).get(direction, 1.0))
        return replace(work, seconds=self.start + at_best / efficiency)

    def updating(self, work: Work) -> Work:
        """The time of an optimizer's update."""
        if not work.bytes:
            return work
        efficiency = max(_HARDLY_ANY, self.efficiency.get("optimizer", {}).get("update", 1.0))
        return replace(work, seconds=self.start + work.bytes / self.bandwidth / efficiency)


@lru_cache(maxsize=1)
def cpu() -> Rates:
    """The machine that the numbers were fitted on."""
    return Rates(**json.loads(files("freezelint.graph.cost").joinpath("cpu.json").read_text("utf-8")))
