"""Which Keras does a project or an artifact use: versions, the evidence for one, and the choice between them.

What a source file says is read in `signs.py`, what the files of its project pin in `pins.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_VERSION = re.compile(r"^([23])(?:\.(\d{1,3})(?:\.\d{1,3})?(?:[-.+]?[a-z][\w.+-]*)?)?$")


class KerasVersion(NamedTuple):
    """A version of Keras; `minor` is None when only the generation is known (then the newest release is meant)."""

    major: int
    minor: int | None = None

    @property
    def generation(self) -> str:
        """Which of `keras2`, `keras3` (3.0 to 3.15, and 3 without a minor) and `keras3_16` it is."""
        if self.major < 3:
            return "keras2"
        return "keras3_16" if self.minor is not None and self.minor >= 16 else "keras3"

    @classmethod
    def parse(cls, text: str) -> KerasVersion:
        """The version written as `2`, `3`, `3.14`, `2.15.0` or `3.16.0.dev2026`.

        Raises `ValueError`, which says what is accepted, for anything else.
        """
        match = _VERSION.match(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no version of Keras: write 2, 3 or a release such as 2.15 or 3.14")
        return cls(int(match[1]), None if match[2] is None else int(match[2]))

    def __str__(self) -> str:
        return str(self.major) if self.minor is None else f"{self.major}.{self.minor}"


BOTH = (KerasVersion(2), KerasVersion(3))
"""What is analysed for when nothing says which Keras it is."""


class Evidence(NamedTuple):
    """Something that says which Keras it is: a version, in words where it says so, and the place."""

    version: KerasVersion
    source: str
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.path and self.line else self.path
        return f"{place}: {self.source}" if place else self.source


class Choice(NamedTuple):
    """The versions to analyse for, and in words why; one version if it is known, Keras 2 and 3 if it is not."""

    versions: tuple[KerasVersion, ...]
    source: str

    @property
    def is_known(self) -> bool:
        """Whether one version was chosen."""
        return len(self.versions) == 1

    def allows(self, version: KerasVersion) -> bool:
        """Whether the program may be for this version, as far as its major number goes."""
        return any(version.major == one.major for one in self.versions)


def from_artifact(keras_version: str | None, path: str | None = None) -> tuple[Evidence, ...]:
    """What the `keras_version` that a saved model carries says; nothing for None and for what is no version.

    >>> from_artifact("2.4.0-tf")[0].version
    KerasVersion(major=2, minor=4)
    """
    if keras_version is None:
        return ()
    try:
        version = KerasVersion(2) if re.match(r"^[01]\.", keras_version) else KerasVersion.parse(keras_version)
    except ValueError:
        return ()
    return (Evidence(version, f"written by Keras {keras_version}", path),)


def resolve(
    *,
    option: str | None = None,
    configuration: str | None = None,
    artifact: Sequence[Evidence] = (),
    source: Sequence[Evidence] = (),
    project: Sequence[Evidence] = (),
    imported: Sequence[Evidence] = (),
) -> Choice:
    """The Keras to analyse for: the first of these that says something.

    `option` is the value of `--keras`, `configuration` that of `[tool.freezelint] keras`: a version, `any` (Keras 2
    and 3), or `auto` or None (nothing said). `artifact`, `source`, `project` and `imported` (what the files say that
    a program imports) are evidence; if the pieces of one of them contradict each other, the version is unknown, and
    what comes after it is not asked. Raises `ValueError` for an `option` or `configuration` that is none of these.
    """
    for value, words in ((option, "--keras"), (configuration, "configuration")):
        if value is not None and value.strip().lower() != "auto":
            return _asked_for(value.strip().lower(), words)
    for evidence in (artifact, source, project, imported):
        if evidence:
            return _agreed(evidence)
    return Choice(BOTH, "unknown: nothing says which Keras this is for")


def _asked_for(value: str, words: str) -> Choice:
    if value == "any":
        return Choice(BOTH, f"{words}: any")
    return Choice((KerasVersion.parse(value),), f"{words}: {value}")


def _agreed(evidence: Sequence[Evidence]) -> Choice:
    """The version that all of the evidence allows, or both if there is none."""
    first, *others = evidence
    version = first.version
    for other in others:
        common = _common(version, other.version)
        if common is None:
            return Choice(BOTH, f"unknown: {first}, but {other}")
        version = common
    best = next((piece for piece in evidence if piece.version == version), first)
    return Choice((version,), str(best))


def _common(one: KerasVersion, other: KerasVersion) -> KerasVersion | None:
    """The more precise of two versions; where their minors differ, the older Keras 2, or Keras 3 without a minor."""
    if one.major != other.major:
        return None
    if one.minor is None or other.minor is None or one.minor == other.minor:
        return one if one.minor is not None else other
    if one.generation == "keras2":
        return min(one, other)
    return KerasVersion(one.major) if one.generation == other.generation != "keras3_16" else None
