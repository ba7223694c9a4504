"""pinned-training-true: `base(x, training=True)` in a graph normalises with whatever shares the batch."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def model_of(keras, base, **call):
    model = harness.with_head(keras, base, **call)
    harness.compile_anew(keras, model)
    harness.fit(model)
    return model


def test_predict_depends_on_the_batch_where_keras_honours_the_pin(keras, measured):
    model = model_of(keras, harness.tiny_base(keras), training=True)
    difference = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    measured(keras, "predict: same example in a batch of 64 and of 2 differs by", difference)
    if harness.behaviour(keras).wired_training_holds:
        assert difference > 0.1
    else:
        assert difference < 1e-5


def test_predict_moves_the_statistics_where_keras_honours_the_pin(keras, measured):
    base = harness.tiny_base(keras)
    model = model_of(keras, base, training=True)
    inputs, _ = harness.examples(seed=1)
    before = harness.statistics(base)
    harness.predict(model, inputs)
    change = harness.moved(before, harness.statistics(base))
    measured(keras, "statistics moved by one predict of 64 examples", change)
    assert (change > 0.1) is harness.behaviour(keras).wired_training_holds


def test_a_plain_call_depends_on_the_batch(keras, measured):
    model = model_of(keras, harness.tiny_base(keras), training=True)
    difference = harness.batch_mates_matter(lambda inputs: np.asarray(model(inputs)))
    measured(keras, "model(x): same example in a batch of 64 and of 2 differs by", difference)
    assert difference > 0.1


def test_an_export_depends_on_the_batch_even_where_predict_does_not(keras, measured, tmp_path):
    model = model_of(keras, harness.tiny_base(keras), training=True)
    model.export(str(tmp_path / "exported"))
    difference = harness.batch_mates_matter(harness.Served(tmp_path / "exported"))
    measured(keras, "export(): same example in a batch of 64 and of 2 differs by", difference)
    assert difference > 0.1


@pytest.mark.parametrize("ask", ["predict", "export"])
def test_a_frozen_base_is_safe_under_the_pin(keras, ask, tmp_path):
    base = harness.tiny_base(keras)
    base.trainable = False
    model = model_of(keras, base, training=True)
    if ask == "predict":
        difference = harness.batch_mates_matter(lambda inputs: harness.predict(model, inputs))
    else:
        model.export(str(tmp_path / "exported"))
        difference = harness.batch_mates_matter(harness.Served(tmp_path / "exported"))
    assert difference < 1e-5


def test_a_frozen_base_with_dropout_is_not(keras, measured, tmp_path):
    base = harness.tiny_base(keras, dropout=0.5)
    base.trainable = False
    model = model_of(keras, base, training=True)
    model.export(str(tmp_path / "exported"))
    inputs, _ = harness.examples()
    answer = harness.Served(tmp_path / "exported")
    difference = float(np.max(np.abs(answer(inputs) - answer(inputs))))
    measured(keras, "frozen base with Dropout, export(): two answers to the same batch differ by", difference)
    assert difference > 0.1


def test_without_the_pin_nothing_depends_on_the_batch(keras, measured, tmp_path):
    model = model_of(keras, harness.tiny_base(keras))
    model.export(str(tmp_path / "exported"))
    asked = {
        "predict": lambda inputs: harness.predict(model, inputs),
        "model(x)": lambda inputs: np.asarray(model(inputs)),
        "export()": harness.Served(tmp_path / "exported"),
    }
    for name, answer in asked.items():
        difference = harness.batch_mates_matter(answer)
        measured(keras, f"without the pin, {name}", difference)
        assert difference < 1e-5
