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


@pytest.mark.parametrize(
    "text",
    [
        "model.compile('adam')",
        "model.fit(x)",
        "Trainer(config).run()",
        "trainer.train()",
        "train_step(model, x)",
        "net.unfreeze()",
        "fine_tune(model)",
    ],
)
def test_a_file_that_does_something_to_a_model_may_be_a_program(text: str) -> None:
    assert signs.driven(text.encode(), signs.SIGNS) == set(signs.SIGNS)


@pytest.mark.parametrize(
    "text", ["", "train_test_split(x, y)", "print(train_data(x))", "class Trained: pass", "constrain(x)", "fit(x)"]
)
def test_a_file_that_only_names_or_prepares_is_no_program(text: str) -> None:
    assert not signs.driven(text.encode(), signs.SIGNS)


def test_a_file_that_only_loads_weights_can_only_make_mistakes_with_those() -> None:
    assert signs.driven(b"model.load_weights('a.h5')", signs.SIGNS) == {"weights-order-depends-on-trainable"}


def test_signs_of_a_rule_may_lie_in_two_files() -> None:
    net = signs.held(b"class Net:\n    def call(self, x):\n        return Dropout(0.5)(x)\n")
    main = signs.held(b"model.fit(x)")
    assert signs.suffice(net | main, {"model-call-without-training"})
    assert not signs.suffice(net, {"model-call-without-training"})
    assert not signs.suffice(net | main, {"clone-drops-weights"})
