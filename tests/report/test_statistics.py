"""How often each rule found something."""

from __future__ import annotations

import json

from freezelint.report import Report, statistics
from tests.report.diagnostics import IN_MODEL, STORY, TYPO


def test_the_most_frequent_rule_comes_first() -> None:
    lines = statistics.as_text(Report((IN_MODEL, STORY, TYPO, TYPO), files=1)).splitlines()
    assert lines[0] == "     2  FZ207 trainable-typo  (1 file, 2 with a fix)"
    assert lines[1] == "     1  FZ101 unfrozen-batchnorm  (1 file)"
    assert lines[-1].startswith("3 errors, 1 warning in 1 file")


def test_programs_get_json() -> None:
    assert json.loads(statistics.as_json(Report((TYPO, TYPO)))) == [
        {"code": "FZ207", "name": "trainable-typo", "count": 2, "files": 1, "fixes": 2}
    ]
