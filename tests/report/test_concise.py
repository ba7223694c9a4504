"""One line for one finding."""

from __future__ import annotations

from freezelint.report import Report, concise
from tests.report.diagnostics import IN_MODEL, REPORT, TYPO, lines


def test_every_finding_is_one_line_before_the_summary() -> None:
    assert concise.render(REPORT, lines).splitlines()[:-1] == [
        "a.ipynb:cell 3:2:1: FZ224 [fine-tuning-still-frozen] Keras 3: nothing was thawed before this second phase.",
        "broken.keras: FZ001 [unreadable-input] not checked: not a zip archive",
        "models/cat.keras: FZ104 [batchnorm-live-under-frozen-parent] BatchNormalization stays live although its "
        "parent is frozen. (layer mobilenetv2/Conv1_bn, signature serving_default)",
        "train.py:9:1: FZ101 [unfrozen-batchnorm] Thawing `base` thaws its BatchNormalization layers too.",
        "train.py:12:2: FZ207 [trainable-typo] Keras knows no `trainble`.",
        "wide.py:1:13: FZ301 [frozen-on-gradient-path] The gradient passes through frozen layers.",
    ]


def test_a_line_break_in_a_name_does_not_make_a_second_line() -> None:
    finding = IN_MODEL._replace(layer="a\nb.py:1:1: FZ101 [x] forged")
    assert len(concise.render(Report((finding, TYPO), models=1), lines).splitlines()) == 3
