"""`[tool.freezelint]` in `pyproject.toml`, or `freezelint.toml`: the nearest file decides, nothing is merged.

`KEYS` is the table of what may stand there; the JSON schema, the documentation and `freezelint config` are made from
it. Patterns are relative to the folder of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from freezelint import catalogue, toml
from freezelint.finding import Confidence, Severity
from freezelint.keras.version import resolve
from freezelint.settings import BN_POLICIES, PerFileIgnore, Settings, SettingsError, did_you_mean, named, nearest
from freezelint.source.files import Patterns, display

PYPROJECT, OWN = "pyproject.toml", "freezelint.toml"
TABLE = "tool.freezelint"
MAX_BYTES = 8_000_000
BACKENDS = ("tensorflow", "jax", "torch")
FAIL_ON = ("warning", "error")


class ConfigError(SettingsError):
    """A configuration that says something that means nothing; the text names file, key and what to write."""


class _File(NamedTuple):
    """The file that is being read: where it lies, how messages name it, its text."""

    path: Path
    shown: str
    text: str

    @property
    def folder(self) -> Path:
        return self.path.parent

    def line_of(self, word: str) -> int:
        """The first line that holds a word; 1 if none does."""
        at = self.text.find(word)
        return self.text.count("\n", 0, at) + 1 if at >= 0 else 1


class Key(NamedTuple):
    """One key: its name, what it means, its default in words, the JSON schema of its value, and how that is read.

    `read` raises `ValueError` with the end of a sentence that begins with the key ("is …, not …").
    """

    name: str
    words: str
    default: str
    schema: Mapping[str, Any]
    read: Callable[[Any, _File], Any]

    @property
    def setting(self) -> str:
        """The field of `Settings` that the key sets (`baseline` has none)."""
        return {"exclude": "configured_exclude", "rules": "options"}.get(self.name, self.name.replace("-", "_"))


# Values: what a schema says of them, and how they are read


def _one_of(words: Sequence[str], convert: Callable[[str], Any] = str) -> dict[str, Any]:
    def read(value: Any, file: _File) -> Any:
        if value not in words:
            raise ValueError(f"is one of {', '.join(map(repr, words))}, not {value!r}{did_you_mean(value, words)}")
        return convert(value)

    return {"schema": {"enum": list(words)}, "read": read}


def _read_keras(value: Any, file: _File) -> str:
    if not isinstance(value, str):
        raise ValueError(f'is a text such as "2", "3", "3.14", "any" or "auto", not {value!r}')
    resolve(option=value)
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"is a list of texts, not {value!r}")
    return tuple(value)


def _read_rules(value: Any, file: _File) -> tuple[str, ...]:
    rules = _texts(value)
    named(rules)
    return rules


def _read_patterns(value: Any, file: _File) -> Patterns:
    patterns = Patterns(_texts(value), file.folder)
    patterns.validate()
    return patterns


def _read_per_file(value: Any, file: _File) -> tuple[PerFileIgnore, ...]:
    if not isinstance(value, dict):
        raise ValueError(f'is a table of patterns and rules such as {{"tests/" = ["FZ3"]}}, not {value!r}')
    return tuple(
        PerFileIgnore(
            _read_patterns([pattern], file), _read_rules(rules, file), file.shown, file.line_of(_quoted(pattern))
        )
        for pattern, rules in value.items()
    )


def _quoted(pattern: str) -> str:
    return f'"{pattern}"'


def _read_options(value: Any, file: _File) -> dict[str, dict[str, float]]:
    if not isinstance(value, dict):
        raise ValueError(f"is a table of rules, not {value!r}")
    return {_rule(word).name: _options(_rule(word), options) for word, options in value.items()}


def _rule(word: str) -> catalogue.Rule:
    rule = catalogue.find(word)
    if rule is None:
        raise ValueError(f"names {word!r}, and there is no such rule{nearest(word)}")
    return rule


def _options(rule: catalogue.Rule, given: Any) -> dict[str, float]:
    known = {option.name: option for option in rule.options}
    if not known:
        configurable = ", ".join(other.name for other in catalogue.rules().values() if other.options)
        raise ValueError(f"sets {rule.name}, which has no options; those that have are {configurable}")
    if not isinstance(given, dict):
        raise ValueError(f"sets {rule.name} to {given!r}; it is a table of {', '.join(known)}")
    for name, number in given.items():
        if name not in known:
            raise ValueError(
                f"sets {rule.name}.{name}, and there is no such option; there is {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < float("inf"):
            raise ValueError(f"sets {rule.name}.{name} to {number!r}; it is a number above 0")
    return {name: float(number) for name, number in given.items()}


def _read_text(value: Any, file: _File) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is the path of a file, not {value!r}")
    return value


def _read_flag(value: Any, file: _File) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {value!r}")
    return value


_SELECTOR = {
    "type": "string",
    "pattern": "^([Aa][Ll][Ll]|[Ff][Zz][0-9]{0,3}|[a-z][a-z0-9]*(-[a-z0-9]+)+)$",
    "description": "A rule's name or code, the beginning of a code (FZ2), or all.",
}
_SELECTORS = {"type": "array", "items": _SELECTOR}
_PATTERNS = {"type": "array", "items": {"type": "string"}}
_NUMBER = {"type": "number", "exclusiveMinimum": 0}
_OPTIONS = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _NUMBER}}
_KERAS = {"type": "string", "pattern": r"^\s*([Aa]uto|[Aa]ny|[23](\.[0-9]{1,3}.*)?)\s*$"}

KEYS: tuple[Key, ...] = (
    Key(
        "keras",
        "Which Keras to check for: a generation (`2`, `3`), a version (`3.14`), `any` (Keras 2 and 3), or `auto`: what "
        "the code, the model or the pins of the project say.",
        '"auto"',
        _KERAS,
        _read_keras,
    ),
    Key(
        "backend",
        "The backend of Keras 3.",
        "what the source sets, otherwise TensorFlow",
        **_one_of(BACKENDS),
    ),
    Key(
        "select",
        "Only these rules: names, codes, beginnings of codes, or `all`.",
        "the rules that are on by default",
        _SELECTORS,
        _read_rules,
    ),
    Key("extend-select", "These rules too.", "[]", _SELECTORS, _read_rules),
    Key("ignore", "Not these rules.", "[]", _SELECTORS, _read_rules),
    Key(
        "per-file-ignores",
        "Not these rules in the files that match a pattern in the form of a line of `.gitignore`.",
        "{}",
        {"type": "object", "additionalProperties": _SELECTORS},
        _read_per_file,
    ),
    Key(
        "exclude",
        "Leave out what matches, in the form of lines of `.gitignore`; what is named explicitly is checked all the "
        "same unless `force-exclude` is set.",
        "[]",
        _PATTERNS,
        _read_patterns,
    ),
    Key(
        "force-exclude",
        "Leave it out even if it is named explicitly, as pre-commit does.",
        "false",
        {"type": "boolean"},
        _read_flag,
    ),
    Key(
        "min-confidence",
        "Tell only what is at least this sure.",
        '"likely"',
        **_one_of([item.value for item in Confidence], Confidence),
    ),
    Key("fail-on", "The lowest severity that makes the exit code 1.", '"warning"', **_one_of(FAIL_ON, Severity)),
    Key(
        "bn-policy",
        "`protect`: pretrained BatchNorm statistics are to be kept. `adapt`: BatchNorm is meant to follow the new "
        "data; silences `unfrozen-batchnorm`, `batchnorm-live-under-frozen-parent`, `freeze-misses-nested-batchnorm`.",
        '"protect"',
        **_one_of(BN_POLICIES),
    ),
    Key(
        "baseline",
        "The file of known findings, which are not told; `--write-baseline` makes it.",
        "none",
        {"type": "string", "minLength": 1},
        _read_text,
    ),
    Key("rules", "Thresholds of single rules.", "{}", _OPTIONS, _read_options),
)
"""Everything that may stand in a configuration."""

OF_THE_RUN = frozenset({"baseline"})
"""Keys that are not about a file but about the run."""


# Files


class Configuration(NamedTuple):
    """What a file says, by key; `path` is None, and nothing said, if there is no such file.

    `values` are what was made of the values in the file, `raw`. `looked_at` are the files on the way to it, nearest
    first, and what came of each, in words.
    """

    path: Path | None = None
    values: Mapping[str, Any] = {}
    raw: Mapping[str, Any] = {}
    looked_at: tuple[tuple[Path, str], ...] = ()

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return display(self.path) if self.path is not None else "none"

    @property
    def baseline(self) -> Path | None:
        """Where the baseline lies."""
        name = self.values.get("baseline")
        return self.path.parent / name if name is not None and self.path is not None else None

    def settings(self, given: Mapping[str, Any] | None = None) -> Settings:
        """The settings that this comes to; `given` are fields of `Settings` that are said elsewhere, and win.

        Rules selected elsewhere replace what is selected and ignored here; rules ignored elsewhere are added.
        """
        given = given or {}
        said = {key.setting: self.values[key.name] for key in KEYS if key.name in self.values}
        said = {name: value for name, value in said.items() if name not in OF_THE_RUN}
        if "select" in given:
            said = {name: value for name, value in said.items() if name not in ("extend_select", "ignore")}
        ignored = (*said.get("ignore", ()), *given.get("ignore", ()))
        return Settings(**{**said, **given, "ignore": ignored})


def find(folder: Path) -> Configuration:
    """The configuration that holds in a folder: the nearest, looked for from there up.

    Raises `ConfigError` for one that says something that means nothing.
    """
    looked_at: list[tuple[Path, str]] = []
    for parent in (folder, *folder.parents):
        for name in (OWN, PYPROJECT):
            path = parent / name
            if not path.is_file():
                continue
            text = _text(path)
            if name == PYPROJECT and (table := _table(path, text)) is None:
                looked_at.append((path, f"has no [{TABLE}]"))
                continue
            looked_at.append((path, f"has [{TABLE}]" if name == PYPROJECT else "found"))
            data = (table or {}) if name == PYPROJECT else _toml(path, text)
            return Configuration(path, _values(path, text, data), data, tuple(looked_at))
    return Configuration(looked_at=tuple(looked_at))


def read(path: Path) -> Configuration:
    """The configuration in one file: `pyproject.toml`, or any other name for a file like `freezelint.toml`.

    Raises `ConfigError` if it cannot be read, or says something that means nothing.
    """
    text = _text(path)
    table = _table(path, text) if path.name == PYPROJECT else _toml(path, text)
    if table is None:
        raise ConfigError(f"{display(path)} has no table [{TABLE}]")
    return Configuration(path.absolute(), _values(path, text, table), table, ((path, "named"),))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{display(path)} is larger than {MAX_BYTES // 1_000_000} MB")
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {display(path)}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {display(path)}: it is not UTF-8") from error


def _table(path: Path, text: str) -> Mapping[str, Any] | None:
    """`[tool.freezelint]` of a `pyproject.toml`; None if there is none. A broken file that does not speak of
    freezelint is not ours to judge.
    """
    if "freezelint" not in text:
        return None
    tool = _toml(path, text).get("tool")
    table: Any = tool.get("freezelint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{display(path)}: tool.freezelint is a table, not {table!r}")
    return None if table is None else dict(table)


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return toml.loads(text)
    except (toml.DecodeError, RecursionError) as error:
        raise ConfigError(f"{display(path)}: {error}") from error


def _values(path: Path, text: str, table: Mapping[str, Any]) -> dict[str, Any]:
    keys = {key.name: key for key in KEYS}
    file = _File(path.absolute(), display(path), text)
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in keys:
            hint = did_you_mean(name, keys) or f"; the keys are {', '.join(keys)}"
            raise ConfigError(f"{file.shown}: there is no key {name!r} in the configuration of freezelint{hint}")
        try:
            values[name] = keys[name].read(value, file)
        except ValueError as error:
            said = str(error) if not isinstance(error, SettingsError) else f"is wrong: {error}"
            raise ConfigError(f"{file.shown}: {name} {said}") from error
    return values


class Configurations:
    """The settings of every file: what its nearest configuration says, under what is `given` for the whole run.

    With `only`, that configuration holds for all files.
    """

    def __init__(self, given: Mapping[str, Any] | None = None, only: Configuration | None = None) -> None:
        self.given = dict(given or {})
        self.only = only
        self._found: dict[Path, Configuration] = {}
        self._settings: dict[Path | None, Settings] = {}

    def __call__(self, path: Path | None) -> Settings:
        """The settings for a file; for text that is no file, those of the working directory.

        Raises `SettingsError` for a configuration that means nothing.
        """
        configuration = self.find(path.absolute().parent if path is not None else Path.cwd())
        if configuration.path not in self._settings:
            settings = configuration.settings(self.given)
            settings.validate()
            self._settings[configuration.path] = settings
        return self._settings[configuration.path]

    def find(self, folder: Path) -> Configuration:
        """The configuration that holds in a folder."""
        if self.only is not None:
            return self.only
        if folder not in self._found:
            self._found[folder] = self._look(folder)
        return self._found[folder]

    def _look(self, folder: Path) -> Configuration:
        for name in (OWN, PYPROJECT):
            if (folder / name).is_file():
                return find(folder)
        return self.find(folder.parent) if folder.parent != folder else Configuration()


def common_folder(paths: Sequence[Path]) -> Path:
    """The innermost folder that holds all of the paths: its configuration speaks for the run as a whole."""
    folders = [path.absolute() if path.is_dir() else path.absolute().parent for path in paths]
    if not folders:
        return Path.cwd()
    first, *others = folders
    return next(
        (folder for folder in (first, *first.parents) if all(folder in (other, *other.parents) for other in others)),
        Path.cwd(),
    )


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration. It does not list the rules, so that it does not age with them."""
    properties = {key.name: {"description": f"{key.words} Default: {key.default}.", **key.schema} for key in KEYS}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://freezelint.readthedocs.io/freezelint.schema.json",
        "title": "freezelint",
        "description": f"[{TABLE}] in pyproject.toml, or freezelint.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def documentation() -> Iterator[str]:
    """The keys as lines of Markdown: a table, then the options of the rules."""
    yield "| Key | Default | |"
    yield "|---|---|---|"
    for key in KEYS:
        yield f"| `{key.name}` | {key.default} | {key.words} |"
    yield ""
    yield "| Rule | Option | Default | |"
    yield "|---|---|---|---|"
    for rule in catalogue.rules().values():
        for option in rule.options:
            yield f"| {rule.code} `{rule.name}` | `{option.name}` | {option.default:g} | {option.words} |"
