"""What is computed in a step, under which flags."""

import pytest

from freezelint.graph.cost.answer import costs
from freezelint.graph.cost.scenarios import NoSuchFreeze
from tests.graph.build import KERAS2, KERAS3, call, functional, layer, model, sequential, source


def given(*shape, name="in"):
    config = source(name)
    config["config"]["batch_shape"] = [None, *shape]
    return config


def dense(name, before, units=10, **config):
    return layer("Dense", name, before, units=units, use_bias=False, **config)


def chain(*flags):
    """Dense layers of 10 units on 10 inputs, one for each flag."""
    names = ["in", *(f"d{number}" for number in range(1, len(flags) + 1))]
    return model(
        functional(
            "m",
            given(10),
            *(dense(name, before, own=own) for before, name, own in zip(names, names[1:], flags, strict=False)),
        )
    )


ONE = 2 * 10 * 10
"""FLOPs of one pass of one of these layers, for one sample."""


def passes(found):
    step = found.present
    names = ("forward", "input_gradient", "weight_gradient")
    return tuple(step.sum(name).flops / ONE / found.batch for name in names)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((True, True, True), (3, 2, 3)),
        ((True, False, True), (3, 2, 2)),
        ((True, False, False), (3, 2, 1)),
        ((False, False, True), (3, 0, 1)),
        ((False, True, True), (3, 1, 2)),
        ((False, False, False), (3, 0, 0)),
    ],
)
def test_a_gradient_goes_back_to_the_first_layer_that_trains(flags, expected):
    assert passes(costs(chain(*flags), KERAS3)) == expected


def test_a_frozen_layer_on_the_path_names_the_layer_before_it_that_trains():
    found = costs(chain(True, False, False, True), KERAS3)
    assert {one.path: one.upstream for one in found.present.layers if one.trains is False} == {
        "d2": ("d1",),
        "d3": ("d1",),
    }
    assert any("because `d1` before them trains" in sentence for sentence in found.sentences)


def test_nothing_goes_back_through_an_embedding_or_a_stopped_gradient():
    words = layer("Embedding", "words", "in", input_dim=500, output_dim=10)
    stopped = {**layer("StopGradient", "stop", "d1"), "module": "keras.ops"}
    graph = model(functional("m", given(4), words, dense("d1", "words"), stopped, dense("d2", "stop")))
    assert passes(costs(graph, KERAS3)) == (8, 0, 4)


def test_a_shared_layer_costs_each_of_its_calls_and_is_updated_once():
    shared = dense("shared", "a")
    shared["inbound_nodes"].append(call("b"))
    ends = {"inputs": [["a", 0, 0], ["b", 0, 0]]}
    both = layer("Concatenate", "both", call("shared", ("shared", 1, 0)))
    found = costs(model(functional("m", given(10, name="a"), given(10, name="b"), shared, both, **ends)), KERAS3)
    assert passes(found) == (2, 0, 2)
    [own] = [one for one in found.present.layers if one.trains]
    assert own.optimizer_bytes == 100 * 2 * 4


def test_keras_2_freezes_what_is_below_a_frozen_model_and_keras_3_does_not():
    inner = functional("inner", given(10, name="x"), dense("d", "x"), calls=("in",), own=False)
    graph = model(functional("m", given(10), inner))
    assert passes(costs(graph, KERAS2)) == (1, 0, 0)
    assert passes(costs(graph, KERAS3)) == (1, 0, 1)


def test_a_frozen_batchnorm_computes_less_than_one_in_training_mode():
    live, frozen = (
        costs(model(functional("m", given(8, 8, 4), layer("BatchNormalization", "bn", "in", own=own))), KERAS3)
        for own in (True, False)
    )
    assert live.present.total.flops > 3 * frozen.present.total.flops > 0


def test_half_precision_halves_the_bytes():
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    full, half = (
        costs(model(functional("m", given(64), dense("d", "in", **config))), KERAS3).present.sum("forward")
        for config in ({}, {"dtype": policy})
    )
    assert (half.flops, 2 * half.bytes) == (full.flops, full.bytes)


def test_a_class_of_somebodys_own_is_named_with_its_share_and_not_guessed():
    own = {**layer("Secret", "secret", "d1"), "module": "lab.layers", "registered_name": "lab>Secret"}
    found = costs(model(functional("m", given(10), dense("d1", "in"), own)), KERAS3)
    [missing] = found.uncosted
    assert (missing.class_name, missing.reason, missing.layers) == ("Secret", "a class of its own", ("secret",))
    assert (found.layers_counted, found.layers_total) == (1, 2)


def test_features_are_computed_once_only_where_nothing_before_is_random():
    def built(*augmentation):
        first = [layer(kind, "flip", "in") for kind in augmentation]
        before = "flip" if augmentation else "in"
        convolution = layer("Conv2D", "c", before, filters=4, kernel_size=[3, 3], own=False)
        pool = layer("GlobalAveragePooling2D", "pool", "c")
        return costs(model(functional("m", given(8, 8, 3), *first, convolution, pool, dense("head", "pool"))), KERAS3)

    names = [item.name for item in built().scenarios]
    assert "features-once" in names
    once = next(item for item in built().scenarios if item.name == "features-once")
    assert {one.path for one in once.cost.layers if one.total.flops} == {"head"}
    assert "features-once" not in [item.name for item in built("RandomFlip").scenarios]
    assert any("`flip` before them is random" in sentence for sentence in built("RandomFlip").sentences)


def test_the_prefix_that_is_looked_at_closes_the_gaps_before_what_is_frozen():
    found = costs(chain(True, False, True, True), KERAS3)
    prefix = next(item for item in found.scenarios if item.name == "prefix")
    assert [one.trains for one in prefix.cost.layers] == [False, False, True, True]


def what_if(graph, text):
    found = costs(graph, KERAS3, what_ifs=[text])
    return {one.path for one in found.scenarios[-1].cost.layers if one.trains}


def test_other_freezes_can_be_written_down():
    graph = chain(True, True, True, True)
    assert what_if(graph, "freeze:d2") == {"d1", "d3", "d4"}
    assert what_if(graph, "freeze-to:d3") == {"d4"}
    assert what_if(graph, "freeze:d*, thaw:d1") == {"d1"}
    inner = sequential("base", layer("Dense", "one", units=10), layer("Dense", "two", units=10), calls=("in",))
    assert what_if(model(functional("m", given(10), inner, dense("head", "base"))), "freeze:base") == {"head"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("freeze:d9", "no layer with weights is called 'd9'; nearest are 'd"),
        ("melt:d1", "is not VERB:LAYER"),
        ("d1", "is not VERB:LAYER"),
        ("", "says nothing"),
        ("freeze:d1,thaw:d1", "freezes and thaws the same layers"),
    ],
)
def test_a_freeze_that_is_none_is_refused_with_what_to_write(text, words):
    with pytest.raises(NoSuchFreeze, match=words):
        costs(chain(True, True), KERAS3, what_ifs=[text])


def test_what_the_optimizer_keeps_comes_from_the_file():
    momentum = {"class_name": "SGD", "config": {"momentum": 0.9}}
    graph = chain(True)
    graph.optimizer = momentum
    assert costs(graph, KERAS3).present.optimizer_bytes == 400
    graph.optimizer = {"class_name": "lab>Fancy", "config": {}}
    found = costs(graph, KERAS3)
    assert (found.optimizer, found.optimizer_is_assumed) == ("Adam", True)
