"""What the text of a file must hold before a rule can find anything in it: a look that costs nothing.

Only a file with a sign of some selected rule is parsed. Everything is matched in bytes and without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_FLAG = rb"(?<![a-z])trainable"
_PIN = rb"\btraining\s*="
_NEARLY_FLAG = rb"\._?(?:is_?)?t\w{2,8}b\w{1,4}\s*=[^=]"
_TAPE = rb"GradientTape"
_METHOD = rb"def\s+call\(\s*self"
_COMPILED_TWICE = rb"\.compile\(.*\.compile\("

SIGNS: dict[str, bytes] = {
    "batchnorm-forced-training": _METHOD,
    "batchnorm-freeze-undone": _FLAG,
    "batchnorm-selected-by-name": _FLAG,
    "compile-in-callback": rb"self\.model\.compile",
    "double-preprocessing": rb"rescal",
    "dropout-under-frozen-parent": _FLAG,
    "direct-call-method": rb"\.call\(",
    "fine-tuning-learning-rate": _FLAG,
    "fine-tuning-still-frozen": _FLAG,
    "freeze-before-build": _FLAG,
    "freeze-misses-nested-batchnorm": _FLAG,
    "freeze-slice-misses": _FLAG,
    "freeze-without-effect": _FLAG,
    "frozen-on-gradient-path": _FLAG,
    "gan-freeze-order": _FLAG,
    "gradients-over-all-weights": _TAPE,
    "lambda-hides-layers": rb"\bLambda\(",
    "learning-phase-api": rb"learning_phase|in_(?:train|test)_phase",
    "model-call-without-training": _METHOD,
    "nothing-trainable": _FLAG,
    "optimizer-reused-after-unfreeze": _COMPILED_TWICE,
    "oversized-head": rb"\bFlatten\b.*\.applications\b|\.applications\b.*\bFlatten\b",
    "pinned-training-ignored": _PIN,
    "pinned-training-true": _PIN,
    "python-scalar-fade": _METHOD,
    "random-base-frozen": _FLAG,
    "reassignment-without-effect": _FLAG,
    "redundant-frozen-batchnorm": _METHOD,
    "stale-trainable-variables": _TAPE,
    "tape-call-without-training": _TAPE,
    "torch-style-freeze": rb"requires_grad|\.(?:is_)?(?:frozen|freeze|training)\s*=",
    "trainable-after-compile": _FLAG,
    "trainable-after-trace": _TAPE,
    "trainable-false-in-constructor": _FLAG,
    "trainable-in-callback": _FLAG,
    "trainable-in-traced-step": _FLAG,
    "trainable-on-tensor": _FLAG,
    "trainable-typo": _FLAG + rb"|" + _NEARLY_FLAG,
    "training-argument-renamed": rb"def\s+call\([^)]*train",
    "training-true-by-default": _METHOD,
    "unfreeze-under-frozen-parent": _FLAG,
    "unfrozen-batchnorm": _FLAG,
    "untrained-head-on-unfrozen-base": rb"\.applications\b",
}
"""A sign of every rule that the source pass checks, by the name of the rule."""


def worth_reading(data: bytes, selected: Collection[str]) -> bool:
    """Whether a file can hold anything that one of the `selected` rules looks for."""
    return _signs(frozenset(selected)).search(data) is not None


@lru_cache(maxsize=4)
def _signs(selected: frozenset[str]) -> re.Pattern[bytes]:
    patterns = {pattern for name, pattern in SIGNS.items() if name in selected}
    return re.compile(rb"|".join(sorted(patterns)) or rb"(?!)", re.IGNORECASE | re.DOTALL)
