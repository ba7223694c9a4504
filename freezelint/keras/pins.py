"""What the files of a project pin: which Keras its requirements, lock files, environments and images ask for.

A pin speaks only if every release it allows is of one generation: `tensorflow==2.15.*` and `tensorflow<2.16` mean
Keras 2, `tensorflow>=2.16` means Keras 3, `tensorflow>=2.4` means nothing. Files are read as text or data; nothing in
them is run, and what cannot be read says nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freezelint import toml
from freezelint.keras.version import Evidence, KerasVersion

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_LARGEST = 8_000_000
"""Files with more bytes are left alone."""

_TENSORFLOW = frozenset({
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-intel",
    "tensorflow-macos",
    "tensorflow-rocm",
    "tf-nightly",
})
_KERAS = frozenset({"keras", "keras-nightly"})
_ONLY_KERAS3 = frozenset({"keras-core", "keras-hub"})
_ONLY_KERAS2 = frozenset({"tf-keras", "tf-keras-nightly"})
_MENTION = re.compile(r"tensorflow|keras|tf-nightly", re.IGNORECASE)

_TENSORFLOW_RELEASES = [f"1.{minor}.{patch}" for minor in range(16) for patch in range(2)] + [
    f"2.{minor}.{patch}" for minor in range(40) for patch in range(5)
]
_KERAS_RELEASES = [f"2.{minor}.{patch}" for minor in range(16) for patch in range(9)] + [
    f"3.{minor}.{patch}" for minor in range(40) for patch in range(5)
]
_FIRST_WITH_KERAS3 = (2, 16)


def from_project(path: Path) -> tuple[Evidence, ...]:
    """What the project of the source file at `path` pins: evidence from the nearest folder that says something.

    Looked at are the file's folder and those above it, up to the nearest with a `pyproject.toml` or `.git`; if there
    is none, the file's own folder only. The answer is remembered per folder.
    """
    return _of_folder(path.resolve().parent)


@lru_cache(maxsize=4096)
def _of_folder(folder: Path) -> tuple[Evidence, ...]:
    here = from_folder(folder)
    if here or is_root(folder) or not any(is_root(parent) for parent in folder.parents):
        return here
    return _of_folder(folder.parent)


@lru_cache(maxsize=4096)
def is_root(folder: Path) -> bool:
    """Whether a folder is the root of a project: it has a `pyproject.toml` or `.git`."""
    return (folder / "pyproject.toml").is_file() or (folder / ".git").exists()


def from_folder(folder: Path) -> tuple[Evidence, ...]:
    """What the project files directly in `folder` (and the ones in `folder/requirements`) pin."""
    found = list(chain.from_iterable(_read(path, reader) for path, reader in _project_files(folder)))
    return tuple(dict.fromkeys(found))


def _project_files(folder: Path) -> Iterator[tuple[Path, Callable[[str, str], Iterator[Evidence]]]]:
    for pattern, reader in _READERS:
        try:
            paths = sorted(path for path in folder.glob(pattern) if path.is_file())
        except OSError:
            continue
        for path in paths:
            yield path, reader


def _read(path: Path, reader: Callable[[str, str], Iterator[Evidence]]) -> list[Evidence]:
    try:
        if path.stat().st_size > _LARGEST:
            return []
        text = path.read_text("utf-8", "replace")
        return list(reader(text, path.name)) if _MENTION.search(text) else []
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return []


def from_requirement(requirement: str, path: str | None = None, line: int | None = None) -> tuple[Evidence, ...]:
    """What one requirement (`tensorflow~=2.15.0`, `keras==3.4.1`) says; nothing if it allows both generations."""
    version = _version_required(requirement.strip())
    return (Evidence(version, f"asks for {requirement.strip()}", path, line),) if version else ()


def from_install_command(command: str, path: str | None = None, line: int | None = None) -> tuple[Evidence, ...]:
    """What a shell command line says that installs packages (`pip install -q tensorflow==2.15`)."""
    found: list[Evidence] = []
    for part in re.split(r"&&|\|\||[;|\n]", command.replace("\\\n", " ")):
        if not re.search(r"\b(?:pip3?|conda|mamba|uv|poetry)\b.*\b(?:install|add)\b", part):
            continue
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = [word.strip("'\"") for word in part.split()]
        for word in words:
            if _MENTION.search(word):
                found += from_requirement(_conda(word), path, line)
    return tuple(found)


@lru_cache(maxsize=1024)
def _version_required(requirement: str) -> KerasVersion | None:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    if not _MENTION.search(requirement):
        return None
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return None
    name = canonicalize_name(parsed.name)
    if name in _ONLY_KERAS2:
        return KerasVersion(2)
    if name in _ONLY_KERAS3:
        return KerasVersion(3)
    if not parsed.specifier:
        return None
    if name in _TENSORFLOW:
        return _keras_of_tensorflow(parsed.specifier)
    return _keras(parsed.specifier) if name in _KERAS else None


def _keras_of_tensorflow(specifier: SpecifierSet) -> KerasVersion | None:
    """The Keras that comes with every TensorFlow the specifier allows."""
    allowed = _allowed(specifier, _TENSORFLOW_RELEASES)
    if not allowed:
        return None
    if min(allowed) >= _FIRST_WITH_KERAS3:
        return KerasVersion(3)
    if max(allowed) >= _FIRST_WITH_KERAS3:
        return None
    return KerasVersion(2, allowed.pop()[1]) if len(allowed) == 1 and min(allowed) >= (2, 6) else KerasVersion(2)


def _keras(specifier: SpecifierSet) -> KerasVersion | None:
    allowed = _allowed(specifier, _KERAS_RELEASES)
    majors = {major for major, _ in allowed}
    if len(majors) != 1:
        return None
    versions = {KerasVersion(major, minor) for major, minor in allowed}
    if len(versions) == 1:
        return versions.pop()
    return KerasVersion(3, 16) if min(versions).generation == "keras3_16" else KerasVersion(majors.pop())


def _allowed(specifier: SpecifierSet, releases: Iterable[str]) -> set[tuple[int, int]]:
    """The (major, minor) pairs with a release that the specifier allows, those that it names itself included."""
    from packaging.version import InvalidVersion, Version

    candidates = {release: Version(release) for release in releases}
    for part in specifier:
        try:
            candidates[part.version] = Version(part.version.removesuffix(".*"))
        except InvalidVersion:
            continue
    return {
        (version.major, version.minor)
        for version in candidates.values()
        if specifier.contains(version, prereleases=True)
    }


# One reader per kind of file: text and file name in, evidence out.


def _requirements(text: str, path: str) -> Iterator[Evidence]:
    for number, line in enumerate(text.splitlines(), 1):
        yield from from_requirement(re.split(r"\s#|\s--hash|\s*\\$|^#", line)[0], path, number)


def _quoted(text: str, path: str) -> Iterator[Evidence]:
    """Requirements among the string literals of a `setup.py`."""
    for number, line in enumerate(text.splitlines(), 1):
        for literal in re.findall(r"""["']([^"'\n]{1,200})["']""", re.split(r"^\s*#", line)[0]):
            yield from from_requirement(literal, path, number)


def _setup_cfg(text: str, path: str) -> Iterator[Evidence]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("#", ";")):
            yield from from_requirement(
                line.partition("=")[2] if re.match(r"\w+\s*= ?\w", line) else line, path, number
            )


def _environment(text: str, path: str) -> Iterator[Evidence]:
    """A conda environment: `- tensorflow=2.15`, and `- tensorflow==2.15` under `pip:`."""
    for number, line in enumerate(text.splitlines(), 1):
        item = re.match(r"""^\s*-\s*["']?([^"'#]+)""", line)
        if item:
            yield from from_requirement(_conda(item[1].strip()), path, number)


def _dockerfile(text: str, path: str) -> Iterator[Evidence]:
    for match in re.finditer(r"^[ \t]*(\w+)[ \t]+((?:[^\n]*\\\n)*[^\n]*)", text, re.MULTILINE):
        number = text.count("\n", 0, match.start()) + 1
        image = re.match(r"(?:\S+/)?tensorflow/tensorflow:(\d+\.\d+(?:\.\d+)?)", match[2])
        if match[1].upper() == "FROM" and image:
            yield from from_requirement(f"tensorflow=={image[1]}", path, number)
        elif match[1].upper() == "RUN":
            yield from from_install_command(match[2], path, number)


def _pyproject(text: str, path: str) -> Iterator[Evidence]:
    data = toml.loads(text)
    project, tools = data.get("project", {}), data.get("tool", {})
    poetry = tools.get("poetry", {})
    groups = chain(
        [project.get("dependencies", [])],
        project.get("optional-dependencies", {}).values(),
        data.get("dependency-groups", {}).values(),
        tools.get("pdm", {}).get("dev-dependencies", {}).values(),
        [tools.get("uv", {}).get("dev-dependencies", [])],
    )
    for requirement in chain.from_iterable(groups):
        if isinstance(requirement, str):
            yield from from_requirement(requirement, path, _line_of(text, requirement))
    yield from _tables(
        text,
        path,
        poetry.get("dependencies", {}),
        poetry.get("dev-dependencies", {}),
        *(group.get("dependencies", {}) for group in poetry.get("group", {}).values()),
    )


def _pipfile(text: str, path: str) -> Iterator[Evidence]:
    data = toml.loads(text)
    yield from _tables(text, path, data.get("packages", {}), data.get("dev-packages", {}))


def _tables(text: str, path: str, *tables: dict[str, Any]) -> Iterator[Evidence]:
    """Tables that map names to specifiers (`tensorflow = "^2.15"`, `tensorflow = {version = "2.15"}`)."""
    for name, value in chain.from_iterable(table.items() for table in tables):
        specifier = value.get("version") if isinstance(value, dict) else value
        if isinstance(specifier, str):
            yield from from_requirement(name + _poetry(specifier), path, _line_of(text, name))


def _lock(text: str, path: str) -> Iterator[Evidence]:
    """`poetry.lock`, `uv.lock`, `pdm.lock`: their tables of packages, as text because these files are long.

    A lock also names what others drag in (tf-keras for transformers): only TensorFlow and Keras themselves speak.
    """
    for match in re.finditer(r'^name = "([\w.-]+)"\nversion = "([\w.+-]+)"', text, re.MULTILINE):
        if match[1].lower() in _TENSORFLOW | _KERAS:
            number = text.count("\n", 0, match.start()) + 1
            yield from from_requirement(f"{match[1]}=={match[2]}", path, number)


def _pipfile_lock(text: str, path: str) -> Iterator[Evidence]:
    data = json.loads(text)
    for section in ("default", "develop"):
        for name, facts in data.get(section, {}).items():
            if name in _TENSORFLOW | _KERAS and isinstance(facts, dict) and isinstance(facts.get("version"), str):
                yield from from_requirement(name + facts["version"], path, _line_of(text, f'"{name}"'))


_READERS: tuple[tuple[str, Callable[[str, str], Iterator[Evidence]]], ...] = (
    ("pyproject.toml", _pyproject),
    ("requirements*.txt", _requirements),
    ("requirements/*.txt", _requirements),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _quoted),
    ("environment*.y*ml", _environment),
    ("Pipfile", _pipfile),
    ("Pipfile.lock", _pipfile_lock),
    ("poetry.lock", _lock),
    ("uv.lock", _lock),
    ("pdm.lock", _lock),
    ("Dockerfile*", _dockerfile),
)


