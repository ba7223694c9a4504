import pytest

from freezelint.finding import Severity
from freezelint.graph.checks.serving import (
    augmentation_active_in_signature,
    batchnorm_training_in_signature,
    dropout_active_in_signature,
    state_update_in_signature,
)
from freezelint.graph.model_graph import BatchNormCall, Mode, ModelGraph, RandomOperation, Signature, StateWrite
from tests.graph.build import KERAS2, base, call, model, with_head

LIVE = BatchNormCall("m/bn/FusedBatchNormV3", Mode.TRAINING, layer="bn", updates_statistics=True)
QUIET = BatchNormCall("m/bn/FusedBatchNormV3", Mode.INFERENCE, layer="bn")
DROPOUT = RandomOperation("m/drop/stateless_dropout/StatelessRandomUniformV2", "StatelessRandomUniformV2", "dropout")
FLIP = RandomOperation("m/flip/RandomUniform", "RandomUniform", "augmentation", layer="flip")
SAMPLE = RandomOperation("m/sample/RandomNormal", "RandomNormal", "unknown")
STATISTICS = StateWrite("m/bn/AssignVariableOp", "bn/moving_mean", "batchnorm")
SEED = StateWrite("m/drop/AssignVariableOp", "seed_generator_state", "seed")
COUNTER = StateWrite("AssignAddVariableOp", "requests", "other")


def served(*signatures):
    return ModelGraph("m", "savedmodel", signatures=list(signatures))


def test_batchnorm_in_training_mode():
    [found] = batchnorm_training_in_signature(served(Signature("s", batchnorms=(LIVE, QUIET))), KERAS2)
    assert (found.layer, found.signature) == ("bn", "s")
    assert "every request moves the stored statistics" in found.message


def test_the_wired_call_is_named_as_the_cause():
    graph = model(with_head(base(calls=(call("in", training=True),))), signatures=[Signature("s", batchnorms=(LIVE,))])
    [found] = batchnorm_training_in_signature(graph, KERAS2)
    assert "`base` is wired with training=True" in found.message


def test_two_names_of_one_signature_are_one_finding():
    graph = served(Signature("serving_default", random=(DROPOUT,)), Signature("serve", random=(DROPOUT,)))
    [found] = dropout_active_in_signature(graph, KERAS2)
    assert found.signature == "serving_default"
    assert found.message.startswith("Signatures `serve`, `serving_default` run dropout `m/drop`")


def test_augmentation():
    [found] = augmentation_active_in_signature(served(Signature("s", random=(FLIP,))), KERAS2)
    assert found.layer == "flip"


def test_a_counter_is_a_state_update():
    [found] = state_update_in_signature(served(Signature("s", writes=(COUNTER,))), KERAS2)
    assert "`requests`" in found.message
    assert found.severity is None


def test_the_seed_alone_is_information():
    [found] = state_update_in_signature(served(Signature("s", writes=(SEED,))), KERAS2)
    assert found.severity is Severity.INFO


@pytest.mark.parametrize(
    "signature",
    [
        Signature("s", batchnorms=(LIVE,), writes=(STATISTICS,)),
        Signature("s", random=(DROPOUT,), writes=(SEED,)),
        Signature("s", random=(FLIP,), writes=(SEED,)),
        Signature("s", batchnorms=(QUIET,)),
        Signature("s", random=(SAMPLE,)),
    ],
)
def test_writes_that_another_rule_explains_are_left_to_it(signature):
    assert not list(state_update_in_signature(served(signature), KERAS2))


def test_a_sound_signature_is_silent():
    graph = served(Signature("s", batchnorms=(QUIET,), random=(SAMPLE,)))
    for check in (
        batchnorm_training_in_signature,
        dropout_active_in_signature,
        augmentation_active_in_signature,
        state_update_in_signature,
    ):
        assert not list(check(graph, KERAS2))
