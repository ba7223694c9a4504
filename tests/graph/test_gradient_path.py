"""A frozen layer costs a backward pass exactly when something before it trains."""

import pytest

from freezelint.graph.gradient_path import frozen_on_gradient_path
from tests.graph.build import KERAS2, KERAS3, base, call, functional, layer, model, sequential, source


def dense(name, *sources, own=True):
    return layer("Dense", name, *sources, own=own)


def found(config, keras=KERAS3):
    return [([one.path for one in g.layers], list(g.upstream)) for g in frozen_on_gradient_path(model(config), keras)]


def test_a_frozen_prefix_is_not_on_the_path():
    assert found(functional("m", source(), dense("a", "in", own=False), dense("b", "a"))) == []


def test_a_sandwich_is_on_the_path():
    config = functional("m", source(), dense("a", "in"), dense("b", "a", own=False), dense("c", "b"))
    assert found(config) == [(["b"], ["a"])]


def test_a_frozen_end_is_on_the_path():
    config = functional("m", source(), dense("a", "in"), dense("b", "a", own=False), dense("c", "b", own=False))
    assert found(config) == [(["b", "c"], ["a"])]


def test_only_the_first_trainable_layer_forces_what_comes_after():
    config = functional(
        "m", source(), dense("a", "in"), dense("b", "a", own=False), dense("c", "b"), dense("d", "c", own=False)
    )
    assert found(config) == [(["b", "d"], ["a"])]


def test_layers_without_weights_force_nothing():
    config = functional("m", source(), layer("Flatten", "f", "in"), dense("a", "f", own=False), dense("b", "a"))
    assert found(config) == []


def test_a_branch_is_told_from_its_neighbour():
    config = functional(
        "m",
        source(),
        dense("a", "in"),
        dense("quiet", "in", own=False),
        dense("busy", "a", own=False),
        layer("Concatenate", "both", call("quiet", "busy")),
    )
    assert found(config) == [(["busy"], ["a"])]


def test_a_layer_that_no_output_needs_is_not_on_the_path():
    config = functional("m", source(), dense("a", "in"), dense("loose", "a", own=False), dense("c", "a"))
    assert found(config) == []


def test_it_goes_through_nested_models():
    config = functional(
        "m", source(), dense("stem", "in"), base(own=False, bn=False, calls=("stem",)), dense("head", "base")
    )
    assert found(config) == [(["base/conv", "base/bn"], ["stem"])]


def test_a_trainable_layer_inside_a_nested_model_forces_what_comes_after_it():
    inner = sequential("inner", dense("a"), dense("b", own=False), calls=("in",))
    assert found(functional("m", source(), inner, dense("head", "inner", own=False))) == [
        (["inner/b", "head"], ["inner/a"])
    ]


def test_a_shared_layer_is_on_the_path_if_one_of_its_calls_is():
    config = functional(
        "m", source(), dense("shared", "in", "a", own=False), dense("a", ("shared", 0, 0)), outputs=["shared", 1, 0]
    )
    assert found(config) == [(["shared"], ["a"])]


def test_a_nested_model_called_twice_is_on_the_path_if_one_of_its_calls_is():
    inner = base(own=False, bn=False, calls=("in", "a"))
    config = functional("m", source(), inner, dense("a", ("base", 0, 0)), outputs=["base", 2, 0])
    assert found(config) == [(["base/conv", "base/bn"], ["a"])]


@pytest.mark.parametrize(("keras", "expected"), [(KERAS2, []), (KERAS3, [(["base/bn"], ["base/conv"])])])
def test_a_thawed_layer_under_a_frozen_parent_forces_a_gradient_in_keras_3_only(keras, expected):
    inner = functional(
        "base",
        source("a"),
        layer("Dense", "conv", "a", own=True),
        layer("Dense", "bn", "conv", own=False),
        calls=("in",),
        own=False,
    )
    assert found(functional("m", source(), inner, dense("head", "base")), keras) == expected


def test_stop_gradient_ends_the_path():
    stop = {**layer("StopGradient", "stop", "a"), "module": "keras.src.ops.core"}
    assert (
        found(functional("m", source(), dense("a", "in"), stop, dense("b", "stop", own=False), dense("c", "b"))) == []
    )


def test_no_gradient_passes_a_lookup():
    layers = [source(), dense("a", "in"), layer("Embedding", "words", "a", own=False), dense("b", "words", own=False)]
    assert found(functional("m", *layers, dense("c", "b"))) == []


def test_weights_inside_a_wrapper_count():
    wrapped = layer("TimeDistributed", "td", "a", layer=layer("Dense", "inner", own=False), own=False)
    assert found(functional("m", source(), dense("a", "in"), wrapped)) == [(["td/inner"], ["a"])]


def test_a_circle_ends():
    assert len(found(functional("m", source(), dense("a", "b"), dense("b", "a", own=False)))) <= 1
