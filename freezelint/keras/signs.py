"""What the text of a source file says about its Keras: imports, switches and APIs of one generation.

Text level on purpose: it must be cheap, and it must work on files that no parser takes. Comments and strings are
blanked first (the switches in `os.environ` are looked for with the strings still there).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from freezelint.keras.version import Evidence, KerasVersion

_TEXT = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<long>(?P<quotes>\"{3}|'{3})(?:[^\\]|\\.)*?(?:(?P=quotes)|\\?\Z))"""
    r"""|(?P<short>"(?:[^"\\\n]|\\.)*(?:"|$|\\\Z)|'(?:[^'\\\n]|\\.)*(?:'|$|\\\Z))""",
    re.DOTALL | re.MULTILINE,
)
_INSTALL = re.compile(r"^[ \t]*[!%]((?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
_FROM_KERAS = re.compile(
    r"^[ \t]*from[ \t]+(?:tensorflow\.|tf\.)?keras[ \t]+import[ \t]+(\([^)]{0,2000}\)|[^\n]*)$", re.MULTILINE
)

_KERAS2, _KERAS3 = KerasVersion(2), KerasVersion(3)
_UP_TO_2_3, _UP_TO_2_8 = KerasVersion(2, 3), KerasVersion(2, 8)
"""The newest release that has what the sign is about."""

_NEW_SECTIONS = "ops|random|distribution|quantizers|dtype_policies|tree|Variable|RematScope"
_NEW_BACKENDS = frozenset({"jax", "torch", "numpy", "openvino"})
_OPTIMIZERS = "Adadelta|Adagrad|Adam|Adamax|Ftrl|Nadam|RMSprop|SGD"
_OLD_MODULES = r"engine|legacy\.layers|utils\.np_utils|backend\.tensorflow_backend|wrappers\.scikit_learn"
_OLD_LAYER_MODULES = "convolutional|core|experimental|normalization|pooling"
_OLDER_LAYER_MODULES = "advanced_activations|convolutional_recurrent|embeddings|local|merge|noise|recurrent|wrappers"
"""Those that Keras 2.9 moved."""
_KERAS_1_ARGUMENTS = "border_mode|nb_epoch|nb_val_samples|samples_per_epoch"

_SIGNS = tuple(
    (version, re.compile(pattern, re.MULTILINE), words)
    for version, pattern, words in (
        (_KERAS2, r"^[ \t]*(?:import|from)[ \t]+tf_keras\b", "imports tf_keras"),
        (
            _KERAS2,
            r"^[ \t]*(?:import|from)[ \t]+tensorflow\.(?:python|contrib)\.keras\b",
            "imports a Keras of TensorFlow 1",
        ),
        (_KERAS2, rf"\bkeras\.(?:{_OLD_MODULES})\b", "uses a module that Keras 3 does not have"),
        (_KERAS2, rf"\bkeras\.layers\.(?:{_OLD_LAYER_MODULES})\b", "uses a module that Keras 3 does not have"),
        (_UP_TO_2_8, rf"\bkeras\.layers\.(?:{_OLDER_LAYER_MODULES})\b", "uses a module that Keras has up to 2.8"),
        (_UP_TO_2_3, r"^[ \t]*(?:import|from)[ \t]+keras_contrib\b", "imports a library for Keras up to 2.3"),
        (_UP_TO_2_3, rf"[(,][ \t\n]*(?:{_KERAS_1_ARGUMENTS})[ \t]*=(?!=)", "uses an argument of Keras 1"),
        (_KERAS2, r"\bkeras\.optimizers\.(?:legacy|[a-z]+_v2)\b", "uses an optimizer of Keras 2"),
        (_KERAS2, r"\.(?:fit|evaluate|predict)_generator[ \t]*\(", "calls a method that Keras 3 does not have"),
        (_KERAS2, r"\b(?:K|backend)\.(?:set_)?learning_phase(?:_scope)?[ \t]*\(", "uses the learning phase"),
        (_KERAS2, r"\b(?:tf|tensorflow)\.(?:Session|placeholder|contrib)\b", "uses TensorFlow 1"),
        (_KERAS3, rf"\bkeras\.(?:{_NEW_SECTIONS})\b", "uses an API that Keras 2 does not have"),
        (_KERAS3, r"^[ \t]*(?:import|from)[ \t]+keras_(?:core|hub)\b", "imports a library for Keras 3"),
        (_KERAS3, r"\.enable_lora[ \t]*\(", "calls enable_lora"),
    )
)
_OLD_LEARNING_RATE = re.compile(rf"(?<![\w.])(?:[\w.]*\boptimizers\.)?(?:{_OPTIMIZERS})\((?:[^()]*,)?\s*lr\s*=")
_OTHER_FRAMEWORKS = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:torch|optax|flax|paddle|mxnet)\b", re.MULTILINE)
_KERAS_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:tensorflow|keras|tf_keras)\b", re.MULTILINE)
_LEGACY_SWITCH = re.compile(r"""TF_USE_LEGACY_KERAS["']\s*(?:\]\s*=|,)\s*["']?(\w+)""")
_BACKEND_SWITCH = re.compile(r"""KERAS_BACKEND["']\s*(?:\]\s*=|,)\s*["'](\w+)["']|\bset_backend\(\s*["'](\w+)["']""")


