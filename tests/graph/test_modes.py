"""Which value of `training` reaches which layer."""

from __future__ import annotations

import pytest

from freezelint.graph.modes import modes
from tests.graph import build
from tests.graph.build import KERAS2, KERAS3, KERAS3_16, functional, layer, model, sequential, source


def pinned(value: bool | None, **extra: object):
    """A base with a BatchNormalization and a Dropout, called with a wired value."""
    calls = (build.call("in", **({} if value is None else {"training": value})),)
    return model(build.with_head(build.base(dropout=0.5, calls=calls)))


@pytest.mark.parametrize("keras", [KERAS2, KERAS3_16])
def test_a_wired_value_wins_in_keras_2_and_from_3_16_on(keras) -> None:
    assert modes(pinned(False), keras, True).training == []
    assert modes(pinned(False), keras, True).random == {}
    assert modes(pinned(True), keras, False).training == ["base/bn"]
    assert modes(pinned(True), keras, False).random == {"base/drop": "dropout"}


def test_fit_and_predict_overrule_it_in_keras_3() -> None:
    assert modes(pinned(False), KERAS3, True).training == ["base/bn"]
    assert modes(pinned(True), KERAS3, False).training == []
    assert modes(pinned(True), KERAS3, False).inference == ["base/bn"]


@pytest.mark.parametrize("keras", [KERAS2, KERAS3, KERAS3_16])
def test_a_plain_call_takes_the_wired_value_everywhere(keras) -> None:
    assert modes(pinned(True), keras, None).training == ["base/bn"]
    assert modes(pinned(None), keras, None).training == []
    assert modes(pinned(None), keras, True).training == ["base/bn"]


def behind(first):
    """A BatchNormalization behind another layer."""
    return model(functional("outer", source(), first, layer("BatchNormalization", "late", first["name"])))


def test_in_keras_3_a_wired_value_stays_in_force_for_the_layers_behind() -> None:
    early = layer("BatchNormalization", "early", build.call("in", training=True))
    assert modes(behind(early), KERAS3, None).training == ["early", "late"]
    assert modes(behind(early), KERAS2, None).training == ["early"]
    assert modes(behind(early), KERAS3_16, None).training == ["early"]
    assert modes(behind(early), KERAS3, False).training == []


def test_augmentation_leaks_and_dropout_ends_the_leak() -> None:
    flip = layer("RandomFlip", "flip", build.call("in", training=True))
    assert modes(behind(flip), KERAS3, None).training == ["late"]
    assert modes(behind(flip), KERAS3, None).random == {"flip": "augmentation"}
    late = layer("BatchNormalization", "late", "drop")
    drop = layer("Dropout", "drop", build.call("flip", training=False), rate=0.5)
    stopped = model(functional("outer", source(), flip, drop, late))
    assert modes(stopped, KERAS3, None).training == []


def test_the_defaults_of_layers_in_a_sequential_count_too() -> None:
    layers = (layer("RandomFlip", "flip"), layer("BatchNormalization", "bn"), layer("Dropout", "drop", rate=0.5))
    graph = model(sequential("outer", source(), *layers, layer("BatchNormalization", "last")))
    assert modes(graph, KERAS3, None).training == ["bn"]
    assert modes(graph, KERAS3, None).inference == ["last"]


def test_a_frozen_batchnorm_is_in_inference_mode_whatever_reaches_it() -> None:
    graph = model(build.with_head(build.base(own=False, bn=False, calls=(build.call("in", training=True),))))
    for keras in (KERAS2, KERAS3, KERAS3_16):
        for given in (True, False, None):
            assert modes(graph, keras, given).training == []


def test_what_a_custom_layer_does_is_not_known() -> None:
    mine = layer("Mine", "mine", "in")
    mine["module"] = "my_package"
    assert modes(behind(mine), KERAS3, False).unknown == ["mine"]
