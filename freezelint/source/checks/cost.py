"""What freezing saves, and what a head costs."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import confidence, is_whole, name_of, steps, titled, training_step
from freezelint.source.timeline import Leaf, Timeline, Trained
from freezelint.source.values import Items, Known, Layer, Model, Stretch

_REDUCTION = 32
"""Every backbone of `keras.applications` makes a picture smaller by this factor, rounded up, in each direction."""


@source.check("frozen-on-gradient-path")
def frozen_on_gradient_path(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """Frozen layers lie behind a layer that trains: the gradients have to go through them."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        if trained.model.kind != "sequential" or not is_whole(trained.model):
            continue
        early: Leaf | None = None
        for leaf in trained.read.weighted:
            frozen = leaf.trains is False and leaf.frozen_at and _is_heavy(leaf)
            if early is not None and frozen and leaf.key not in seen:
                seen.add(leaf.key)
                yield _on_the_path(trained, early, leaf)
            if early is None and leaf.trains is True and isinstance(leaf.part, Layer) and leaf.part.wrapped is None:
                early = leaf


def _is_heavy(leaf: Leaf) -> bool:
    return isinstance(leaf.part, Stretch) and leaf.model.backbone is not None


def _on_the_path(trained: Trained, early: Leaf, frozen: Leaf) -> Mistake:
    first = early.part if isinstance(early.part, Layer) else early.model
    return Mistake(
        f"Freezing {titled(frozen.model)} saves less than it seems: {name_of(first)} in front of it trains, so the "
        "gradients have to go back through all of it. Only the gradients of its own weights are saved.",
        frozen.frozen_at[0].span,
        steps((first.at, "trains, in front of what is frozen"), training_step(trained)),
        confidence=confidence(trained, [frozen.model]),
    )


@source.check("oversized-head")
def oversized_head(timeline: Timeline, keras: Behaviour, max_weights: float) -> Iterator[Mistake]:
    """A Dense layer on the flattened features of a backbone has millions of weights."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for leaf in trained.state.weighted:
            dense = leaf.part
            if not isinstance(dense, Layer) or id(dense) in seen or dense.class_name != "keras.layers.Dense":
                continue
            seen.add(id(dense))
            base = _flattened_base(trained, dense)
            weights = _features(base) * _units(dense) if base is not None else 0
            if base is not None and weights >= max_weights:
                yield Mistake(
                    f"This layer alone has {weights / 1e6:.0f} million weights, because it takes every number of the "
                    f"feature map of {titled(base)}: it learns the training pictures by heart, and costs more than it "
                    "brings. Use `GlobalAveragePooling2D` instead of `Flatten`.",
                    dense.at.span,
                    steps((base.at, "the features come from here"), training_step(trained)),
                    confidence=min(Confidence.LIKELY, confidence(trained, [base])),
                )


def _flattened_base(trained: Trained, dense: Layer) -> Model | None:
    """The backbone whose feature map goes through `Flatten` straight into a layer."""
    for container in trained.model.containers():
        parts = container.parts
        for base, flatten, after in zip(parts, parts[1:], parts[2:], strict=False):
            if after is dense and _is_flatten(flatten) and container.kind == "sequential":
                return _as_backbone(base)
        for call in container.calls:
            flat = call.inputs[0].wired if call.layer is dense and len(call.inputs) == 1 else None
            if flat is not None and _is_flatten(flat.layer) and len(flat.inputs) == 1:
                before = flat.inputs[0]
                return _as_backbone(before.of if before.of is not None else before.wired and before.wired.layer)
    return None


def _is_flatten(part: object) -> bool:
    return isinstance(part, Layer) and part.class_name == "keras.layers.Flatten"


def _as_backbone(part: object) -> Model | None:
    model = part.model if isinstance(part, Stretch) else part
    return model if isinstance(model, Model) and model.backbone is not None else None


def _features(base: Model) -> int:
    """How many numbers the feature map of a backbone has for one picture; 0 if that is not known."""
    shape = base.arguments.get("input_shape")
    sides = [item.value for item in shape.items if isinstance(item, Known)] if isinstance(shape, Items) else []
    pooled = base.arguments.get("pooling", Known(None))
    whole = isinstance(pooled, Known) and pooled.value is None and _excludes_top(base)
    if base.backbone is None or not whole or len(sides) != 3 or not all(isinstance(side, int) for side in sides):
        return 0
    height, width = (-(-side // _REDUCTION) for side in sides[:2])
    return int(height * width * base.backbone.channels)


def _excludes_top(base: Model) -> bool:
    top = base.arguments.get("include_top")
    return isinstance(top, Known) and top.value is False


def _units(dense: Layer) -> int:
    units = dense.arguments.get("units", dense.arguments.get("#0"))
    return int(units.value) if isinstance(units, Known) and isinstance(units.value, int) else 0
