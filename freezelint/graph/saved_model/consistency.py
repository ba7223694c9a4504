"""Do the two places that say what trains agree: the flags in the Keras metadata, and the saved list of variables?"""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer

_TRAINED = frozenset({
    "kernel", "bias", "gamma", "beta", "embeddings", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel",
})  # fmt: skip


def flags_against_list(root: Layer) -> Iterator[str]:
    """A sentence for each way in which they disagree. Classes of somebody's own may override what trains."""
    by_object: dict[str, list[Layer]] = {}
    for layer in root.walk():
        if layer_kinds.traits(layer) is not None and not layer.is_container:
            by_object.setdefault(layer.shared_id or layer.path, []).append(layer)
    frozen_but_listed, trainable_but_missing = [], []
    for places in by_object.values():
        layer = places[0]
        flags = [place.effective_trainable for place in places]
        listed = {weight.trainable for weight in layer.weights if weight.role in _TRAINED}
        if None in flags or None in listed:
            continue
        if not any(flags) and True in listed:
            frozen_but_listed.append(layer.path)
        elif any(flags) and listed == {False}:
            trainable_but_missing.append(layer.path)
    if frozen_but_listed:
        yield (
            f"the metadata says that {len(frozen_but_listed)} layer(s), such as {frozen_but_listed[0]!r}, are frozen,"
            " but their weights are in the saved list of trainable variables"
        )
    if trainable_but_missing:
        yield (
            f"the metadata says that {len(trainable_but_missing)} layer(s), such as {trainable_but_missing[0]!r},"
            " train, but their weights are not in the saved list of trainable variables"
        )
