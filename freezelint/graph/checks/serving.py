"""What a signature does when it is served."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from freezelint.finding import Mistake, Severity
from freezelint.graph.checks.registry import graph
from freezelint.graph.model_graph import Mode, ModelGraph, Signature
from freezelint.graph.words import counted, listed
from freezelint.keras.behaviour import Behaviour

_INSIDE_A_LAYER = re.compile(r"/(?:stateless_\w+|random_\w+|stateful_\w+|[A-Z]\w*)(?:/.*)?$")
"""The part of a scope that names operations of Keras's own code rather than a layer."""


@graph.check("batchnorm-training-in-signature")
def batchnorm_training_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature runs BatchNormalization in training mode."""
    for signatures, names, layer in _grouped(model, _live_batchnorms):
        moves = any(found.updates_statistics for signature in signatures for found in signature.batchnorms)
        yield Mistake(
            f"{_subject(signatures)} {counted(names, 'BatchNormalization', 'BatchNormalization layers')} in training"
            f" mode: an answer depends on the other samples of the request"
            f"{', and every request moves the stored statistics' if moves else ''}.{_cause(model)} Export the model as"
            " it runs in `predict`, without `training=True`.",
            layer=layer,
            signature=signatures[-1].name,
        )


@graph.check("dropout-active-in-signature")
def dropout_active_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature drops or disturbs values at random."""
    for signatures, names, layer in _grouped(model, lambda signature: _random(signature, ("dropout", "noise"))):
        yield Mistake(
            f"{_subject(signatures)} {counted(names, 'dropout', 'dropout or noise layers')}: the same request gets a"
            f" different answer each time.{_cause(model)} Export the model without `training=True`; if these are Monte"
            " Carlo samples on purpose, ignore this rule for the file.",
            layer=layer,
            signature=signatures[-1].name,
        )


@graph.check("augmentation-active-in-signature")
def augmentation_active_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature augments what it is asked about."""
    for signatures, names, layer in _grouped(model, lambda signature: _random(signature, ("augmentation",))):
        yield Mistake(
            f"{_subject(signatures)} {counted(names, 'the augmentation', 'augmentation layers')}: every request is"
            " flipped, rotated or otherwise changed at random. Leave augmentation out of the model that is exported, or"
            " export it called with `training=False`.",
            layer=layer,
            signature=signatures[-1].name,
        )


@graph.check("state-update-in-signature")
def state_update_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature writes variables, for a reason that no other rule names."""
    for signatures, variables, _ in _grouped(model, lambda signature: _writes(signature, ("other", "batchnorm"))):
        yield Mistake(
            f"{_subject(signatures, 'writes', 'write')} {listed(variables)} with every request: the model changes while"
            " it is served, and differently on every replica. Export a function that only reads.",
            signature=signatures[-1].name,
        )
    for signatures, variables, _ in _grouped(model, lambda signature: _writes(signature, ("seed",))):
        yield Mistake(
            f"{_subject(signatures, 'advances', 'advance')} the seed {listed(variables)} with every request: no answer"
            " shows it, but the model cannot be served read-only.",
            signature=signatures[-1].name,
            severity=Severity.INFO,
        )


Found = dict[str, str | None]
"""What was found in a signature, by the name to show, with the path of its layer where that is known."""


def _grouped(
    model: ModelGraph, find: Callable[[Signature], Found]
) -> Iterator[tuple[list[Signature], list[str], str | None]]:
    """The signatures in which something is found, with its names and its first layer.

    Signatures with the same find come together: one export writes `serve` and `serving_default`.
    """
    groups: dict[tuple[str, ...], list[Signature]] = {}
    layers: dict[tuple[str, ...], str | None] = {}
    for signature in model.signatures:
        if found := find(signature):
            groups.setdefault(tuple(found), []).append(signature)
            layers[tuple(found)] = next(iter(found.values()))
    for names, signatures in groups.items():
        last = sorted(signatures, key=lambda signature: signature.name == "serving_default")
        yield last, list(names), layers[names]


def _live_batchnorms(signature: Signature) -> Found:
    live = [found for found in signature.batchnorms if found.mode is Mode.TRAINING]
    return {found.layer or found.scope or found.operation: found.layer for found in live}


def _random(signature: Signature, purposes: tuple[str, ...]) -> Found:
    found = [operation for operation in signature.random if operation.purpose in purposes]
    return {one.layer or _INSIDE_A_LAYER.sub("", one.scope) or one.operation: one.layer for one in found}


def _writes(signature: Signature, purposes: tuple[str, ...]) -> Found:
    """The variables written for one of the purposes, without those that FZ401, FZ402 and FZ403 explain."""
    explained = {"batchnorm"} if _live_batchnorms(signature) else set()
    if _random(signature, ("dropout", "noise", "augmentation")):
        explained.add("seed")
    wanted = set(purposes) - explained
    return {write.variable or write.scope: None for write in signature.writes if write.purpose in wanted}


def _subject(signatures: list[Signature], one: str = "runs", several: str = "run") -> str:
    names = listed(signature.name for signature in signatures)
    return f"Signature {names} {one}" if len(signatures) == 1 else f"Signatures {names} {several}"


def _cause(model: ModelGraph) -> str:
    """The call that is wired with `training=True`, where the artifact records calls."""
    pinned = [call.layer for call in model.calls if call.training and not call.training_is_artifact]
    return f" {listed(pinned)} {'is' if len(set(pinned)) == 1 else 'are'} wired with training=True." if pinned else ""
