import re
from pathlib import Path

import pytest

from freezelint.keras.behaviour import Behaviour, rows, table
from freezelint.keras.version import KerasVersion

PROOFS = Path(__file__).parents[1] / "proofs"
KERAS2 = Behaviour(KerasVersion(2))
KERAS3 = Behaviour(KerasVersion(3))
KERAS3_16 = Behaviour(KerasVersion(3, 16))


def test_the_same_program_means_something_else_in_another_generation():
    assert [keras.wired_training_holds for keras in (KERAS2, KERAS3, KERAS3_16)] == [True, False, True]
    assert [keras.frozen_parent_gates_children for keras in (KERAS2, KERAS3, KERAS3_16)] == [True, False, False]
    assert [keras.flags_are_read_at_compile for keras in (KERAS2, KERAS3, KERAS3_16)] == [True, False, False]
    assert [keras.call_without_training_follows_fit for keras in (KERAS2, KERAS3, KERAS3_16)] == [True, False, False]


def test_frozen_batchnorm_is_in_inference_mode_everywhere():
    assert all(keras.frozen_batchnorm_runs_in_inference for keras in (KERAS2, KERAS3, KERAS3_16))
    assert not any(keras.freezing_stops_dropout for keras in (KERAS2, KERAS3, KERAS3_16))


def test_some_releases_of_keras_3_are_exceptions():
    leaks = [Behaviour(KerasVersion(3, minor)).preprocessing_leaks_training for minor in (3, 5, 6, 15)]
    assert leaks == [False, False, True, True]
    assert Behaviour(KerasVersion(3, 3)).call_default_leaks_training and not KERAS2.call_default_leaks_training
    assert not Behaviour(KerasVersion(3, 0)).unbuilt_layer_can_be_frozen
    assert Behaviour(KerasVersion(3, 3)).unbuilt_layer_can_be_frozen


def test_jax_differs_from_tensorflow_where_that_was_measured():
    jax = Behaviour(KerasVersion(3, 15), backend="jax")
    assert jax.same_value_assignment_propagates and not KERAS3.same_value_assignment_propagates
    assert not jax.wired_training_holds
    assert Behaviour(KerasVersion(3, 16), backend="jax").wired_training_holds


@pytest.mark.parametrize(
    ("keras", "row", "measured"),
    [
        (KERAS3, "wired_training_holds", True),
        (Behaviour(KerasVersion(3), "jax"), "wired_training_holds", True),
        (Behaviour(KerasVersion(3), "jax"), "ema_survives_freeze", False),
        (Behaviour(KerasVersion(3, 16), "jax"), "wired_training_holds", False),
        (Behaviour(KerasVersion(3), "torch"), "wired_training_holds", False),
        (Behaviour(KerasVersion(3), None), "wired_training_holds", False),
        (Behaviour(KerasVersion(2), None), "wired_training_holds", True),
    ],
)
def test_a_row_speaks_for_the_backends_that_its_proof_ran_on(keras, row, measured):
    assert keras.measured(row) is measured


def test_an_unknown_row_is_an_error():
    with pytest.raises(KeyError):
        KERAS3.measured("no_such_row")


def test_every_row_says_what_happens_and_where_that_is_proved():
    assert len({row.statement for row in rows()}) == len(rows())
    for row in rows():
        answers = [row.keras2, row.keras3, row.keras3_16, row.jax, *row.minors.values(), *row.keras2_minors.values()]
        assert all(answer.words for answer in answers if answer is not None)
        assert re.fullmatch(r"test_[a-z0-9_]+\.py", row.proof)
        assert row.__doc__ is not None and row.statement in row.__doc__


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_the_proof_of_every_row_is_in_the_repository(row):
    assert (PROOFS / row.proof).is_file()


def test_the_table_for_people_has_a_line_per_row():
    lines = table().splitlines()
    assert len(lines) == len(rows()) + 2
    assert all(line.count("|") == 7 for line in lines)
    wired = next(line for line in lines if "`layer(x, training=…)`" in line)
    assert "yes: wins again" in wired
    assert "**no**: overruled" in wired
    assert "3.0–3.5: **no**" in next(line for line in lines if line.startswith("| Resizing"))