def _conda(requirement: str) -> str:
    """Conda's `tensorflow=2.15` (and `tensorflow=2.15=py311_0`) as a requirement of pip; others as they are."""
    match = re.match(r"^(?:[\w.-]+::)?([\w.-]+)\s*=\s*(\d[\d.]*)\.?\*?(?:=.*)?$", requirement)
    return f"{match[1]}=={match[2]}.*" if match and "==" not in requirement else requirement


def _poetry(specifier: str) -> str:
    """A specifier as poetry and pipenv write it (`^2.15`, `~2.15`, `2.15.*`, `*`) as a specifier of pip."""
    specifier = specifier.strip()
    match = re.match(r"^([\^~]?)(\d+)(?:\.(\d+))?(\S*)$", specifier)
    if specifier == "*":
        return ""
    if match is None or (match[1] and "," in specifier):
        return specifier
    number = match[0].lstrip("^~")
    if match[1] == "^":
        return f">={number},<{int(match[2]) + 1}"
    if match[1] == "~":
        return f">={number},<{match[2]}.{int(match[3] or 0) + 1}" if match[3] else f">={number},<{int(match[2]) + 1}"
    return f"=={number}"


def _line_of(text: str, word: str) -> int | None:
    at = text.find(word)
    return text.count("\n", 0, at) + 1 if at >= 0 else None
