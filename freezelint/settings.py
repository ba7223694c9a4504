"""How to check: which rules, for which Keras, how sure, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from freezelint import catalogue
from freezelint.finding import Confidence, Severity
from freezelint.keras.version import resolve
from freezelint.source.files import Patterns

UNREADABLE, UNUSED = "unreadable-input", "unused-ignore"
"""The rules about the run itself."""

ADAPTING = frozenset({"unfrozen-batchnorm", "batchnorm-live-under-frozen-parent", "freeze-misses-nested-batchnorm"})
"""What `bn_policy = "adapt"` silences: rules about BatchNorm that follows new data, which is then meant."""
BN_POLICIES = ("protect", "adapt")


class SettingsError(ValueError):
    """A setting that means nothing: an unknown rule, version or pattern. The text says which, and what is near."""


class Settings(NamedTuple):
    """How to check.

    `keras` is `auto`, `any`, a generation (`2`, `3`) or a version (`3.14`); `backend` the backend of Keras 3 (None:
    what the source sets, otherwise TensorFlow).
    `select`, `extend_select` and `ignore` are names, codes or beginnings of codes; nothing selected means the rules
    that are on by default. `pedantic` shows what is only possible, and what a more specific rule would silence.
    `exclude` are patterns in the form of `.gitignore`, relative to the working directory, which with `force_exclude`
    hold for what is named explicitly too.

    What a configuration adds: `configured_exclude` are such patterns relative to the folder of its file, and
    `per_file_ignores` rules with the patterns of the files in which they are ignored. `bn_policy` is `protect`, or
    `adapt` where BatchNorm is meant to follow the new data. `options` are thresholds of single rules, by name.
    `no_ignores` tells also what comments and `per_file_ignores` silence.
    """

    keras: str = "auto"
    backend: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_confidence: Confidence = Confidence.LIKELY
    pedantic: bool = False
    fail_on: Severity = Severity.WARNING
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    extend_select: tuple[str, ...] = ()
    configured_exclude: Patterns = Patterns()
    per_file_ignores: tuple[PerFileIgnore, ...] = ()
    bn_policy: str = "protect"
    options: Mapping[str, Mapping[str, float]] = {}
    no_ignores: bool = False

    @property
    def threshold(self) -> Confidence:
        """The lowest confidence that is shown."""
        return Confidence.POSSIBLE if self.pedantic else self.min_confidence

    def rules(self) -> frozenset[str]:
        """The names of the rules to run. Raises `SettingsError` for a selector that names none.

        What could not be read is always told, unless it is ignored by name.
        """
        return _chosen(self.select, self.extend_select, self.ignore)

    def muted(self) -> frozenset[str]:
        """The rules that run, and silence others, but are not told: their mistakes are meant."""
        if self.bn_policy != "adapt":
            return frozenset()
        by_name = {rule.name for word in self.select if (rule := catalogue.find(word)) is not None}
        return ADAPTING - by_name

    def validate(self) -> None:
        """Raises `SettingsError` for a setting that means nothing."""
        self.rules()
        try:
            resolve(option=self.keras)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        if self.bn_policy not in BN_POLICIES:
            raise SettingsError(f"bn-policy is one of {', '.join(BN_POLICIES)}, not {self.bn_policy!r}")
        for patterns in (Patterns(self.exclude), self.configured_exclude):
            try:
                patterns.validate()
            except ValueError as error:
                raise SettingsError(f"exclude: {error}") from error
        for item in self.per_file_ignores:
            named(item.rules)


class PerFileIgnore(NamedTuple):
    """Rules that are ignored in the files that match a pattern; `source` and `line` say where that is written."""

    patterns: Patterns
    rules: tuple[str, ...]
    source: str
    line: int

    def covers(self, path: Path, rule: str) -> bool:
        """Whether findings of `rule` in the file at `path` are ignored."""
        return rule in named(self.rules) and self.patterns.match(path)


@lru_cache(maxsize=64)
def _chosen(select: tuple[str, ...], extend_select: tuple[str, ...], ignore: tuple[str, ...]) -> frozenset[str]:
    chosen = named(select) if select else {rule.name for rule in catalogue.rules().values() if rule.default}
    return frozenset((chosen | named(extend_select) | {UNREADABLE}) - named(ignore))


SettingsOf = Callable[[Path | None], Settings]
"""Gives the settings for a file: what its nearest configuration says. None is text that is no file."""


def named(words: tuple[str, ...]) -> set[str]:
    """The names of the rules that selectors mean; raises `SettingsError` for one that means none."""
    return {name for word in words for name in _named(word)}


def _named(word: str) -> list[str]:
    found = [rule.name for rule in catalogue.matching(word)]
    if not found:
        raise SettingsError(f"there is no rule {word!r}{nearest(word)}")
    return found


def nearest(word: str) -> str:
    """A suggestion of the rule that `word` may mean, as the end of a message; empty if nothing is near."""
    known = [name for rule in catalogue.rules().values() for name in (rule.name, rule.code.lower())]
    close = _close(word.strip().lower(), known)
    rule = catalogue.find(close[0]) if close else None
    return f"; did you mean {rule.code} {rule.name}?" if rule else ""


def did_you_mean(word: Any, known: Any) -> str:
    """A suggestion of the known word that `word` may be a slip of, as the end of a message; empty if none is near."""
    close = _close(str(word), [str(item) for item in known])
    return f"; did you mean {close[0]!r}?" if close else ""


def _close(word: str, known: list[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word, known, n=1, cutoff=0.5)
