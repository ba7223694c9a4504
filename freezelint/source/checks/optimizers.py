"""What an optimizer goes on doing to layers that are frozen."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.custom_loops import training_steps
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import confidence, steps, titled, training_step
from freezelint.source.custom_loops import WATCHED
from freezelint.source.timeline import Leaf, LossMinimized, State, Timeline, Trained
from freezelint.source.values import Known, Optimizer, Place


@source.check("optimizer-ignores-freeze")
def optimizer_ignores_freeze(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Everything that leads to a loss is trained, whatever `trainable` says."""
    found: list[tuple[State, Place]] = [
        (event.state, event.at) for event in timeline.events if isinstance(event, LossMinimized)
    ]
    found += [(step.state, step.at) for step in training_steps(timeline) if step.sources.which == WATCHED]
    seen: set[Place] = set()
    for state, at in found:
        frozen = _frozen(state)
        if frozen is None or at in seen:
            continue
        seen.add(at)
        yield Mistake(
            "This trains every variable that leads to the loss: `trainable` is a flag of Keras, and "
            f"{titled(frozen.model)}"
            " trains although it is frozen. Name what shall train: `model.trainable_variables`.",
            at.span,
            steps((frozen.frozen_at[0], "frozen here")),
            confidence=Confidence.LIKELY,
        )


def _frozen(state: State) -> Leaf | None:
    return next((leaf for leaf in state.weighted if leaf.trains is False and leaf.frozen_at), None)


@source.check("ema-after-freeze")
def ema_after_freeze(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """An optimizer that keeps averages of the weights goes on after some of them were frozen."""
    if keras.ema_survives_freeze:
        return
    first: dict[int, Trained] = {}
    reported: set[int] = set()
    for trained in timeline.trainings:
        optimizer = trained.compiled.optimizer if trained.compiled is not None else None
        if optimizer is None or not _averages(optimizer) or id(optimizer) in reported:
            continue
        earlier = first.setdefault(id(optimizer), trained)
        moved = {leaf.key for leaf in earlier.read.weighted if leaf.trains}
        lost = next((leaf for leaf in trained.state.weighted if leaf.trains is False and leaf.key in moved), None)
        if lost is not None and lost.frozen_at:
            reported.add(id(optimizer))
            yield Mistake(
                "This optimizer keeps an average of every weight it was built for (`use_ema=True`), and after this "
                "freeze writes the averages into the wrong weights: it counts only what trains now. Compile with a new "
                "optimizer.",
                lost.frozen_at[0].span,
                steps((optimizer.at, "made here"), (earlier.at, "built for all weights here"), training_step(trained)),
                confidence=confidence(trained, [trained.model]),
            )


def _averages(optimizer: Optimizer) -> bool:
    asked = optimizer.arguments.get("use_ema")
    return isinstance(asked, Known) and asked.value is True
