"""The prefilter: which files are parsed at all."""

from __future__ import annotations

import pytest

from freezelint.source import signs
from freezelint.source.checks import source


def test_every_rule_has_a_sign_in_the_text() -> None:
    assert set(signs.SIGNS) == set(source.names)


def test_only_the_selected_rules_count() -> None:
    text = b"p.requires_grad = False"
    assert signs.worth_reading(text, {"torch-style-freeze"})
    assert not signs.worth_reading(text, {"trainable-typo"})
    assert not signs.worth_reading(text, set())


@pytest.mark.parametrize(
    "text",
    [
        "base.trainable = True",
        "layer(x, training=True); model.fit(x)",
        "Dropout(0.5)(x, training = True); model.predict(x)",
        "opt = Adam(); a.compile(opt, loss); b.compile(optimizer=opt)",
        "base.trianable = False",
        "base.Trainable = False",
        "base.trainble = False",
        "setattr(base, 'trainable', False)",
        "p.requires_grad = False",
        "layer.frozen = True",
        "K.set_learning_phase(0)",
    ],
)
def test_a_file_that_may_hold_a_mistake_is_worth_reading(text: str) -> None:
    assert signs.worth_reading(text.encode(), signs.SIGNS)


@pytest.mark.parametrize("text", ["", "import keras\nmodel.fit(x)", "the_table = 5", "x.time == 3", "restrainable()"])
def test_most_files_are_not(text: str) -> None:
    assert not signs.worth_reading(text.encode(), signs.SIGNS)
