"""freeze-without-effect: statements that look like a freeze and leave every flag as it was."""

import warnings

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def compare(base):
    for layer in base.layers:
        layer.trainable == False  # noqa: B015, E712


def annotate(base):
    for layer in base.layers:
        layer.trainable: False  # noqa: B032


def annotate_the_whole(base):
    base.trainable: False  # noqa: B032


def assign_text(base):
    for layer in base.layers:
        layer.trainable = "False"


def assign_lower_case_text(base):
    base.trainable = "false"


def map_without_a_loop(base):
    map(lambda layer: setattr(layer, "trainable", False), base.layers)  # noqa: C417


def clear_a_copy(base):
    base.trainable_weights.clear()


def epoch(keras, base):
    """How far one epoch after `compile` moves the kernels and the statistics of the base."""
    model = harness.with_head(keras, base)
    harness.compile_anew(keras, model)
    kernels, statistics = harness.kernels(base), harness.statistics(base)
    harness.fit(model)
    return harness.moved(kernels, harness.kernels(base)), harness.moved(statistics, harness.statistics(base))


@pytest.mark.parametrize(
    "seeming_freeze",
    [
        compare,
        annotate,
        annotate_the_whole,
        assign_text,
        assign_lower_case_text,
        map_without_a_loop,
        clear_a_copy,
    ],
)
def test_nothing_is_frozen(keras, seeming_freeze, measured):
    base = harness.tiny_base(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        seeming_freeze(base)
        kernels, statistics = epoch(keras, base)
    measured(keras, f"{seeming_freeze.__name__}: kernels moved", kernels)
    measured(keras, f"{seeming_freeze.__name__}: statistics moved", statistics)
    assert kernels > 1e-4
    assert statistics > 1


@pytest.mark.parametrize("value", [False, 0, None, "", np.False_], ids=repr)
def test_values_that_are_false_do_freeze(keras, value, measured):
    base = harness.tiny_base(keras)
    for layer in base.layers:
        layer.trainable = value
    kernels, statistics = epoch(keras, base)
    measured(keras, f"layer.trainable = {value!r}: kernels moved", kernels)
    measured(keras, f"layer.trainable = {value!r}: statistics moved", statistics)
    assert kernels == statistics == 0


def test_a_constructor_refuses_the_text_or_takes_it_for_true(keras):
    """Keras 3.12 takes it; Keras 2 and 3.15 raise an error."""
    try:
        layer = keras.layers.Dense(2, trainable="False")
    except (TypeError, ValueError):
        return
    assert layer.trainable
