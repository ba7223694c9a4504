"""Programs in several files: what an import means, and which files are read for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freezelint import api
from freezelint.source.modules import MAX_FILES, Glance
from tests.source.programs import put, story

HELPER = """
import keras

def build():
    base = keras.applications.VGG16(include_top=False, pooling="avg")
    return keras.Sequential([base, keras.layers.Dense(1)]), base

def freeze(part):
    part.trainable = False

MOST = 10
"""


def package(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "__init__.py").touch()


def told(folder: Path, text: str, name: str = "train.py") -> list[str]:
    """What happens in a program that lies at `name` in the folder."""
    return story(text, location=folder / name)


FREEZES = ["freeze base", "compile model", "fit model"]
USE = "\nmodel, base = nets.build()\nnets.freeze(base)\nmodel.compile(keras.optimizers.Adam(1e-5))\nmodel.fit(x)\n"


@pytest.mark.parametrize(
    "program",
    [
        "import nets" + USE,
        "import nets as n\nnets = n" + USE,
        "from nets import build, freeze\nmodel, base = build()\nfreeze(base)\nmodel.compile(keras.optimizers.Adam(1e-5))\nmodel.fit(x)\n",
        "from nets import build as b, freeze as f\nmodel, base = b()\nf(base)\nmodel.compile(keras.optimizers.Adam(1e-5))\nmodel.fit(x)\n",
        "from nets import *\nmodel, base = build()\nfreeze(base)\nmodel.compile(keras.optimizers.Adam(1e-5))\nmodel.fit(x)\n",
        "from . import nets" + USE,
        "from .nets import build, freeze\nmodel, base = build()\nfreeze(base)\nmodel.compile(keras.optimizers.Adam(1e-5))\nmodel.fit(x)\n",
        "def main():\n    import nets\n    model, base = nets.build()\n    nets.freeze(base)\n"
        "    model.compile(keras.optimizers.Adam(1e-5))\n    model.fit(x)\nmain()\n",
    ],
)
def test_a_file_beside_the_program_is_imported_in_every_way(folder: Path, program: str) -> None:
    put(folder, nets=HELPER)
    assert told(folder, program) == FREEZES


def test_a_package_gives_on_what_its_files_define(folder: Path) -> None:
    package(folder, "nets")
    put(folder, nets__vgg=HELPER)
    (folder / "nets" / "__init__.py").write_text("from .vgg import build, freeze\nfrom . import vgg\n")
    assert told(folder, "import nets" + USE) == FREEZES
    assert told(folder, "from nets import vgg as nets" + USE) == FREEZES
    assert told(folder, "import nets.vgg as nets" + USE) == FREEZES
    assert told(folder, "from nets.vgg import *\nfreeze(build()[1])\n") == ["freeze base"]


def test_files_import_one_another(folder: Path) -> None:
    package(folder, "lib")
    put(folder, lib__a="from .b import freeze\ndef run(part):\n    freeze(part)\n")
    put(folder, lib__b="from . import a\nfrom ..nets import freeze\ndef again(part):\n    a.run(part)\n", nets=HELPER)
    assert told(folder, "from lib import b\nimport nets\nb.again(nets.build()[1])\n") == ["freeze base"]


def test_relative_imports_go_up(folder: Path) -> None:
    package(folder, "app", "app/jobs", "app/core")
    put(folder, app__core__nets=HELPER)
    program = "from ..core.nets import build, freeze\nfreeze(build()[1])\n"
    assert told(folder, program, "app/jobs/train.py") == ["freeze base"]


def test_absolute_imports_start_at_the_root_and_in_src(folder: Path) -> None:
    package(folder, "app", "src/lib")
    put(folder, app__nets=HELPER, src__lib__nets=HELPER)
    (folder / "scripts").mkdir()
    for module in ("app.nets", "lib.nets"):
        program = f"from {module} import build, freeze\nfreeze(build()[1])\n"
        assert told(folder, program, "scripts/train.py") == ["freeze base"]


def test_nothing_is_looked_up_outside_the_project(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "pyproject.toml").touch()
    put(tmp_path, nets=HELPER)
    assert told(inside, "from nets import build, freeze\nfreeze(build()[1])\n") == []


def test_a_constant_of_another_file_is_known(folder: Path) -> None:
    put(folder, config="FIRST = 15\nTRAIN = False\n")
    program = """
    import keras, config
    base = keras.applications.VGG16()
    if config.TRAIN:
        base.trainable = True
    for layer in base.layers[:config.FIRST]:
        layer.trainable = False
    """
    assert told(folder, program) == ["freeze part of base"]


def test_a_class_of_another_file_is_run(folder: Path) -> None:
    put(folder, nets=HELPER)
    put(
        folder,
        trainer="""
        from nets import build
        class Trainer:
            def __init__(self):
                self.model, self.base = build()
            def run(self):
                self.base.trainable = False
                self.model.compile(keras.optimizers.Adam(1e-5))
                self.model.fit(x)
        """,
    )
    program = """
    from trainer import Trainer
    class Mine(Trainer):
        def run(self):
            super().run()
            self.base.trainable = True
    Mine().run()
    """
    assert told(folder, program) == ["freeze self.base", "compile self.model", "fit self.model", "thaw self.base"]


@pytest.mark.parametrize(
    "text",
    ["x = = 1", "\0", "(" * 500, "from train import *", "import broken", "raise ImportError", "import sys; sys.exit()"],
)
def test_a_broken_file_does_no_harm(folder: Path, text: str) -> None:
    (folder / "broken.py").write_text(text)
    program = "import keras, broken\nfrom broken import x\nbase = keras.applications.VGG16()\nbase.trainable = False\n"
    assert told(folder, program) == ["freeze base"]


def test_an_imported_file_may_be_a_folder_or_a_loop_of_links(folder: Path) -> None:
    (folder / "a.py").symlink_to(folder / "b.py")
    (folder / "b.py").symlink_to(folder / "a.py")
    (folder / "c.py").mkdir()
    program = "import keras, a, b, c\nbase = keras.applications.VGG16()\na.x()\nb.x()\nc.x()\nbase.trainable = False\n"
    assert told(folder, program) == ["freeze base"]


def test_a_file_beside_the_program_that_is_called_like_a_library_hides_it(folder: Path) -> None:
    put(folder, keras="def VGG16():\n    return None\n")
    assert told(folder, "import keras\nbase = keras.VGG16()\nbase.trainable = False\n") == []


def test_very_many_files_are_read_up_to_a_limit(folder: Path) -> None:
    for number in range(MAX_FILES + 20):
        put(folder, **{f"part{number}": f"import part{number + 1}\nx = part{number + 1}.x\n"})
    program = "import keras, part0\npart0.x()\nbase = keras.applications.VGG16()\nbase.trainable = False\n"
    assert told(folder, program) == ["freeze base"]


# Findings across files

TRAIN = """
import keras
from nets import build, thaw
model, base = build()
base.trainable = False
model.compile(keras.optimizers.Adam(1e-5))
model.fit(x)
thaw(base)
model.compile(keras.optimizers.Adam(1e-5))
model.fit(x)
"""
NETS = """
import keras
def build():
    base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
    return keras.Sequential([base, keras.layers.Dense(1)]), base
