"""Fixes are written in the words of the file, and only where the text is plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from freezelint import api
from freezelint.source.rewriting import spelled

BATCHNORM = "keras.layers.BatchNormalization"


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ({"keras": "keras"}, "keras.layers.BatchNormalization"),
        ({"tf": "tensorflow"}, "tf.keras.layers.BatchNormalization"),
        ({"tf": "tensorflow", "L": "keras.layers"}, "L.BatchNormalization"),
        ({"BN": BATCHNORM, "keras": "keras"}, "BN"),
        ({"np": "numpy"}, None),
    ],
)
def test_a_class_is_spelled_as_the_file_imports_it(names: dict[str, str], written: str | None) -> None:
    assert spelled(BATCHNORM, names) == written


STORY = """import keras
base = keras.applications.ResNet50(include_top=False)
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y)
{thaw}
model.compile(keras.optimizers.Adam(1e-5), "mse")
model.fit(x, y)
"""


def fixed(thaw: str, folder: Path) -> str:
    file = folder / "a.py"
    file.write_text(STORY.format(thaw=thaw))
    (found,) = [item for item in api.check([file]).findings if item.name == "unfrozen-batchnorm"]
    fixes = api.fix([file], unsafe=True)
    assert fixes.made == (found.fix is not None)
    text = fixes.changes[0].after.decode() if fixes.changes else file.read_text()
    return text.partition("model.fit(x, y)\n")[2].partition("\nmodel.compile")[0]


def test_the_guard_is_put_below_the_thaw(tmp_path: Path) -> None:
    assert fixed("if True:\n    base.trainable = True  # all of it", tmp_path).splitlines() == [
        "if True:",
        "    base.trainable = True  # all of it",
        "    for inner in base.layers:",
        "        if isinstance(inner, keras.layers.BatchNormalization):",
        "            inner.trainable = False",
    ]


def test_a_loop_gets_the_guard_as_its_value(tmp_path: Path) -> None:
    thaw = "for layer in base.layers[-30:]:\n    layer.trainable = {}"
    guard = "not isinstance(layer, keras.layers.BatchNormalization)"
    assert fixed(thaw.format("True"), tmp_path) == thaw.format(guard)


@pytest.mark.parametrize(
    "thaw",
    [
        "base.trainable = True; print(base)",
        "model.layers[0].trainable = True",
        "base.trainable = one = True",
        "setattr(base, 'trainable', True)",
        "model.trainable = True",
    ],
)
def test_nothing_is_offered_where_the_text_is_not_plain(thaw: str, tmp_path: Path) -> None:
    assert fixed(thaw, tmp_path) == thaw
