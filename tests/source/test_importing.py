"""What importing a file comes to: one path, once for all runs, and the same whatever ran before."""

from __future__ import annotations

from pathlib import Path

import pytest

from freezelint import api
from freezelint.source import importing
from freezelint.source.parse import parse
from tests.source.programs import put, runs, story

NETS = """
import keras

def build():
    base = keras.applications.VGG16(include_top=False, pooling="avg")
    return base, keras.Sequential([base, keras.layers.Dense(1)])

class Settings:
    freeze = True

ORDER = ["freeze"]
RATES = {"head": 1e-3}
"""
TRAIN = """
model.compile(keras.optimizers.Adam(1e-5))
model.fit(x)
"""


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Every test starts as a fresh process does."""
    parse.cache_clear()


def told(folder: Path, text: str) -> list[str]:
    """What happens in a program with one path that lies in the folder."""
    return story(text, location=folder / "train.py")


def executed(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were run for their imports while a program is run along all its paths, as often as they were."""
    names: list[str] = []
    apart = importing._apart

    def noting(run: importing.Run, loading: importing.Loading) -> object:
        names.append(Path(loading.file.path).name)
        return apart(run, loading)

    with monkeypatch.context() as patch:
        patch.setattr(importing, "_apart", noting)
        assert len(runs(text, location=folder / "train.py")) > 1
    return names


TWO_PATHS = "import keras, nets\nbase, model = nets.build()\nif unknown():\n    base.trainable = False\n" + TRAIN


def test_a_file_is_run_once_for_all_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, nets=NETS)
    assert executed(folder, TWO_PATHS, monkeypatch) == ["nets.py"]


def test_another_program_that_imports_it_does_not_run_it_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, nets=NETS)
    told(folder, "import nets\nnets.build()\n")
    assert executed(folder, TWO_PATHS, monkeypatch) == []


def test_a_file_that_builds_a_model_is_run_on_every_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, nets=NETS + "base, model = build()\n")
    program = "import keras, nets\nif unknown():\n    nets.base.trainable = False\nnets.model.compile('sgd')\n"
    assert executed(folder, program, monkeypatch) == ["nets.py", "nets.py"]
    first, second = runs(program, location=folder / "train.py")
    frozen = [run.modules["nets.py"].names["base"].flag.value for run in (first, second)]  # type: ignore[attr-defined]
    assert frozen == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        "nets.Settings.freeze = False",
        "nets.ORDER.append('thaw')",
        "nets.ORDER[0] = 'thaw'",
        "nets.RATES['head'] = 1e-5",
        "nets.ORDER = []",
    ],
)
def test_what_one_program_changes_is_as_it_was_for_the_next(folder: Path, change: str) -> None:
    put(folder, nets=NETS)
    program = """
    import keras, nets
    base, model = nets.build()
    if nets.Settings.freeze and nets.ORDER[0] == "freeze" and nets.RATES["head"] > 1e-4 and len(nets.ORDER) == 1:
        base.trainable = False
    """
    untouched = told(folder, program)
    assert untouched == ["freeze base"]
    told(folder, f"import nets\n{change}\n")
    assert told(folder, program) == untouched


def test_an_import_has_one_path_and_the_program_agrees_with_it(folder: Path) -> None:
    put(
        folder,
        config="""
        import os
        FAST = os.path.exists("fast")
        if FAST:
            def prepare(base):
                base.trainable = True
        else:
            def prepare(base):
                base.trainable = False
        """,
    )
    start = "import keras, config\nbase = keras.applications.VGG16()\n"
    assert told(folder, start + "config.prepare(base)\n") == ["thaw base"]
    assert told(folder, start + "config.prepare(base)\nif not config.FAST:\n    base.trainable = False\n") == [
        "thaw base"
    ]


def test_files_that_import_one_another_end(folder: Path) -> None:
    put(folder, a="import b\nclass A(b.B):\n    pass\n", b="import a\nclass B:\n    other = a.A\n", nets=NETS)
    program = "import keras, nets, a, b\nbase, model = nets.build()\na.A(), b.B()\nbase.trainable = False\n"
    assert told(folder, program) == told(folder, program) == ["freeze base"]


def test_endless_imports_leave_the_program_itself_to_be_run(folder: Path) -> None:
    put(folder, nets=NETS, endless="for i in range(10):\n" + "    x = f(i)\n" * 5 * importing.MAX_STEPS)
    program = "import keras, endless, nets\nbase, model = nets.build()\nendless.x\nbase.trainable = False\n"
    assert told(folder, program) == ["freeze base"]


def test_a_changed_import_is_run_anew(folder: Path) -> None:
    put(folder, config="FREEZE = True\n")
    program = "import keras, config\nbase = keras.applications.VGG16()\nbase.trainable = not config.FREEZE\n"
    assert told(folder, program) == ["freeze base"]
    put(folder, config="FREEZE = False\n")
    assert told(folder, program) == ["thaw base"]


def test_a_file_that_appears_changes_what_an_import_means(folder: Path) -> None:
    put(folder, nets="try:\n    from config import FREEZE\nexcept ImportError:\n    FREEZE = True\n")
    program = "import keras, nets\nbase = keras.applications.VGG16()\nbase.trainable = not nets.FREEZE\n"
    assert told(folder, program) != ["thaw base"]
    put(folder, config="FREEZE = False\n")
    assert told(folder, program) == ["thaw base"]


def test_packages_installed_beside_one_another_are_different_projects(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    put(site, keras____init__="", tensorflow____init__="keras = None\n", mine____init__="", mine__nets=NETS)
    program = """
    import tensorflow as tf
    from mine.nets import build
    base, model = build()
    base.trainable = False
    tf.keras.applications.VGG16().trainable = False
    """
    assert story(program, location=site / "mine" / "train.py") == ["freeze base", "freeze ?"]


def test_what_is_found_does_not_depend_on_what_was_checked_before(folder: Path) -> None:
    put(
        folder,
        nets=NETS,
        one="import keras, nets\nnets.Settings.freeze = False\nbase, model = nets.build()\nmodel.compile('sgd')\n",
        two="import keras, nets\nbase, model = nets.build()\nmodel.compile('sgd')\nmodel.fit(x)\n"
        "base.trainable = not nets.Settings.freeze\nmodel.fit(x)\n",
    )
    alone = api.check([folder / "two.py"]).findings
    assert "trainable-after-compile" in [finding.name for finding in alone]
    parse.cache_clear()
    after = api.check([folder / "one.py", folder / "two.py"]).findings
    assert [finding for finding in after if finding.path.endswith("two.py")] == list(alone)