def thaw(part):
    part.trainable = True
"""


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    put(folder, train=TRAIN, nets=NETS)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("paths", [["."], ["train.py"], ["nets.py", "train.py"], ["train.py", "nets.py"]])
def test_a_mistake_in_an_imported_file_is_told_once_with_its_story(project: Path, paths: list[str]) -> None:
    (finding,) = api.check(paths).findings
    assert (finding.name, finding.path, finding.span and finding.span.start.line) == (
        "unfrozen-batchnorm",
        "nets.py",
        7,
    )
    assert [(step.span.path, step.span.start.line) for step in finding.related] == [("train.py", 5), ("train.py", 10)]


def test_the_imported_file_alone_shows_nothing(project: Path) -> None:
    assert not api.check(["nets.py"]).findings


def test_paths_are_told_from_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    (finding,) = api.check(["../train.py"]).findings
    assert finding.path == "../nets.py"
    monkeypatch.chdir(project.parent)
    (finding,) = api.check([f"{project.name}/train.py"]).findings
    assert finding.path == f"{project.name}/nets.py"


def test_an_ignore_comment_in_either_file_holds(project: Path) -> None:
    comment = "  # freezelint: ignore[unfrozen-batchnorm] large batches"
    (project / "nets.py").write_text(NETS.replace("= True", f"= True{comment}"))
    assert not api.check(["train.py"]).findings
    (project / "nets.py").write_text(NETS)
    (project / "train.py").write_text(TRAIN.replace("= False", f"= False{comment}"))
    assert not api.check(["train.py"]).findings


# Programs that hold no sign of their own

CLASS = """
import keras
class Trainer:
    def build(self):
        self.base = keras.applications.VGG16(include_top=False, pooling="avg")
        self.base.trainable = False
        self.model = keras.Sequential([self.base, keras.layers.Dense(1)])
        self.model.compile(keras.optimizers.Adam(1e-5), "mse")
    def train(self):
        self.model.fit(x)
    def unfreeze(self):
        self.base.trainable = True
