"""What a signature does when it is served."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Mistake, Severity
from freezelint.graph.checks.registry import graph
from freezelint.graph.checks.words import counted, listed
from freezelint.graph.model_graph import Mode, ModelGraph, RandomOperation, Signature
from freezelint.keras.behaviour import Behaviour


@graph.check("batchnorm-training-in-signature")
def batchnorm_training_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature runs BatchNormalization in training mode."""
    for signature in model.signatures:
        live = [found for found in signature.batchnorms if found.mode is Mode.TRAINING]
        if not live:
            continue
        names = [found.layer or found.scope or found.operation for found in live]
        moves = ", and every request moves the stored statistics" if any(b.updates_statistics for b in live) else ""
        yield Mistake(
            f"Signature `{signature.name}` runs {counted(names, 'BatchNormalization', 'BatchNormalization layers')} in"
            f" training mode: an answer depends on the other samples of the request{moves}.{_cause(model)} Export the"
            " model as it runs in `predict`, without `training=True`.",
            layer=live[0].layer,
            signature=signature.name,
        )


@graph.check("dropout-active-in-signature")
def dropout_active_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature drops or disturbs values at random."""
    for signature in model.signatures:
        for found, names in _random(signature, ("dropout", "noise")):
            yield Mistake(
                f"Signature `{signature.name}` runs {counted(names, 'dropout', 'dropout or noise layers')}: the same"
                f" request gets a different answer each time.{_cause(model)} Export the model without `training=True`;"
                " if these are Monte Carlo samples on purpose, ignore this rule for the file.",
                layer=found.layer,
                signature=signature.name,
            )


@graph.check("augmentation-active-in-signature")
def augmentation_active_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature augments what it is asked about."""
    for signature in model.signatures:
        for found, names in _random(signature, ("augmentation",)):
            yield Mistake(
                f"Signature `{signature.name}` runs {counted(names, 'the augmentation', 'augmentation layers')}: every"
                " request is flipped, rotated or otherwise changed at random. Leave augmentation out of the model that"
                " is exported, or export it called with `training=False`.",
                layer=found.layer,
                signature=signature.name,
            )


@graph.check("state-update-in-signature")
def state_update_in_signature(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """A signature writes variables, for a reason that no other rule names."""
    for signature in model.signatures:
        explained = {"batchnorm"} if any(b.mode is Mode.TRAINING for b in signature.batchnorms) else set()
        if any(found.purpose in ("dropout", "noise", "augmentation") for found in signature.random):
            explained.add("seed")
        writes = [write for write in signature.writes if write.purpose not in explained]
        if not writes:
            continue
        variables = listed(write.variable or write.scope for write in writes)
        if all(write.purpose == "seed" for write in writes):
            yield Mistake(
                f"Signature `{signature.name}` advances the seed {variables} with every request; the answers do not"
                " show it, but the model cannot be served read-only.",
                signature=signature.name,
                severity=Severity.INFO,
            )
        else:
            yield Mistake(
                f"Signature `{signature.name}` writes {variables} with every request: the model changes while it is"
                " served, and differently on every replica. Export a function that only reads.",
                signature=signature.name,
            )


def _random(signature: Signature, purposes: tuple[str, ...]) -> Iterator[tuple[RandomOperation, list[str]]]:
    """The first random operation with one of the purposes, and the names of all; nothing if there is none."""
    found = [operation for operation in signature.random if operation.purpose in purposes]
    if found:
        yield found[0], [operation.layer or operation.scope or operation.operation for operation in found]


def _cause(model: ModelGraph) -> str:
    """The call that is wired with `training=True`, where the artifact records calls."""
    pinned = [call.layer for call in model.calls if call.training and not call.training_is_artifact]
    return f" {listed(pinned)} {'is' if len(set(pinned)) == 1 else 'are'} wired with training=True." if pinned else ""
