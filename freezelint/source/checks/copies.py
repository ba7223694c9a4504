"""Models that share layers with others, or are made from them: what a copy keeps, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import name_of, plural, steps, titled, training_step
from freezelint.source.timeline import Leaf, Predicted, Saved, SetTrainable, State, Timeline, Trained, WeightsSet
from freezelint.source.values import Model, Stretch


@source.check("clone-drops-weights")
def clone_drops_weights(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A clone of a pretrained model is trained or asked, and never got the weights."""
    settled: set[int] = set()
    for event in timeline.events:
        if not isinstance(event, Trained | Predicted):
            continue
        for clone in _held(event.model):
            original = clone.copy_of
            if original is None or id(clone) in settled or clone.weights_set or clone.handed_over is not None:
                continue
            settled.add(id(clone))
            if _needs_weights(original, clone, event):
                yield Mistake(
                    f"`clone_model` copies the layers of {titled(original)} and not its weights: {name_of(clone)} "
                    "starts from random numbers. Copy them: `clone.set_weights(original.get_weights())`.",
                    clone.at.span,
                    steps((original.at, "the weights come from here"), (event.at, f"`{event.how}` with random ones")),
                    confidence=Confidence.CERTAIN if original.certain else Confidence.LIKELY,
                )


def _held(model: Model) -> list[Model]:
    """The models that are nested in one, and those whose layers were taken over into it (`base.output`)."""
    taken = (part.model for part, _ in model.walk() if isinstance(part, Stretch))
    return list({id(found): found for found in (*model.containers(), *taken)}.values())


def _needs_weights(original: Model, clone: Model, first_use: Trained | Predicted) -> bool:
    """Whether the weights of the original are missed: those of a backbone, or any where the clone is not trained.

    A clone of a model of one's own that is trained from the start is a new start, and mostly meant as one.
    """
    lost = [model for model in original.containers() if model.pretrained]
    if any(model.backbone is not None for model in lost):
        return True
    learns = isinstance(first_use, Trained) and any(
        leaf.trains is not False for leaf in first_use.read.weighted if clone in (*leaf.around, leaf.model)
    )
    return not learns and any(model.loaded_from is not None or model.weights_set for model in lost)


@source.check("shared-layer-frozen-elsewhere")
def shared_layer_frozen_elsewhere(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A model that has trained before loses layers to a freeze of another model that shares them."""
    for freeze in timeline.events:
        target = freeze.target if isinstance(freeze, SetTrainable) and freeze.value is False else None
        if not isinstance(freeze, SetTrainable) or not isinstance(target, Model):
            continue
        for trained in timeline.trainings:
            if not _is_apart(trained.model, target):
                continue
            lost = [
                leaf for leaf in trained.read.weighted if leaf.key in freeze.changed and freeze.at in leaf.frozen_at
            ]
            earlier = _trained_with(timeline, trained, lost)
            if earlier is not None and _was_for_another(timeline, freeze, trained):
                yield Mistake(
                    f"{name_of(trained.model)} shares {plural(len(lost), 'layer')} with {name_of(target)}, and a layer "
                    f"has one `trainable` for all models that hold it: freezing {name_of(target)} froze them here too.",
                    freeze.at.span,
                    steps((earlier.at, "trained with them before"), training_step(trained)),
                    confidence=Confidence.LIKELY,
                )
                break


def _is_apart(model: Model, other: Model) -> bool:
    """Whether neither model is a part of the other."""
    return all(part is not other for part in model.containers()) and all(
        part is not model for part in other.containers()
    )


def _was_for_another(timeline: Timeline, freeze: SetTrainable, trained: Trained) -> bool:
    """Whether another model was trained with what was frozen, before this one was again."""
    others = (item for item in timeline.between(freeze, trained) if isinstance(item, Trained))
    return any(other.model is not trained.model and freeze.changed & other.read.keys for other in others)


def _trained_with(timeline: Timeline, trained: Trained, leaves: list[Leaf]) -> Trained | None:
    """An earlier training of the same model in which these layers trained."""
    keys = {leaf.key for leaf in leaves}
    for earlier in timeline.trainings:
        if earlier is trained:
            return None
        moved = {leaf.key for leaf in earlier.read.weighted if leaf.trains}
        if keys and earlier.model is trained.model and keys <= moved:
            return earlier
    return None


@source.check("freeze-lost-on-reload")
def freeze_lost_on_reload(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """A nested model that is frozen by its own flag alone trains after it was saved and loaded."""
    if keras.container_flag_survives_reload:
        return
    saved: dict[str, Saved] = {}
    for event in timeline.events:
        if isinstance(event, Saved) and event.path.endswith((".h5", ".hdf5", ".keras")):
            saved[event.path] = event
        if not isinstance(event, Trained) or event.model.loaded_from not in saved or event.model.flag.at is not None:
            continue
        before = saved[event.model.loaded_from]
        gate = _held_by_a_flag_above(before.state)
        if gate is not None:
            yield Mistake(
                f"Keras 2 does not save the own `trainable` of a nested model in {before.path!r}: {name_of(gate)} "
                "comes back trainable, and the layers inside that were thawed under it train now. Freeze it again "
                "before `compile`.",
                event.model.at.span,
                steps((gate.flag.at, "frozen here"), (before.at, "saved here"), training_step(event)),
                confidence=Confidence.LIKELY,
            )


def _held_by_a_flag_above(state: State) -> Model | None:
    """A nested model whose own flag alone keeps thawed layers inside it from training."""
    held = (leaf for leaf in state.weighted if leaf.gate is not None and leaf.thawed_at)
    return next((leaf.gate for leaf in held if leaf.gate is not leaf.around[0]), None)


@source.check("weights-order-depends-on-trainable")
def weights_order_depends_on_trainable(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Weights are read from a legacy `.h5` into a nested model whose flags differ from those at saving."""
    saved: dict[str, Saved] = {}
    for event in timeline.events:
        if isinstance(event, Saved) and _is_legacy_h5(event.path):
            saved[event.path] = event
        if not isinstance(event, WeightsSet) or event.state is None or event.path not in saved:
            continue
        before = saved[event.path]
        nested = {leaf.key for leaf in event.state.weighted if len(leaf.around) > 1}
        changed = before.state.changed_since(event.state) & nested
        if changed and not (_is_uniform(before.state, nested) and _is_uniform(event.state, nested)):
            yield Mistake(
                f"The order of the weights of a nested model in {event.path!r} depends on what was frozen when it was "
                "written, and they are read in the order of the present flags: weights of equal shape change places, "
                "silently. Save as `.weights.h5` or `.keras`, or load before the flags are changed.",
                event.at.span,
                steps((before.at, "written with other flags")),
                confidence=Confidence.LIKELY,
            )


def _is_legacy_h5(path: str) -> bool:
    return path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5")


def _is_uniform(state: State, nested: set[int]) -> bool:
    """Whether the layers of the nested models all train, or none of them does."""
    trains = {leaf.trains for leaf in state.weighted if leaf.key in nested}
    return len(trains) == 1 and None not in trains
