"""Tapes: whose variables the gradients are taken over."""

from __future__ import annotations

import pytest

from freezelint.source.timeline import GradientTaken
from tests.source.programs import events, run_of, variants

BOTH = pytest.mark.parametrize("keras", ["2", "3"])
TWO_MODELS = """
import itertools
import tensorflow as tf
f = tf.keras.Sequential([tf.keras.layers.Dense(8)])
h = tf.keras.Sequential([tf.keras.layers.Dense(8)])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(h(f(x)))
"""


def owners(program: str, keras: str) -> str:
    """The models whose variables the gradients are taken over, in order; a `+` follows where there may be more."""
    taken = events(run_of(TWO_MODELS + program, keras).timeline, GradientTaken)
    return " ".join(event.sources.owner.known_as + "+" * event.joined for event in taken)


@BOTH
def test_the_list_of_one_model_is_all_there_is(keras: str) -> None:
    assert owners("tape.gradient(loss, f.trainable_variables)", keras) == "f"


@BOTH
@pytest.mark.parametrize(
    "program",
    variants("""
    # a list of lists
    tape.gradient(loss, [f.trainable_variables, h.trainable_variables])

    # a tuple of lists with a name
    params = f.trainable_variables, h.trainable_variables
    tape.gradient(loss, params)

    # appended
    params = []
    params.append(f.trainable_variables)
    params.append(h.trainable_variables)
    tape.gradient(loss, params)

    # added
    tape.gradient(loss, f.trainable_variables + h.trainable_variables)

    # added to a list with a name
    params = f.trainable_variables
    params += h.trainable_variables
    tape.gradient(loss, params)

    # added to an empty list
    params = []
    for net in (f, h):
        params += net.trainable_variables
    tape.gradient(loss, params)

    # unpacked
    tape.gradient(loss, [*f.trainable_variables, *h.trainable_variables])

    # the sum of lists
    tape.gradient(loss, sum([f.trainable_variables, h.trainable_variables], []))

    # the sum over models
    tape.gradient(loss, sum((net.trainable_variables for net in (f, h)), []))

    # chained
    tape.gradient(loss, list(itertools.chain(f.trainable_variables, h.trainable_variables)))

    # chained from a list
    tape.gradient(loss, list(itertools.chain.from_iterable([f.trainable_variables, h.trainable_variables])))
    """),
)
def test_the_variables_of_two_models_are_known_one_model_after_the_other(program: str, keras: str) -> None:
    assert owners(program, keras) == "f+ h+"


@BOTH
@pytest.mark.parametrize(
    "program",
    variants("""
    # an unknown list
    tape.gradient(loss, [f.trainable_variables, others()])

    # nothing
    tape.gradient(loss, [f.trainable_variables, []])

    # nothing added
    tape.gradient(loss, f.trainable_variables + [])

    # unpacked alone
    tape.gradient(loss, [*f.trainable_variables])

    # an unknown list added
    tape.gradient(loss, others() + f.trainable_variables)

    # a variable added
    params = f.trainable_variables + [temperature]
    tape.gradient(loss, params)

    # a part of a list added
    tape.gradient(loss, h.trainable_variables[2:] + f.trainable_variables)

    # a variable
    tape.gradient(loss, [f.trainable_variables, temperature])

    # a filtered list
    tape.gradient(loss, [f.trainable_variables, [v for v in h.trainable_variables if "bn" not in v.name]])

    # a part of a list
    tape.gradient(loss, [f.trainable_variables, h.trainable_variables[:2]])
    """),
)
def test_what_else_is_in_the_list_may_be_unknown(program: str, keras: str) -> None:
    assert owners(program, keras) == "f+"


@BOTH
@pytest.mark.parametrize(
    "program",
    variants("""
    # filtered
    tape.gradient(loss, [v for v in f.trainable_variables if "bn" not in v.name])

    # filtered into a list
    params = []
    for v in f.trainable_variables:
        if "bn" not in v.name:
            params.append(v)
    tape.gradient(loss, params)

    # sliced
    tape.gradient(loss, f.trainable_variables[:-2])

    # models that may be left out
    tape.gradient(loss, [net.trainable_variables for net in (f, h) if chosen(net)])

    # a part of a sum
    tape.gradient(loss, (f.trainable_variables + h.trainable_variables)[:-2])

    # a sum, filtered
    tape.gradient(loss, [v for v in f.trainable_variables + h.trainable_variables if "bn" not in v.name])

    # the sum of such
    tape.gradient(loss, sum([net.trainable_variables for net in (f, h) if chosen(net)], []))

    # numbers
    tape.gradient(loss, sum([1, 2]))

    # a list in itself
    params = []
    params.append(params)
    tape.gradient(loss, params)
    """),
)
def test_a_list_of_which_some_is_left_out_is_not_known(program: str, keras: str) -> None:
    assert owners(program, keras) == ""


@BOTH
def test_a_copy_of_a_list_is_the_list(keras: str) -> None:
    assert owners("tape.gradient(loss, list(f.trainable_variables))", keras) == "f"
