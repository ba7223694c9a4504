"""What the text of a file must hold before a rule can find anything in it: a look that costs nothing.

Only a file with a sign of some selected rule is parsed. Everything is matched in bytes and without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache, lru_cache

_FLAG = (rb"(?<![a-z])trainable",)
_NEARLY_FLAG = rb"\._?(?:is_?)?t\w{2,8}b\w{1,4}\s*=[^=]"
_TAPE = (rb"gradienttape",)
_METHOD = rb"def\s+call\(\s*self"
_TRAINS = rb"\.(?:compile|fit|fit_generator|train_on_batch)\(|gradienttape"
_RUNS = rb"\.(?:compile|fit|fit_generator|train_on_batch|predict\w*)\(|gradienttape"
_BATCHNORM = rb"batch_?norm"
_MODES = rb"batch_?norm|dropout|noise|random\w+\(|applications"
_COMPILED_WITH_NAME = rb"(?:\.compile\(\s*(?:optimizer\s*=\s*)?[a-z_][\w.]*\s*[,)].*){2}"
_BACKBONE = rb"applications\b"

SIGNS: dict[str, tuple[bytes, ...]] = {
    "batchnorm-forced-training": (_METHOD, _BATCHNORM, rb"training\s*=\s*(?:true|not\b|self\.)"),
    "batchnorm-freeze-undone": _FLAG,
    "batchnorm-in-timedistributed": (rb"timedistributed", _TRAINS),
    "batchnorm-live-under-frozen-parent": _FLAG,
    "batchnorm-selected-by-name": _FLAG,
    "compile-in-callback": (rb"self\.model\.compile",),
    "clone-drops-weights": (rb"clone_model",),
    "freeze-lost-on-reload": (_FLAG[0], rb"\.save\(|save_model", rb"load_model", _TRAINS),
    "grown-model-not-recompiled": (rb"\.(?:fit|fit_generator|train_on_batch)\(.*\.(?:add|pop)\(", rb"\.compile\("),
    "shared-layer-frozen-elsewhere": _FLAG,
    "weights-order-depends-on-trainable": (_FLAG[0], rb"load_weights"),
    "untracked-sublayer": (_METHOD, _TRAINS),
    "double-preprocessing": (rb"rescal", rb"efficientnet|convnext|mobilenet_?v3|regnet|resnetrs", _TRAINS),
    "dropout-under-frozen-parent": _FLAG,
    "direct-call-method": (rb"self\.\w+(?:\[[^\]]*\])?\.call\(", _MODES),
    "eager-tape-watches-frozen": (_FLAG[0], rb"gradienttape|run_eagerly"),
    "ema-after-freeze": (_FLAG[0], rb"use_ema"),
    "fade-variable-mistracked": (_METHOD, rb"\.assign|set_value", rb"variable\(|add_weight"),
    "fine-tuning-learning-rate": _FLAG,
    "fine-tuning-still-frozen": _FLAG,
    "freeze-before-build": _FLAG,
    "freeze-misses-nested-batchnorm": _FLAG,
    "freeze-slice-misses": _FLAG,
    "freeze-without-effect": _FLAG,
    "frozen-on-gradient-path": _FLAG,
    "gan-freeze-order": (rb"trainable|train_on_batch", rb"compile\("),
    "gradients-over-all-weights": _TAPE,
    "hub-layer-in-keras3": (rb"hub\.keraslayer|import\s+keraslayer", _TRAINS),
    "freeze-slice-splits-block": (_FLAG[0], _BACKBONE),
    "lora-freeze-conflict": (rb"enable_lora|\.quantize\(", rb"keras"),
    "lambda-hides-layers": (rb"lambda\(",),
    "learning-phase-api": (rb"learning_phase|in_(?:train|test)_phase",),
    "model-call-without-training": (_METHOD, _MODES, _TRAINS),
    "nothing-trainable": _FLAG,
    "optimizer-ignores-freeze": (_FLAG[0], rb"minimize\(|watched_variables"),
    "optimizer-reused-after-unfreeze": (_COMPILED_WITH_NAME,),
    "oversized-head": (_BACKBONE, rb"flatten\b", _TRAINS),
    "pinned-training-ignored": (rb"\btraining\s*=\s*(?!training\b|none\b)", _RUNS),
    "pinned-training-true": (rb"\btraining\s*=\s*(?!training\b|false\b|none\b)", _TRAINS),
    "python-scalar-fade": (_METHOD, rb"\.(?:fit|train_on_batch)\("),
    "random-base-frozen": _FLAG,
    "reassignment-without-effect": _FLAG,
    "redundant-frozen-batchnorm": (_METHOD, _BATCHNORM, rb"self\.trainable"),
    "signature-traced-in-training": (rb"saved_model\.save|add_endpoint|signatures", rb"\btrue\b"),
    "small-batch-batchnorm": (_TRAINS, rb"batch_size\s*=\s*[1-4]\b|\.fit\([^()]*,\s*[1-4]\s*[,)]"),
    "spectral-normalization-not-frozen": (_FLAG[0], rb"spectralnorm"),
    "stale-trainable-variables": _TAPE,
    "tape-call-without-training": _TAPE,
    "torch-style-freeze": (rb"requires_grad|\.(?:is_)?(?:frozen|freeze|training)\s*=",),
    "trainable-after-compile": _FLAG,
    "trainable-after-trace": _TAPE,
    "trainable-false-in-constructor": _FLAG,
    "trainable-in-callback": _FLAG,
    "trainable-in-traced-step": _FLAG,
    "trainable-on-tensor": _FLAG,
    "trainable-typo": (_FLAG[0] + rb"|" + _NEARLY_FLAG,),
    "training-argument-renamed": (rb"def\s+call\([^)]*train", _TRAINS),
    "training-leak-from-preprocessing": (rb"random\w+\(|resizing|centercrop|autocontrast|equaliz|solariz", rb"layers"),
    "training-true-at-inference": (rb"\btraining\s*=\s*true", rb"batch_?norm|applications|load_model"),
    "training-true-by-default": (rb"def\s+call\(\s*self[^)]*training\s*(?::[^,=)]*)?=\s*(?:true|1)",),
    "unfreeze-under-frozen-parent": _FLAG,
    "unfrozen-batchnorm": _FLAG,
    "untrained-head-on-unfrozen-base": (_BACKBONE, rb"dense\b", _TRAINS),
}
"""The signs of every rule that the source pass checks, by the name of the rule: a file needs all of one rule."""


def worth_reading(data: bytes, selected: Collection[str]) -> bool:
    """Whether a file can hold anything that one of the `selected` rules looks for."""
    text = data.lower()
    seen: dict[bytes, bool] = {}

    def holds(pattern: bytes) -> bool:
        if pattern not in seen:
            seen[pattern] = _compiled(pattern).search(text) is not None
        return seen[pattern]

    return any(all(map(holds, signs)) for signs in _signs(frozenset(selected)))


_LOADS = rb"load_weights"
_DRIVES = (
    rb"\.(?:compile|fit|fit_generator|train_on_batch|apply_gradients)\("
    rb"|(?:\b|_)(?:(?:re)?train(?:ing|er)?(?:_(?!test_|val|data|gen|set\b)\w+)?|(?:(?:un)?freeze|thaw|fine_?tun)\w*)\("
)


def driven(data: bytes, selected: Collection[str]) -> frozenset[str]:
    """Those of the `selected` rules that may find something in a file together with one that it imports.

    That takes a file that does something to a model: one that only defines what others use tells nothing new.
    """
    text = data.lower()
    if _compiled(_DRIVES).search(text):
        return frozenset(selected)
    if _LOADS in text:
        return frozenset(name for name in selected if _LOADS in SIGNS.get(name, ()))
    return frozenset()


def held(data: bytes) -> frozenset[bytes]:
    """All the signs in a file."""
    text = data.lower()
    return frozenset(sign for sign in _all_signs() if _compiled(sign).search(text))


def suffice(found: Collection[bytes], selected: Collection[str]) -> bool:
    """Whether these are all the signs of one of the `selected` rules."""
    return any(all(sign in found for sign in needed) for needed in _signs(frozenset(selected)))


@cache
def _all_signs() -> frozenset[bytes]:
    return frozenset(sign for needed in SIGNS.values() for sign in needed)


@lru_cache(maxsize=4)
def _signs(selected: frozenset[str]) -> frozenset[tuple[bytes, ...]]:
    return frozenset(signs for name, signs in SIGNS.items() if name in selected)


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)
