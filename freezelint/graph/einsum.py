"""The equation of an EinsumDense, with the length of every axis in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from freezelint.graph.dimensions import Shape, product, shape
from freezelint.graph.model_graph import Layer

_EQUATION = re.compile(r"([a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*),([a-zA-Z]+)->([a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*)")
_DOTS = "..."
_STAND_FOR_DOTS = "\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467\u2468"


@dataclass(frozen=True, slots=True)
class Einsum:
    """The axes of the input, of the kernel and of the output, one letter each, and the lengths of all of them."""

    taken: str
    kernel: str
    made: str
    lengths: dict[str, int | None]

    @property
    def output(self) -> Shape:
        """The shape of what comes out."""
        return tuple(self.lengths.get(letter) for letter in self.made)

    @property
    def multiplications(self) -> int | None:
        """How many products are summed up in one call."""
        return product(self.lengths.get(letter) for letter in sorted(set(self.taken + self.kernel)))


def einsum(layer: Layer, given: Shape) -> Einsum | None:
    """What an EinsumDense does to a tensor of the shape `given`; None if the equation does not fit it."""
    equation = layer.config.get("equation")
    match = _EQUATION.fullmatch(equation.replace(" ", "")) if isinstance(equation, str) else None
    if match is None:
        return None
    taken, kernel, made = match.groups()
    hidden = len(given) - len(taken.replace(_DOTS, ""))
    if hidden < 0 or (_DOTS not in taken and hidden) or hidden > len(_STAND_FOR_DOTS):
        return None
    taken, made = (part.replace(_DOTS, _STAND_FOR_DOTS[:hidden]) for part in (taken, made))
    lengths: dict[str, int | None] = dict(zip(taken, given, strict=True))
    for weight in layer.weights[:1]:
        if weight.shape is not None and len(weight.shape) == len(kernel):
            lengths = {**dict(zip(kernel, weight.shape, strict=True)), **_numbers(lengths)}
    wanted = layer.config.get("output_shape")
    target = shape(wanted if isinstance(wanted, list) else [wanted]) or ()
    for letter, length in zip(reversed(made), reversed(target), strict=False):
        if lengths.get(letter) is None:
            lengths[letter] = length
    return Einsum(taken, kernel, made, lengths)


def _numbers(lengths: dict[str, int | None]) -> dict[str, int | None]:
    return {letter: length for letter, length in lengths.items() if length is not None}
