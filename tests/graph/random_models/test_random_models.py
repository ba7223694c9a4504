"""A few random models in every test run; `python -m tests.graph.random_models 300` tries many."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from tests.graph.random_models.verdicts import Outcome, judge

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]

SEEDS = (1, 6, 11, 12, 13, 24)
"""Those that once showed a mistake in a reader; seeds are the same models in both generations."""


@pytest.mark.parametrize("generation", [2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_said_is_what_happens(seed: int, generation: int) -> None:
    keras = pytest.importorskip("keras" if generation == 3 else "tf_keras")
    outcome = Outcome()
    judge(keras, seed, outcome)
    assert not outcome.disagreements
    assert sum(outcome.compared.values()) > 10
