"""Which layers of a model are meant when its layers are not known one by one.

`base.layers[-20:]`, "every BatchNormalization in it", "those whose name starts with block5": a `Selection`
says which; an `Interior` is what has been assigned to the selections of one model, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Bound = int | str | None
"""A slice bound: a number, the text of an expression that is not known, or None for the end of the list."""

At = TypeVar("At")


@dataclass(frozen=True, slots=True)
class Selection:
    """Some layers of a model: a stretch of its list, perhaps only (or all but) the BatchNormalization layers.

    `chosen` are exact positions (those that a test on the name picks); `partial` says that it is some unknown part.
    """

    start: Bound = None
    stop: Bound = None
    batchnorm: bool | None = None
    partial: bool = False
    chosen: frozenset[int] | None = None

    @property
    def whole(self) -> bool:
        """Whether the stretch is the whole list of layers."""
        return self.start in (None, 0) and self.stop is None and not self.partial and self.chosen is None

    def slice(self, start: Bound, stop: Bound) -> Selection:
        """The part `[start:stop]` of this selection."""
        if self.start in (None, 0) and self.stop is None and self.chosen is None:
            return replace(self, start=start, stop=stop)
        if start in (None, 0) and stop is None:
            return self
        if isinstance(self.start, int) and isinstance(start, int) and self.start >= 0 <= start and stop is None:
            return replace(self, start=self.start + start)
        return replace(self, partial=True)

    def meet(self, other: Selection) -> Selection | None:
        """The layers in both, None if there are none."""
        kind = self.batchnorm if other.batchnorm is None else other.batchnorm
        if self.batchnorm is not None and other.batchnorm is not None and self.batchnorm != other.batchnorm:
            return None
        start, exact_start = _stricter(self.start or None, other.start or None, max)
        stop, exact_stop = _stricter(self.stop, other.stop, min)
        chosen = self.chosen if other.chosen is None else other.chosen
        if self.chosen is not None and other.chosen is not None:
            chosen = self.chosen & other.chosen
        partial = self.partial or other.partial or not (exact_start and exact_stop)
        return Selection(start, stop, kind, partial, chosen)

    def join(self, other: Selection) -> Selection:
        """Roughly the layers in either: exact if they are equal, otherwise an unknown part."""
        if self == other:
            return self
        kind = self.batchnorm if self.batchnorm == other.batchnorm else None
        return Selection(batchnorm=kind, partial=True)

    def indices(self, size: int, batchnorms: frozenset[int]) -> Iterator[int] | None:
        """The positions selected in a list of `size` layers; None if that cannot be told."""
        if self.partial or isinstance(self.start, str) or isinstance(self.stop, str):
            return None
        return (
            index
            for index in range(size)[self.start : self.stop]
            if (self.batchnorm is None or (index in batchnorms) is self.batchnorm)
            and (self.chosen is None or index in self.chosen)
        )


def _stricter(one: Bound, other: Bound, choose: Callable[[int, int], int]) -> tuple[Bound, bool]:
    """The bound that holds for both stretches, and whether that is exact."""
    if one is None or other is None or one == other:
        return (other if one is None else one), True
    if isinstance(one, int) and isinstance(other, int) and (one < 0) == (other < 0):
        return choose(one, other), True
    return one, False


WHOLE = Selection()


@dataclass(frozen=True, slots=True)
class Claim(Generic[At]):
    """The last word said about a stretch of layers: its flag, and where it was set (None: never)."""

    selection: Selection
    value: bool | None
    at: At | None


@dataclass(frozen=True, slots=True)
class Thaw(Generic[At]):
    """BatchNormalization layers whose flag is True: how many (None: unknown) and who set it (None: nobody)."""

    count: int | None
    at: At | None
    certain: bool


class Interior(Generic[At]):
    """The flags of the layers inside one model that is known only as a whole.

    `size` and `batchnorms` (positions) are those of a known backbone, None otherwise; `has_batchnorm` may be
    known without them. `initial` is the flag that all layers start with, None if unknown.
    """

    def __init__(
        self,
        size: int | None = None,
        batchnorms: frozenset[int] | None = None,
        has_batchnorm: bool | None = None,
        initial: bool | None = True,
    ) -> None:
        self.size = size
        self.batchnorms = batchnorms
        self.has_batchnorm = bool(batchnorms) if batchnorms is not None else has_batchnorm
        self._claims: dict[bool, list[Claim[At]]] = {kind: [Claim(WHOLE, initial, None)] for kind in (True, False)}
        self._exact: list[Claim[At]] | None = None
        if size is not None and batchnorms is not None:
            self._exact = [Claim(WHOLE, initial, None)] * size

    def assign(self, selection: Selection, value: bool | None, at: At) -> bool:
        """Sets the flag of the selected layers; returns whether that changed anything."""
        before = self.state()
        kinds = (True, False) if selection.batchnorm is None else (selection.batchnorm,)
        for kind in kinds:
            self._claim(kind, Claim(selection, value, at))
        if self.size is not None and self.batchnorms is not None:
            self._assign_exactly(Claim(selection, value, at), self.size, self.batchnorms)
        return self.state() != before

    def _assign_exactly(self, claim: Claim[At], size: int, batchnorms: frozenset[int]) -> None:
        """Keeps the flags layer by layer: lost when a selection is not exact, found again when all are set."""
        if self._exact is None:
            if claim.selection.whole and claim.selection.batchnorm is None:
                self._exact = [claim] * size
            return
        indices = claim.selection.indices(size, batchnorms)
        if indices is None:
            self._exact = None
            return
        for index in indices:
            if self._exact[index].value is not claim.value or self._exact[index].at is None:
                self._exact[index] = claim

    def adopt(self, value: bool, at: At) -> None:
        """Says where the flag of layers that nobody set was put into words: nothing changes."""
        for claims in (*self._claims.values(), *([self._exact] if self._exact is not None else [])):
            claims[:] = [Claim(c.selection, value, at) if c.value is value and c.at is None else c for c in claims]

    def _claim(self, kind: bool, claim: Claim[At]) -> None:
        claims = self._claims[kind]
        if claim.selection.whole:
            if {old.value for old in claims} != {claim.value} or claims[0].at is None:
                claims[:] = [claim]
            return
        if all(old.value is claim.value for old in claims) and claim.value is not None:
            return
        stretch = replace(claim.selection, batchnorm=None)
        kept = [old for old in claims if replace(old.selection, batchnorm=None) != stretch]
        claims[:] = [*kept, claim]
        if _cover_everything(claims[1:]):
            claims[:] = claims[1:]

    def state(self, part: Selection = WHOLE) -> Hashable:
        """The flags of a part of the layers as one comparable value: equal states train the same layers."""
        exact = self._exactly(part)
        if exact is not None:
            return tuple(claim.value for claim in exact)
        return tuple(
            tuple((replace(claim.selection, batchnorm=None), claim.value) for claim in self._about(kind, part))
            for kind in (True, False)
        )

    def only_batchnorms(self, part: Selection) -> bool:
        """Whether a part holds BatchNormalization layers and nothing else."""
        if part.chosen is not None and self.batchnorms is not None:
            return bool(part.chosen) and part.chosen <= self.batchnorms
        return part.batchnorm is True

    def only_batchnorms_train(self, part: Selection = WHOLE) -> bool:
        """Whether everything in a part but BatchNormalization is frozen: its statistics shall adapt to new data."""
        return all(claim.value is False for claim in self._all(replace(part, batchnorm=False), (False,)))

    def thawed_batchnorms(self, part: Selection = WHOLE) -> list[Thaw[At]]:
        """The BatchNormalization layers of a part that are thawed, by the assignment that did it."""
        if self.has_batchnorm is False:
            return []
        exact = self._exactly(replace(part, batchnorm=True))
        if exact is not None:
            setters = [claim.at for claim in exact if claim.value is True]
            return [Thaw(setters.count(at), at, True) for at in dict.fromkeys(setters)]
        claims = self._about(True, part)
        certain = self.has_batchnorm is True and len(claims) == 1
        return [Thaw(None, claim.at, certain) for claim in claims if claim.value is True]

    def all_are(self, value: bool, part: Selection = WHOLE) -> bool:
        """Whether every flag in a part of the layers is known to be `value`."""
        return all(claim.value is value for claim in self._all(part))

    def any_is(self, value: bool, part: Selection = WHOLE) -> bool:
        """Whether some flag in a part of the layers is known to be `value`."""
        return any(claim.value is value for claim in self._all(part))

    def setters(self, value: bool, part: Selection = WHOLE) -> list[At]:
        """Where flags in a part of the layers that are now `value` were set, in no particular order."""
        found = (claim.at for claim in self._all(part) if claim.value is value and claim.at is not None)
        return list(dict.fromkeys(found))

    def _all(self, part: Selection, kinds: tuple[bool, ...] = (True, False)) -> list[Claim[At]]:
        exact = self._exactly(part)
        return exact if exact is not None else [claim for kind in kinds for claim in self._about(kind, part)]

    def _exactly(self, part: Selection) -> list[Claim[At]] | None:
        """The last word about each layer of a part; None if the layers cannot be told one by one."""
        if self._exact is None or self.size is None or self.batchnorms is None:
            return None
        indices = part.indices(self.size, self.batchnorms)
        return None if indices is None else [self._exact[index] for index in indices]

    def _about(self, kind: bool, part: Selection) -> list[Claim[At]]:
        """The claims about a part: those about just this stretch if there are any, otherwise all."""
        stretch = replace(part, batchnorm=None)
        same = [claim for claim in self._claims[kind] if replace(claim.selection, batchnorm=None) == stretch]
        return same[-1:] if same and not part.whole else self._claims[kind]


def _cover_everything(claims: list[Claim[At]]) -> bool:
    """Whether two stretches among the claims are `[:n]` and `[n:]`."""
    stretches = [claim.selection for claim in claims if not claim.selection.partial and claim.selection.chosen is None]
    stops = {stretch.stop for stretch in stretches if stretch.start in (None, 0) and stretch.stop is not None}
    starts = {stretch.start for stretch in stretches if stretch.stop is None and stretch.start is not None}
    return bool(stops & starts)
