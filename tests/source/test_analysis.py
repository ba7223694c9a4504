"""A file in, findings out: the prefilter, the paths, and what happens to anything at all."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from freezelint import api
from freezelint.finding import Confidence, Finding, NotRead
from freezelint.source import analysis, checks
from tests.source.programs import KERAS2, KERAS3, findings

NAMES = checks.source.names

PROGRAM = """
import keras
base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(1e-5))
model.fit(x)
base.trainable = True
model.compile(keras.optimizers.Adam(1e-5))
model.fit(x)
"""


def analyse(text: str | bytes, path: str = "program.py") -> tuple[list[Finding], list[NotRead]]:
    data = textwrap.dedent(text).encode() if isinstance(text, str) else text
    return analysis.analyse(None, path, data, KERAS3, NAMES)


def sure(text: str) -> list[tuple[str, str]]:
    """The rules and confidences found in a program, the merely possible included."""
    return [(one.name, one.confidence.value) for one in analyse(text)[0]]


# Entry points


def test_a_module_is_run_as_a_program() -> None:
    assert sure(PROGRAM) == [("unfrozen-batchnorm", "certain")]


def test_a_function_that_nobody_calls_is_run_too() -> None:
    text = "import keras\ndef train(x):\n" + textwrap.indent(PROGRAM.replace("import keras\n", ""), "    ")
    assert sure(text) == [("unfrozen-batchnorm", "certain")]


def test_a_method_that_nobody_calls_is_run_with_an_object_of_its_class() -> None:
    text = """
    import keras
    class Trainer:
        def __init__(self):
            self.base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
            self.base.trainable = False
            self.model = keras.Sequential([self.base, keras.layers.Dense(1)])
        def train(self, data):
            self.model.compile(keras.optimizers.Adam(1e-5))
            self.model.fit(data)
            self.base.trainable = True
            self.model.compile(keras.optimizers.Adam(1e-5))
            self.model.fit(data)
    """
    assert [name for name, _ in sure(text)] == ["unfrozen-batchnorm"]


BASE_CLASS = """
class Trainer:
    def __init__(self, rate=1e-5):
        self.model, self.rate = None, rate

    def build(self):
        raise NotImplementedError

    def train(self, data):
        self.build()
        self.tune()

    def tune(self):
        self.base.trainable = True
        self.model.compile(keras.optimizers.Adam(self.rate))
        self.model.fit(data)
"""
SUBCLASS = """
class Flowers(Trainer):
    def build(self):
        self.base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
        self.base.trainable = False
        self.model = keras.Sequential([self.base, keras.layers.Dense(5)])
        self.model.compile(keras.optimizers.Adam(1e-3))
        self.model.fit(data)
"""


def test_a_method_of_the_base_class_is_run_for_the_class_that_fills_it_in() -> None:
    found = findings("import keras\n" + BASE_CLASS + SUBCLASS, "2")
    assert [finding.name for finding in found] == ["unfrozen-batchnorm"]


def test_the_base_class_may_lie_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "trainer.py").write_text("import keras\n" + BASE_CLASS)
    (tmp_path / "flowers.py").write_text("import keras\nfrom trainer import Trainer\n" + SUBCLASS)
    report = api.check([tmp_path / "flowers.py"], api.Settings(keras="2"))
    assert [(finding.name, Path(finding.path).name) for finding in report.findings] == [
        ("unfrozen-batchnorm", "trainer.py")
    ]


def test_a_base_class_that_does_not_train_is_left_alone() -> None:
    quiet = BASE_CLASS.replace("self.base.trainable = True", "pass").replace("self.model.compile", "self.log")
    assert findings("import keras\n" + quiet.replace("self.model.fit(data)", "pass") + SUBCLASS, "2") == []


def test_a_function_that_is_called_is_not_told_twice() -> None:
    text = (
        "import keras\ndef train(x):\n" + textwrap.indent(PROGRAM.replace("import keras\n", ""), "    ") + "train(y)\n"
    )
    assert len(findings(text)) == 1


def test_a_parameter_that_is_used_like_a_model_is_one_likely() -> None:
    text = """
    import keras
    def fine_tune(model, data):
        model.compile(keras.optimizers.Adam(1e-5))
        model.fit(data)
        for layer in model.layers[-20:]:
            layer.trainable = True
        model.fit(data)
    """
    assert all(confidence != "certain" for _, confidence in sure(text))


# Paths that agree or not


def test_what_holds_on_every_path_is_certain() -> None:
    text = PROGRAM.replace("model.fit(x)\n", "if verbose:\n    model.fit(x)\nelse:\n    model.fit(y)\n")
    assert ("unfrozen-batchnorm", "certain") in sure(text)


def test_what_holds_only_where_its_story_happens_is_sure() -> None:
    text = PROGRAM.replace("base.trainable = True\n", "if args.fine_tune:\n    base.trainable = True\n")
    assert sure("from config import args\n" + text) == [("unfrozen-batchnorm", "certain")]


def test_what_another_option_prevents_is_only_possible() -> None:
    guard = """
