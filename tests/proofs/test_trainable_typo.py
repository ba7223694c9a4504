"""trainable-typo: Keras accepts any attribute; only `trainable` freezes."""

import warnings

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras

TYPOS = (
    "trainble",
    "tranable",
    "trainabe",
    "trianable",
    "traiable",
    "trainable_",
    "Trainable",
    "is_trainable",
    "trainables",
)


@pytest.mark.parametrize("name", TYPOS)
def test_a_misspelt_flag_is_accepted_and_changes_nothing(keras, name, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        setattr(base, name, False)
        harness.compile_anew(keras, model)
        kernels, statistics = harness.kernels(base), harness.statistics(base)
        harness.fit(model)
    measured(keras, "misspelt flag: kernels moved", harness.moved(kernels, harness.kernels(base)))
    measured(keras, "misspelt flag: statistics moved", harness.moved(statistics, harness.statistics(base)))
    assert harness.moved(kernels, harness.kernels(base)) > 1e-4
    assert harness.moved(statistics, harness.statistics(base)) > 1


@pytest.mark.parametrize("name", TYPOS)
def test_a_layer_accepts_it_too(keras, name):
    base = harness.tiny_base(keras)
    for layer in base.layers:
        setattr(layer, name, False)
    assert len(base.trainable_weights) == 12


def test_the_right_name_freezes(keras, measured):
    base = harness.tiny_base(keras)
    model = harness.with_head(keras, base)
    base.trainable = False
    harness.compile_anew(keras, model)
    before = harness.copies(base.weights)
    harness.fit(model)
    change = harness.moved(before, harness.copies(base.weights))
    measured(keras, "base.trainable = False: anything moved", change)
    assert change == 0


def test_a_constructor_refuses_the_typo_by_itself(keras):
    with pytest.raises((TypeError, ValueError)):
        keras.layers.Dense(2, trainble=False)
