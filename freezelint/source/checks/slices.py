"""Slices of a backbone's layers, and the blocks that they cut."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import confidence, steps, titled, training_step
from freezelint.source.selection import Selection
from freezelint.source.timeline import SetTrainable, Timeline
from freezelint.source.values import Place, Stretch


@source.check("freeze-slice-splits-block")
def freeze_slice_splits_block(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """The bound of a slice lies inside a residual block: one half of it trains."""
    seen: set[Place] = set()
    for trained in timeline.trainings:
        leaves = {id(leaf.model): leaf for leaf in trained.read.weighted if leaf.trains is not False}
        for event in timeline.until(trained):
            if not isinstance(event, SetTrainable) or not isinstance(event.target, Stretch) or event.at in seen:
                continue
            model = event.target.model
            leaf = leaves.get(id(model))
            if leaf is None or model.layout is None or event.at not in (*leaf.frozen_at, *leaf.thawed_at):
                continue
            for cut in _cuts(event.target.selection):
                block = model.layout.block_around(cut)
                if block is None:
                    continue
                seen.add(event.at)
                first, last = (model.layout.layers[index].name for index in (block.start, block.stop - 1))
                yield Mistake(
                    f"The slice is cut at layer {cut % len(model.layout)} of {titled(model)}, inside the block from "
                    f"layer {block.start} (`{first}`) to {block.stop - 1} (`{last}`): one of its branches trains and "
                    f"another does not. Cut at {block.start} or {block.stop}.",
                    event.at.span,
                    steps(training_step(trained)),
                    confidence=confidence(trained, [model]),
                )


def _cuts(selection: Selection) -> list[int]:
    """Where a slice separates layers, as far as its bounds are numbers."""
    if selection.partial or selection.chosen is not None:
        return []
    return [bound for bound in (selection.start, selection.stop) if isinstance(bound, int) and bound]
