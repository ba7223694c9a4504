"""One shared set of hand-made findings: every report format is shown the same ones."""

from __future__ import annotations

from collections.abc import Sequence

from freezelint.finding import (
    Applicability,
    Confidence,
    Edit,
    Finding,
    Fix,
    NotRead,
    Position,
    Related,
    Severity,
    Span,
)
from freezelint.report import Report

TEXTS = {
    ("train.py", None): [
        "import keras",
        "base = keras.applications.ResNet50()",
        "base.trainable = False",
        "model = keras.Sequential([base, keras.layers.Dense(2)])",
        "model.compile('adam', 'mse')",
        "",
        "",
        "",
        "base.trainable = True",
        "model.fit(x, y)",
        "if fine_tune:",
        "\tmodel.trainble = False",
    ],
    ("build.py", None): ["def build():", "    base.trainable = False"],
    ("a.ipynb", 3): ["x = 1", "model.fit(x, y)"],
    ("wide.py", None): ["名前 = '日本語'; model.trainble = False"],
}


def lines(display: str, cell: int | None = None) -> Sequence[str]:
    """The texts that the findings below point into."""
    return TEXTS.get((display, cell), ())


class _Source:
    """The texts as reports ask for them; a cell's lines stand in the file a hundred lines further for each cell."""

    lines = staticmethod(lines)

    def file_line(self, display: str, cell: int | None, line: int) -> int:
        return line if cell is None else 100 * cell + line


SOURCE = _Source()


def span(path: str, line: int, start: int, end: int, cell: int | None = None, last: int | None = None) -> Span:
    """A span of one line, or up to the line `last`."""
    return Span(path, Position(line, start), Position(last or line, end), cell)


STORY = Finding(
    code="FZ101",
    name="unfrozen-batchnorm",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    message="Thawing `base` thaws its BatchNormalization layers too.",
    path="train.py",
    span=span("train.py", 9, 1, 22),
    keras=("2", "3"),
    related=(
        Related(span("train.py", 3, 1, 23), "frozen here"),
        Related(span("train.py", 5, 1, 29), "compiled here"),
        Related(span("train.py", 10, 1, 16), "trained here"),
    ),
)
TYPO = Finding(
    code="FZ207",
    name="trainable-typo",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    message="Keras knows no `trainble`.",
    path="train.py",
    span=span("train.py", 12, 2, 24),
    keras=("2", "3"),
    fix=Fix(Applicability.SAFE, "Write `trainable`", (Edit(span("train.py", 12, 8, 16), "trainable"),)),
)
IN_NOTEBOOK = Finding(
    code="FZ224",
    name="fine-tuning-still-frozen",
    severity=Severity.WARNING,
    confidence=Confidence.LIKELY,
    message="Keras 3: nothing was thawed before this second phase.",
    path="a.ipynb",
    span=span("a.ipynb", 2, 1, 16, cell=3),
    keras=("3",),
    related=(Related(span("build.py", 2, 5, 27), "frozen here"), Related(span("a.ipynb", 2, 1, 16, 3), "trained here")),
)
IN_MODEL = Finding(
    code="FZ104",
    name="batchnorm-live-under-frozen-parent",
    severity=Severity.WARNING,
    confidence=Confidence.CERTAIN,
    message="BatchNormalization stays live although its parent is frozen.",
    path="models/cat.keras",
    layer="mobilenetv2/Conv1_bn",
    signature="serving_default",
    keras=("3",),
)
UNREAD = Finding(
    code="FZ001",
    name="unreadable-input",
    severity=Severity.WARNING,
    confidence=Confidence.CERTAIN,
    message="not checked: not a zip archive",
    path="broken.keras",
)
INFO = Finding(
    code="FZ301",
    name="frozen-on-gradient-path",
    severity=Severity.INFO,
    confidence=Confidence.CERTAIN,
    message="The gradient passes through frozen layers.",
    path="wide.py",
    span=span("wide.py", 1, 13, 35),
    keras=("2", "3"),
)

REPORT = Report(
    findings=(IN_NOTEBOOK, UNREAD, IN_MODEL, STORY, TYPO, INFO),
    not_read=(NotRead("broken.keras", "not a zip archive"),),
    files=12,
    models=2,
    suppressed=1,
    keras="unknown (checked for 2 and 3)",
)
