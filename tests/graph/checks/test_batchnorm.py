"""Each check on the smallest model that shows the mistake, and on its nearest right neighbour."""

import pytest

from freezelint.graph.checks.batchnorm import (
    batchnorm_live_under_frozen_parent,
    pinned_training_ignored,
    pinned_training_true,
)
from freezelint.graph.model_graph import BatchNormCall, Mode, Signature
from tests.graph.build import KERAS2, KERAS3, KERAS3_16, base, call, functional, layer, model, source, with_head

EVERY = [KERAS2, KERAS3, KERAS3_16]


def two_blocks(first, second):
    """A frozen backbone with two BatchNormalization layers, thawed or not, and a convolution between them."""
    return functional(
        "base",
        source("base_in"),
        layer("BatchNormalization", "bn1", "base_in", own=first),
        layer("Conv2D", "conv", "bn1", own=False),
        layer("BatchNormalization", "bn2", "conv", own=second),
        calls=("in",),
        own=False,
    )


@pytest.mark.parametrize("keras", EVERY)
def test_a_live_batchnorm_under_a_frozen_parent(keras):
    [found] = batchnorm_live_under_frozen_parent(model(with_head(base(own=False, bn=True))), keras)
    assert found.layer == "base/bn"
    assert "`base/bn` is thawed inside the frozen `base`" in found.message


@pytest.mark.parametrize("keras", EVERY)
@pytest.mark.parametrize(("own", "bn"), [(False, False), (True, True), (True, False)])
def test_parents_and_batchnorms_that_agree_are_fine(keras, own, bn):
    assert not list(batchnorm_live_under_frozen_parent(model(with_head(base(own=own, bn=bn))), keras))


@pytest.mark.parametrize(("keras", "count"), [(KERAS2, 0), (KERAS3, 1), (KERAS3_16, 0)])
def test_a_wired_training_false_protects_where_it_holds(keras, count):
    graph = model(with_head(base(own=False, bn=True, calls=(call("in", training=False),))))
    found = list(batchnorm_live_under_frozen_parent(graph, keras))
    assert len(found) == count
    assert all("does not hold in Keras 3 before 3.16" in one.message for one in found)


@pytest.mark.parametrize(("keras", "count"), [(KERAS2, 1), (KERAS3, 0)])
def test_thawing_every_batchnorm_and_nothing_else_is_adaptation_in_keras_3(keras, count):
    assert len(list(batchnorm_live_under_frozen_parent(model(with_head(two_blocks(True, True))), keras))) == count


def test_thawing_one_of_several_is_not():
    [found] = batchnorm_live_under_frozen_parent(model(with_head(two_blocks(False, True))), KERAS3)
    assert found.layer == "base/bn2"


@pytest.mark.parametrize(("mode", "count"), [(Mode.TRAINING, 1), (Mode.INFERENCE, 0)])
def test_the_training_trace_of_keras_2_has_the_last_word(mode, count):
    trace = Signature("training", batchnorms=(BatchNormCall("outer/base/bn/FusedBatchNormV3", mode, layer="base/bn"),))
    graph = model(with_head(base(own=False, bn=True)), training_trace=trace)
    found = list(batchnorm_live_under_frozen_parent(graph, KERAS2))
    assert len(found) == count
    assert all("training trace" in one.message for one in found)


def test_a_model_frozen_as_a_whole_is_a_frozen_parent():
    graph = model(functional("m", source(), layer("BatchNormalization", "bn", "in"), own=False))
    [found] = batchnorm_live_under_frozen_parent(graph, KERAS2)
    assert "the model, which is frozen as a whole" in found.message


@pytest.mark.parametrize(
    ("keras", "words"), [(KERAS2, "`predict` normalises"), (KERAS3, "`export()`"), (KERAS3_16, "`predict` normalises")]
)
def test_training_true_on_a_thawed_part(keras, words):
    graph = model(with_head(base(calls=(call("in", training=True),))))
    [found] = pinned_training_true(graph, keras)
    assert found.layer == "base"
    assert words in found.message
    assert not list(pinned_training_ignored(graph, keras))


@pytest.mark.parametrize("keras", EVERY)
def test_training_true_on_a_frozen_part_without_dropout_does_nothing(keras):
    graph = model(with_head(base(own=False, bn=False, calls=(call("in", training=True),))))
    assert not list(pinned_training_true(graph, keras))
    assert not list(pinned_training_ignored(graph, keras))


@pytest.mark.parametrize(("keras", "loud", "ignored"), [(KERAS2, 1, 0), (KERAS3, 0, 1), (KERAS3_16, 1, 0)])
def test_training_true_on_a_frozen_part_with_dropout(keras, loud, ignored):
    graph = model(with_head(base(own=False, bn=False, dropout=0.5, calls=(call("in", training=True),))))
    assert len(list(pinned_training_true(graph, keras))) == loud
    assert len(list(pinned_training_ignored(graph, keras))) == ignored


@pytest.mark.parametrize(("keras", "count"), [(KERAS2, 0), (KERAS3, 1), (KERAS3_16, 0)])
def test_monte_carlo_dropout_works_where_the_pin_holds(keras, count):
    graph = model(functional("m", source(), layer("Dropout", "mc", call("in", training=True), rate=0.5)))
    assert not list(pinned_training_true(graph, keras))
    assert len(list(pinned_training_ignored(graph, keras))) == count


def test_a_signature_that_shows_the_effect_speaks_instead():
    signature = Signature("serving_default", batchnorms=(BatchNormCall("outer/base/bn", Mode.TRAINING),))
    graph = model(with_head(base(calls=(call("in", training=True),))), signatures=[signature])
    assert not list(pinned_training_true(graph, KERAS2))


@pytest.mark.parametrize(("keras", "count"), [(KERAS2, 0), (KERAS3, 1), (KERAS3_16, 0)])
def test_training_false_on_a_thawed_part_is_overruled_by_keras_3(keras, count):
    graph = model(with_head(base(calls=(call("in", training=False),))))
    assert [one.layer for one in pinned_training_ignored(graph, keras)] == ["base"] * count


def test_training_false_matters_only_with_a_thawed_batchnorm():
    frozen = model(with_head(base(own=False, bn=False, calls=(call("in", training=False),))))
    plain = model(functional("m", source(), layer("Dense", "d", call("in", training=False))))
    assert not list(pinned_training_ignored(frozen, KERAS3))
    assert not list(pinned_training_ignored(plain, KERAS3))


def test_one_mistake_is_one_finding_under_a_frozen_parent():
    graph = model(with_head(base(own=False, bn=True, calls=(call("in", training=False),))))
    assert not list(pinned_training_ignored(graph, KERAS3))
    assert len(list(batchnorm_live_under_frozen_parent(graph, KERAS3))) == 1


def test_what_keras_3_writes_for_dropout_and_augmentation_is_no_pin():
    graph = model(
        functional(
            "m",
            source(),
            layer("RandomFlip", "flip", call("in", training=True)),
            layer("Dropout", "drop", call("flip", training=False), rate=0.5),
        )
    )
    assert not list(pinned_training_true(graph, KERAS3))
    assert not list(pinned_training_ignored(graph, KERAS3))
