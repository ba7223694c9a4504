"""What an optimizer keeps for every weight, and what it touches to update one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from freezelint.costs import Work

_SLOTS = {
    "SGD": 0,
    "Adam": 2,
    "AdamW": 2,
    "Adamax": 2,
    "Nadam": 2,
    "Lamb": 2,
    "RMSprop": 1,
    "Adagrad": 1,
    "Adadelta": 2,
    "Ftrl": 2,
    "Lion": 1,
}
"""Numbers kept for each weight, as the optimizers of Keras are by default (`build` in `keras/src/optimizers`)."""

_FLOPS = {"SGD": 2, "RMSprop": 7, "Lion": 6, "Adagrad": 5}
_FLOPS_OTHERWISE = 10
_NUMBER = 4
NAMES = tuple(sorted(_SLOTS))


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer by its name, and how many numbers it keeps for each weight."""

    name: str
    slots: int
    from_file: bool = True

    @property
    def state_bytes(self) -> int:
        """What it keeps for one weight from step to step."""
        return self.slots * _NUMBER

    def update(self, weights: int) -> Work:
        """Reading the gradients, reading and writing the weights and everything that is kept for them."""
        return Work(_FLOPS.get(self.name, _FLOPS_OTHERWISE) * weights, (3 + 2 * self.slots) * _NUMBER * weights)


def named(name: str) -> Optimizer | None:
    """The optimizer of this name, in whatever case it is written; None for an unknown one."""
    known = {word.lower(): word for word in _SLOTS}.get(name.lower())
    return Optimizer(known, _SLOTS[known], from_file=False) if known else None


def from_file(written: Mapping[str, Any] | None) -> Optimizer | None:
    """The optimizer that a model was compiled with, as its file says; None if it is not known, or of a class unknown.

    `momentum`, `amsgrad` and `centered` make one number more, each.
    """
    if written is None:
        return None
    class_name = written.get("class_name")
    found = named(class_name.rpartition(">")[2]) if isinstance(class_name, str) else None
    if found is None:
        return None
    config = written.get("config")
    options = config if isinstance(config, Mapping) else {}
    extra = sum(1 for key in ("momentum", "amsgrad", "centered", "use_ema") if _is_set(options.get(key)))
    return Optimizer(found.name, found.slots + extra)


def _is_set(value: object) -> bool:
    return value is True or (type(value) in (int, float) and value != 0)


ASSUMED = Optimizer("Adam", _SLOTS["Adam"], from_file=False)
"""Taken for a file that says nothing of its optimizer; reports say so."""
