"""`FreezeAudit` speaks at the start of `fit`, in both generations of Keras."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import freezelint


def all_frozen(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="head")], name="small")
    model.trainable = False
    model.compile("sgd", "mse")
    return model


DATA = np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32")


@pytest.fixture(params=[2, 3])
def keras(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip("keras" if request.param == 3 else "tf_keras")


@pytest.mark.keras
def test_warns_and_trains_on(keras: Any) -> None:
    model, audits = all_frozen(keras), freezelint.FreezeAudit()
    with pytest.warns(freezelint.AuditWarning, match="FZ212 nothing-trainable"):
        history = model.fit(*DATA, validation_data=DATA, epochs=2, verbose=0, callbacks=[audits])
    assert len(history.history["loss"]) == 2
    assert audits.audit is not None
    assert [finding.code for finding in audits.audit.findings] == ["FZ212"]


@pytest.mark.keras
def test_raises_before_the_first_step(keras: Any) -> None:
    model = all_frozen(keras)
    with pytest.raises(freezelint.FrozenWrong, match="nothing-trainable") as caught:
        model.fit(*DATA, verbose=0, callbacks=[freezelint.FreezeAudit(on_finding="raise")])
    assert "head" in str(caught.value.audit)


@pytest.mark.keras
def test_is_silent_on_a_sound_model_and_on_what_is_ignored(keras: Any) -> None:
    sound = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    sound.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error", freezelint.AuditWarning)
        sound.fit(*DATA, verbose=0, callbacks=[freezelint.FreezeAudit()])
        all_frozen(keras).fit(*DATA, verbose=0, callbacks=[freezelint.FreezeAudit(ignore=["FZ212"])])


def test_says_what_it_takes() -> None:
    with pytest.raises(ValueError, match='"warn" or "raise", not \'stop\''):
        freezelint.FreezeAudit("stop")
    with pytest.raises(ValueError, match='"warning" or "error"'):
        freezelint.FreezeAudit(fail_on="info")
    with pytest.raises(AttributeError, match="no attribute 'is_a_callback'"):
        freezelint.FreezeAudit().is_a_callback  # noqa: B018


def test_importing_freezelint_stays_light_and_imports_no_keras() -> None:
    code = (
        "import sys, freezelint; light = set(sys.modules); freezelint.audit; freezelint.FreezeAudit;"
        "print(*[n for n in ('libcst', 'h5py', 'numpy', 'click', 'freezelint.api') if n in light]);"
        "print(*[n for n in ('keras', 'tf_keras', 'tensorflow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