"""
DRIVER = "from trainer import Trainer\nt = Trainer()\nt.build()\nt.train()\nt.unfreeze()\nt.train()\n"


def found(*paths: str, keras: str = "3") -> list[tuple[str, str]]:
    """The mistakes in files, and where they are told."""
    report = api.check(paths, api.Settings(keras=keras))
    return [(finding.name, finding.path) for finding in report.findings]


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("paths", [["."], ["main.py", "trainer.py"], ["trainer.py", "main.py"]])
def test_a_program_that_only_calls_what_it_imports_is_run(here: Path, paths: list[str]) -> None:
    put(here, main=DRIVER, trainer=CLASS)
    assert found(*paths) == [("trainable-after-compile", "trainer.py")]


def test_a_mistake_may_take_a_class_in_one_file_and_its_training_in_another(here: Path) -> None:
    put(
        here,
        net="""
        import keras
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.norm = keras.layers.BatchNormalization()
            def call(self, inputs):
                return self.norm(inputs)
        """,
        main="from net import Net\nmodel = Net()\nmodel.compile('adam', 'mse')\nmodel.fit(data)\n",
    )
    assert found(".") == [("model-call-without-training", "net.py")]


@pytest.mark.parametrize(
    ("given_on", "wanted"),
    [
        ("from .trainer import Trainer\n", "from lib import Trainer\n"),
        ("from .trainer import *\n", "from lib import Trainer\n"),
        ("from .trainer import (\n    Trainer,  # and more\n)\n", "from lib import *\n"),
        ("", "from lib.trainer import Trainer\n"),
        ("", "from lib import trainer\nTrainer = trainer.Trainer\n"),
        ("", "import numpy as np, lib.trainer as t\nTrainer = t.Trainer\n"),
        ("", "from lib \\\n    import trainer\nTrainer = trainer.Trainer\nfrom lib.trainer import Trainer\n"),
    ],
)
def test_a_program_may_import_through_a_package(here: Path, given_on: str, wanted: str) -> None:
    put(here, lib__trainer=CLASS)
    (here / "lib" / "__init__.py").write_text(given_on)
    (here / "main.py").write_text(DRIVER.replace("from trainer import Trainer\n", wanted))
    assert found(".") == [("trainable-after-compile", "lib/trainer.py")]


def test_a_notebook_may_be_the_program(here: Path) -> None:
    put(here, lib__trainer=CLASS)
    program = f'import sys\nsys.path.append("lib")\n{DRIVER}'
    for source in (program, program.splitlines(keepends=True)):
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        for indent in (None, 1):
            (here / "main.ipynb").write_text(json.dumps(book, indent=indent))
            assert found(".") == [("trainable-after-compile", "lib/trainer.py")]


def looked_for(folder: Path, text: str) -> set[str]:
    """The files of the project that are read to tell whether a program is worth running."""
    return {text.path.relative_to(folder).as_posix() for text in Glance(folder / "main.py", text.encode()).texts()}


def test_what_is_only_spoken_of_is_not_imported(here: Path) -> None:
    put(here, trainer=CLASS, other=CLASS)
    assert looked_for(here, "# from trainer import Trainer\nx = 1  # import other\nprint('import other')\n") == set()
    assert looked_for(here, "import os  # trainer\nfrom trainer import Trainer  # other\n") == {"trainer.py"}


def test_an_installed_package_is_no_file_of_the_project(here: Path) -> None:
    put(here, site_packages=CLASS)
    installed = here / ".venv" / "lib" / "site-packages"
    put(installed, trainer=CLASS)
    assert looked_for(here, DRIVER) == set()
    put(here, trainer="class Trainer: pass\n")  # hides the installed one
    assert looked_for(here, DRIVER) == {"trainer.py"}
    put(here, main=DRIVER)
    assert found(".") == []


def test_a_test_file_adds_nothing_to_what_its_library_shows(here: Path) -> None:
    put(here, nets=NETS, train=TRAIN, tests__test_nets="from nets import build\nbuild()[0].fit(x)\n")
    assert found(".") == [("unfrozen-batchnorm", "nets.py")]
    put(here, train="")
    assert found(".") == []


# Folders that a program adds to `sys.path`


@pytest.mark.parametrize(
    "added",
    [
        "'lib'",
        "'./lib'",
        "r'lib/'",
        "os.path.join(os.path.dirname(__file__), '..', 'lib')",
        "os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../lib'))",
        "os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + '/lib'",
        "path.join(dirname(dirname(__file__)), 'lib')",
        "str(Path(__file__).parent.parent / 'lib')",
        "str(Path(__file__).resolve().parents[1] / 'lib')",
        "'../lib'",
    ],
)
@pytest.mark.parametrize(
    "call", ["sys.path.append({})", "sys.path.insert(0, {})", "sys.path.insert(\n    0,\n    {}\n)"]
)
def test_imports_follow_what_a_program_adds_to_the_path(folder: Path, added: str, call: str) -> None:
    put(folder, lib__nets=HELPER)
    (folder / "scripts").mkdir()
    program = f"import sys\n{call.format(added)}\nfrom nets import build, freeze\nfreeze(build()[1])\n"
    assert told(folder, program, "scripts/train.py") == ["freeze base"]


@pytest.mark.parametrize(
    "line",
    [
        "# sys.path.append('lib')",
        "sys.path.append(LIB)",
        "sys.path.append(f'{here}/lib')",
        "sys.path.append(os.path.join(HERE, 'lib'))",
        "sys.path.append('/lib')",
        "sys.path.append(os.path.dirname('lib/x'))",
        "sys.path.append(*['lib'])",
        "sys.path.append()",
        "sys.path.append('lib'",
        "sys.path.append(Path(__file__).parents[10**9])",
        "sys.path.append(Path(__file__).parents[99999999999])",
        "sys.path.append('\\0')",
        "sys.path.append('li\\q')",
    ],
)
def test_what_else_is_added_to_the_path_is_not_known(folder: Path, line: str) -> None:
    put(folder, lib__nets=HELPER)
    (folder / "train.py").write_text(f"import sys\nfrom nets import build\n{line}\n")
    glance = Glance(folder / "train.py", (folder / "train.py").read_bytes())
    assert not list(glance.texts())
    assert all(Path(path).is_relative_to(folder) for path in glance.looked_at)


def test_what_a_program_adds_to_the_path_holds_for_what_it_imports(folder: Path) -> None:
    put(folder, lib__nets=HELPER, tools__helper="from nets import build, freeze\n")
    program = "import sys\nsys.path.append('lib')\nfrom tools.helper import build, freeze\nfreeze(build()[1])\n"
    assert told(folder, program) == ["freeze base"]


def test_a_folder_outside_of_the_project_is_not_looked_into(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "pyproject.toml").touch()
    put(tmp_path, nets=HELPER)
    program = "import sys\nsys.path.append('..')\nfrom nets import build, freeze\nfreeze(build()[1])\n"
    assert told(inside, program) == []


def test_a_file_beside_the_program_comes_before_the_folders_that_are_added(folder: Path) -> None:
    put(folder, lib__nets=HELPER, nets="def build(): return None, None\ndef freeze(part): pass\n")
    program = "import sys\nsys.path.append('lib')\nfrom nets import build, freeze\nfreeze(build()[1])\n"
    assert told(folder, program) == []


def test_a_program_without_signs_finds_its_imports_in_added_folders(here: Path) -> None:
    put(here, lib__trainer=CLASS, main=f"import sys\nsys.path.append('lib')\n{DRIVER}")
    assert found(".") == [("trainable-after-compile", "lib/trainer.py")]