def from_source(text: str, path: str | None = None) -> tuple[Evidence, ...]:
    """What the source `text` of a file (or of a notebook cell) says about its Keras.

    One piece of evidence per sign, at its first line; lines count from 1. Lines that install packages in a notebook
    (`!pip install tensorflow==2.15`) are read like requirements. Nothing is said by `import keras` alone.
    """
    return tuple(sorted(set(_evidence(text, path)), key=lambda piece: (piece.line or 0, piece.source)))


def backend_in_source(text: str) -> str | None:
    """The backend (`tensorflow`, `jax`, `torch`, …) that the source sets with `KERAS_BACKEND` or `set_backend`."""
    match = _BACKEND_SWITCH.search(_blank(text, strings=False))
    return (match[1] or match[2]) if match else None


def _evidence(text: str, path: str | None) -> Iterator[Evidence]:
    yield from _installed(text, path)
    switches = _blank(text, strings=False)
    for match in _LEGACY_SWITCH.finditer(switches):
        if match[1].lower() in {"1", "true"}:
            yield Evidence(_KERAS2, "sets TF_USE_LEGACY_KERAS", path, _line(switches, match.start()))
            break
    backend = _BACKEND_SWITCH.search(switches)
    if backend and backend[1] in _NEW_BACKENDS:
        yield Evidence(_KERAS3, f"sets KERAS_BACKEND to {backend[1]}", path, _line(switches, backend.start()))
    code = _blank(text, strings=True)
    for version, pattern, words in _SIGNS:
        found = pattern.search(code)
        if found:
            yield Evidence(version, f"{words} ({_shown(found[0])})", path, _line(code, found.start()))
    yield from _imported_names(code, path)
    if _KERAS_IMPORT.search(code) and not _OTHER_FRAMEWORKS.search(code):
        found = _OLD_LEARNING_RATE.search(code)
        if found:
            yield Evidence(_KERAS2, "gives an optimizer its learning rate as lr=", path, _line(code, found.start()))


def _imported_names(code: str, path: str | None) -> Iterator[Evidence]:
    """`from keras import ops` and its like."""
    for match in _FROM_KERAS.finditer(code):
        for item in match[1].strip("() \t").replace("\n", " ").split(","):
            name = item.split(" as ")[0].strip()
            if re.fullmatch(_NEW_SECTIONS, name):
                words = f"uses an API that Keras 2 does not have (keras.{name})"
                yield Evidence(_KERAS3, words, path, _line(code, match.start()))


def _installed(text: str, path: str | None) -> Iterator[Evidence]:
    """What the shell lines of a notebook install."""
    if "install" not in text or not ("!" in text or "%" in text):
        return
    from freezelint.keras.pins import from_install_command

    for match in _INSTALL.finditer(text):
        yield from from_install_command(match[1], path, _line(text, match.start(1)))


def _blank(text: str, *, strings: bool) -> str:
    """The text without comments and triple-quoted strings (and without all strings), with the same line breaks."""

    def blank(match: re.Match[str]) -> str:
        if match["short"] is not None and not strings:
            return match[0]
        return "\n" * match[0].count("\n")

    return _TEXT.sub(blank, text)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _shown(code: str) -> str:
    return code.strip().strip(".(").strip()