for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
"""
    text = PROGRAM.replace(
        "base.trainable = True\n", "base.trainable = True\nif args.keep:\n" + textwrap.indent(guard, "    ")
    )
    assert sure("from config import args\n" + text) == [("unfrozen-batchnorm", "possible")]


# Files that are not read


def test_what_is_not_python_is_told() -> None:
    found, gaps = analyse("base.trainable = = 1")
    assert not found
    assert [(gap.path, gap.wholly, gap.line) for gap in gaps] == [("program.py", True, 1)]


def test_a_cell_that_is_not_python_is_told_and_the_rest_is_checked() -> None:
    cells = [{"cell_type": "code", "source": source} for source in ("x = = 1", PROGRAM)]
    found, gaps = analyse(json.dumps({"cells": cells}).encode(), "book.ipynb")
    assert [one.name for one in found] == ["unfrozen-batchnorm"]
    assert found[0].span is not None and found[0].span.cell == 2
    assert [(gap.cell, gap.wholly) for gap in gaps] == [(1, False)]


def test_the_same_text_gives_the_same_findings() -> None:
    assert analyse(PROGRAM) == analyse(PROGRAM)
    two = analysis.analyse(None, "program.py", PROGRAM.encode(), KERAS2, NAMES)
    assert analyse(PROGRAM)[0] != two[0]
    assert analysis.analyse(None, "program.py", PROGRAM.encode(), KERAS2, NAMES) == two


def test_only_selected_rules_are_told() -> None:
    assert analysis.analyse(None, "program.py", PROGRAM.encode(), KERAS3, ["trainable-typo"]) == ([], [])


def test_a_file_of_very_many_functions_ends() -> None:
    function = """
def f{i}(m, a, b, c):
    if a: m.trainable = True
    if b: m.compile(keras.optimizers.Adam(1e-5))
    if c: m.fit(x)
    f{next}(m, a, b, c)
"""
    text = "import keras\n" + "".join(function.format(i=i, next=i + 1) for i in range(300))
    found, gaps = analyse(text)
    assert not [one for one in found if one.confidence > Confidence.LIKELY]
    assert not gaps


# Anything at all


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["program.py", "book.ipynb"]))
def test_any_bytes_are_analysed_or_told(data: bytes, path: str) -> None:
    found, gaps = analyse(data, path)
    assert all(gap.reason for gap in gaps)
    assert not found or not gaps


WORDS = [
    "base", "model", "layer", "base.layers", "x", "keras.applications.MobileNetV2(include_top=False)",
    "keras.Sequential([base])", "keras.layers.BatchNormalization()", "keras.Input((4,))", "base(x, training=False)",
    "keras.Model(base.input, base.output)", "model.layers[-3:]", "[layer for layer in base.layers if layer.name]",
    "base.get_layer('x')", "model.layers[0]", "lambda m: m.fit(x)", "None", "False", "True", "3", "'bn'", "range(5)",
]  # fmt: skip
value = st.sampled_from(WORDS)
target = st.sampled_from([
    "base",
    "model",
    "layer",
    "x",
    "base.trainable",
    "layer.trainable",
    "model.trainable",
    "model.x",
])
simple = st.one_of(
    st.builds("{} = {}".format, target, value),
    st.builds(
        "{}.{}".format, value, st.sampled_from(["compile('adam')", "fit(x)", "pop()", "add(base)", "predict(x)"])
    ),
    st.sampled_from([
        "break",
        "return",
        "continue",
        "pass",
        "model.compile(x)",
        "model.fit(x)",
        "base.trainable = True",
    ]),
)


def _block(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    heads = st.one_of(
        st.builds("for layer in {}:".format, value),
        st.builds("for i, layer in enumerate({}):".format, value),
        st.builds("if isinstance({}, keras.layers.BatchNormalization):".format, value),
        st.builds("if {}:".format, value),
        st.builds("if {} == {}:".format, value, value),
        st.builds("while {}:".format, value),
        st.builds("with {} as x:".format, value),
        st.sampled_from(["def f(model, base=None):", "class M(keras.Model):", "class A:", "if x.y:\n    pass\nelse:"]),
    )
    return st.builds(lambda head, body: [*head.split("\n"), *("    " + line for line in body)], heads, inner)


statements = st.recursive(
    st.lists(simple, min_size=1, max_size=4),
    lambda inner: st.builds(lambda *parts: [line for part in parts for line in part], _block(inner), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(statements)
@example(["model.compile()", "model.fit(x)", "def f(x):", "    model.fit(x)"])
def test_any_program_about_models_is_analysed(lines: list[str]) -> None:
    text = (
        "import keras\nbase = keras.applications.VGG16()\nmodel = keras.Sequential([base])\n" + "\n".join(lines) + "\n"
    )
    for keras in (KERAS2, KERAS3):
        found, _ = analysis.analyse(None, "program.py", text.encode(), keras, NAMES)
        assert all(one.message for one in found)
