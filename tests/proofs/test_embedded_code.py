"""embedded-code: loading the file runs what is in it."""

import os
from pathlib import Path

import pytest

from freezelint.graph.reader import read_model

pytestmark = pytest.mark.keras

MARK = "FREEZELINT_LAMBDA_RAN"


def save(keras, path):
    """A model whose Lambda leaves a mark in the environment when it runs."""
    inputs = keras.Input((4,))
    shouts = keras.layers.Lambda(lambda x: (__import__("os").environ.update({MARK: "1"}), x)[1], output_shape=(4,))
    keras.Model(inputs, shouts(inputs)).save(path)


def loads(keras, path):
    """Whether `load_model` with its defaults takes the file, and whether the code in it ran."""
    os.environ.pop(MARK, None)
    try:
        keras.models.load_model(path)
    except Exception:
        taken = False
    else:
        taken = True
    return taken, os.environ.pop(MARK, None) is not None


def test_keras_2_runs_the_code_of_an_h5_file(keras2, measured, tmp_path):
    save(keras2, tmp_path / "model.h5")
    taken, ran = loads(keras2, tmp_path / "model.h5")
    measured(keras2, "load_model of an .h5 file runs the code in it", int(ran))
    assert taken
    assert ran


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_3_refuses_it_by_default(keras3, suffix, measured, tmp_path):
    save(keras3, tmp_path / f"model{suffix}")
    taken, ran = loads(keras3, tmp_path / f"model{suffix}")
    measured(keras3, f"load_model of a {suffix} file runs the code in it", int(ran))
    assert not taken
    assert not ran


def test_freezelint_sees_it_and_runs_nothing(keras, tmp_path):
    for name in ("model.keras", "model.h5"):
        save(keras, tmp_path / name)
        os.environ.pop(MARK, None)
        model = read_model(Path(tmp_path / name))
        assert len(model.embedded_code) == 1
        assert MARK not in os.environ
