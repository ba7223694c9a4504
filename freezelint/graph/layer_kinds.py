"""What kind of layer a node of the tree is, from its class and, for a custom class, from its configuration."""

from __future__ import annotations

from freezelint.graph.model_graph import Layer, LayerKind, Weight
from freezelint.keras.names import Kind, LayerTraits, class_traits

STATISTICS = frozenset({"moving_mean", "moving_variance"})
_NEVER_TRAINED = STATISTICS | {"mean", "variance", "count", "seed_generator_state", "vector_u", "sn_u"}
_NEVER_WEIGHTED = frozenset({
    Kind.INPUT,
    Kind.DROPOUT,
    Kind.AUGMENTATION,
    Kind.PREPROCESSING,
    Kind.MERGE,
    Kind.SHAPE,
})


def traits(layer: Layer) -> LayerTraits | None:
    """What is known of the layer's class; None for a class of somebody's own."""
    if ">" in (layer.registered_name or "") and layer.module is None:
        return None
    return class_traits(layer.class_name, layer.module)


def is_batchnorm(layer: Layer) -> bool:
    """Whether the layer is a BatchNormalization, or a class derived from it (which keeps its configuration)."""
    known = traits(layer)
    if known is not None:
        return known.is_batchnorm
    return "moving_mean_initializer" in layer.config and "moving_variance_initializer" in layer.config


def is_normalization(layer: Layer) -> bool:
    """Whether the layer normalises its input, by whatever statistics."""
    known = traits(layer)
    return is_batchnorm(layer) or (known is not None and known.kind is Kind.NORMALIZATION)


def is_dropout(layer: Layer) -> bool:
    """Whether the layer, as it is configured, is random in training mode (dropout and noise, also inside an RNN)."""
    known = traits(layer)
    if known is None:
        return False
    if known.is_dropout:
        return any(_is_positive(layer.config.get(key)) for key in ("rate", "stddev"))
    return any(_is_positive(layer.config.get(key)) for key in known.dropout_arguments)


def is_stop_gradient(layer: Layer) -> bool:
    """Whether the layer is the raw operation that lets no gradient through."""
    if layer.kind is not LayerKind.OPERATION:
        return False
    return layer.class_name == "StopGradient" or str(layer.config.get("function", "")).endswith("stop_gradient")


def records_by_itself(layer: Layer, training: bool | None) -> bool:
    """Whether Keras 3 records this value for a call that was made without `training`: it records the default.

    Measured with Keras 3.15.1: False on Dropout, noise and recurrent layers, True on random augmentation and on
    those preprocessing layers whose `call` defaults to it (Resizing, CenterCrop, …), nothing on any other.
    """
    known = traits(layer)
    if known is None or training is None:
        return False
    if training:
        return known.call_defaults_to_training
    return known.kind in (Kind.DROPOUT, Kind.RECURRENT)


def takes_integers(layer: Layer) -> bool:
    """Whether the layer looks its input up in a table, so that no gradient passes it."""
    known = traits(layer)
    return known is not None and known.kind is Kind.EMBEDDING


def has_trainable_weights(layer: Layer) -> bool:
    """Whether the layer itself (not its children) holds weights that an optimizer could change.

    Weights that were read decide, except for layers that have none but the state of a random generator; without
    them, the class does. A class of somebody's own whose weights were not read counts as having none.
    """
    known = traits(layer)
    if known is not None and known.kind in _NEVER_WEIGHTED:
        return False
    if layer.weights:
        return any(_is_trainable(weight) for weight in layer.weights)
    if layer.is_container or layer.kind is LayerKind.WRAPPER or layer.children:
        return False
    return known.has_weights if known is not None else is_batchnorm(layer)


def _is_trainable(weight: Weight) -> bool:
    """Whether an optimizer could change the variable: it is no statistic, and no whole number (a seed, a counter)."""
    return not is_statistic(weight.role) and not (weight.dtype or "").startswith(("int", "uint", "bool"))


def is_statistic(role: str | None) -> bool:
    """Whether a weight with this role is set by the layer itself and never by an optimizer."""
    return role in _NEVER_TRAINED


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0
