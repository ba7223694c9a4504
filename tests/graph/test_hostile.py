"""No input ends in anything but a reason or a model whose gaps and faults are named."""

import time

import pytest

from freezelint.graph.checks import graph as checks
from freezelint.graph.model_graph import Unreadable
from freezelint.graph.reader import looks_like_model, read_model
from tests import hostile
from tests.graph.build import KERAS2, KERAS3

SECONDS = 20
"""For the slowest of them, on a busy machine; they take 0.01 s, the widest graph 1 s, the largest member 3 s."""

HARMLESS = {
    "config_in_utf16.keras",
    "long_integer.keras",
    "after_a_user_block.h5",
    "graph_forward_reference.keras",
    "graph_huge_tensor_index.keras",
    "graph_old_kwargs_in_kwargs.keras",
    "graph_standard_library.keras",
    "graph_model_called_twice_40_deep.keras",
    "graph_wide.keras",
}
"""Odd, but sound: nothing is missing from them, or (the one that imports) another rule speaks."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return hostile.make(tmp_path_factory.mktemp("hostile"))


def test_every_input_ends_in_words(inputs):
    for path in inputs:
        started = time.monotonic()
        looks_like_model(path)
        try:
            model = read_model(path)
        except Unreadable as error:
            assert error.reason
            assert "\n" not in error.reason
        else:
            for keras in (KERAS2, KERAS3):
                for name in checks.names:
                    list(checks.run(model, str(path), keras, {name}))
            if path.name not in HARMLESS and not path.name.startswith("saved_"):
                assert model.inconsistencies or model.gaps or model.not_read, path.name
        assert time.monotonic() - started < SECONDS, path.name


def test_nothing_outside_the_file_is_touched(tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    for path in hostile.make(tmp_path / "inputs"):
        try:
            read_model(path)
        except Unreadable:
            continue
    assert not list(outside.iterdir())
