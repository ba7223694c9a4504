"""Results that are kept from run to run, so that only what changed is worked on again.

A result is taken only if everything it depends on is as it was: the content of the input, its settings, the Keras that
its project pins, every file of the project that was looked for or read on the way (also those that were not there),
and freezelint, Python and the libraries themselves. Models of more than 64 MB go by size, time and inode instead of
their content.

There is one file for each folder of inputs, in `.freezelint_cache` at the root of the project. Each is signed with a
secret of the user that lies elsewhere: a result that came with a repository, or was damaged, is not believed, and so
cannot hide a finding. Nothing that goes wrong here is ever more than a result that is not kept.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freezelint import __version__, digest, outcome
from freezelint.outcome import Inspected, Outcome
from freezelint.settings import Settings
from freezelint.source.files import Input, Kind
from freezelint.source.roots import ABSENT, PRESENT, UNKNOWN, search_roots
from freezelint.source.text import read

FOLDER_VARIABLE = "FREEZELINT_CACHE_DIR"
"""The environment variable that names the folder to keep results in, whatever is checked."""
FOLDER = ".freezelint_cache"
TAG = "CACHEDIR.TAG"
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Results of freezelint, which it can make again.\n"

DAY = 86_400
DAYS = 30
"""Results that were not used for so many days are dropped."""
MAX_BYTES = 200_000_000
"""No more is kept in one folder; what was not used for longest goes first."""
MAX_PACK_BYTES = 50_000_000
MAX_ENTRIES = 5_000
MAX_HASHED = 64 << 20
"""Larger files of models are told apart by size, time and inode."""
MAX_MODEL_FILES = 2_000
_SECRET_BYTES = 32
_NAME = re.compile(r"[0-9a-f]{32}\.json(\.\w+\.tmp)?")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """What a result is about: the pack and the name it is kept under, and everything known beforehand it depends on.

    `content` is the digest of the input itself.
    """

    pack: str
    name: str
    content: str
    state: str


@dataclass(slots=True)
class _Pack:
    """The results for the inputs of one folder: by name, the day of the last use, state, other files, outcome."""

    entries: dict[str, list[Any]]
    used: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)


class Cache:
    """The results in one folder, for one run. `secret` signs them; `now` is the time in seconds."""

    def __init__(self, folder: Path, secret: bytes, now: float | None = None) -> None:
        self._folder = folder
        self._secret = secret
        self._now = time.time() if now is None else now
        self._today = int(self._now // DAY)
        self._stamp = _stamp()
        self._cwd = os.getcwd()  # noqa: PTH109 (as cheap as it can be)
        self._packs: dict[str, _Pack] = {}
        self._settings: dict[tuple[int, bool], tuple[Settings, str]] = {}
        self._roots: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._there: dict[str, bool] = {}

    def subject(self, item: Input, settings: Settings) -> Subject | None:
        """What the result for an input is kept under; None if it cannot be kept."""
        path = os.path.abspath(item.path)  # noqa: PTH100 (a link is kept a link)
        folder = os.path.dirname(path)  # noqa: PTH120
        try:
            content = _model_digest(item.path) if item.kind is Kind.MODEL else self._file(path, item.path)
            around = "" if item.kind is Kind.MODEL else self._around(os.path.realpath(path), settings)
        except (OSError, ValueError, RuntimeError):
            return None
        if not content:
            return None
        name = digest.of_words(path, item.display, item.kind.value, self._of_settings(settings, item.named))
        state = digest.of_words(self._stamp, content, around)
        return Subject(digest.of_words(folder, self._cwd), name, content, state)

    def get(self, subject: Subject) -> Outcome | None:
        """The result for a subject, if there is one and nothing that it depends on has changed."""
        pack = self._pack(subject.pack)
        try:
            _, state, looked_at, data = pack.entries[subject.name]
            if state != subject.state or not self._is_as_it_was(looked_at):
                return None
            found = outcome.from_json(data)
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        pack.used.add(subject.name)
        return found

    def put(self, subject: Subject, found: Inspected) -> None:
        """Keeps a result, if it is about what the subject was when it was made."""
        if (found.digest and found.digest != subject.content) or UNKNOWN in found.looked_at.values():
            return
        pack = self._pack(subject.pack)
        data = outcome.to_json(found.outcome)
        pack.entries[subject.name] = [self._today, subject.state, dict(found.looked_at), data]
        pack.made.add(subject.name)

    def save(self) -> None:
        """Writes what is new. What another run has written in the meantime stays, unless it is about the same."""
        try:
            for name, pack in self._packs.items():
                if pack.made or self._is_stale(pack):
                    self._write(name, pack)
            self._prune()
        except OSError:  # a tree that cannot be written, a full disk
            return

    def _pack(self, name: str) -> _Pack:
        if name not in self._packs:
            self._packs[name] = _Pack(self._read(name))
        return self._packs[name]

    def _read(self, name: str) -> dict[str, list[Any]]:
        """The entries of a pack; none of one that is damaged, or that somebody else has made."""
        path = self._folder / f"{name}.json"
        try:
            status = path.stat()
            if status.st_size > MAX_PACK_BYTES or not stat.S_ISREG(status.st_mode):
                return {}
            signature, _, body = path.read_bytes().partition(b"\n")
            if not secrets.compare_digest(signature, self._signed(name, body)):
                return {}
            entries = json.loads(body)
        except (OSError, ValueError, RecursionError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _signed(self, name: str, body: bytes) -> bytes:
        return digest.signed(name.encode() + b"\n" + body, self._secret).encode()

    def _write(self, name: str, pack: _Pack) -> None:
        entries = self._read(name)
        for key in pack.used | pack.made:
            entries[key] = [self._today, *pack.entries[key][1:]]
        latest = sorted(entries.items(), key=lambda item: _day(item[1]), reverse=True)[:MAX_ENTRIES]
        kept = {key: entry for key, entry in latest if _day(entry) > self._today - DAYS}
        body = json.dumps(kept, separators=(",", ":")).encode()
        if len(body) < MAX_PACK_BYTES:
            _make(self._folder)
            _replace(self._folder / f"{name}.json", self._signed(name, body) + b"\n" + body)

    def _is_stale(self, pack: _Pack) -> bool:
        """Whether it is time to write down that the entries are still used."""
        return any(_day(pack.entries[name]) < self._today - DAYS // 4 for name in pack.used)

    def _prune(self) -> None:
        """Once a day, removes the packs that are too old or too much."""
        mark = self._folder / TAG
        if not mark.is_file() or self._now - mark.stat().st_mtime < DAY:
            return
        os.utime(mark, (self._now, self._now))
        total = 0
        for path, status in sorted(self._files_kept(), key=lambda item: item[1].st_mtime, reverse=True):
            total += status.st_size
            if total > MAX_BYTES or self._now - status.st_mtime > DAYS * DAY:
                with suppress(OSError):
                    path.unlink()

    def _files_kept(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The packs, and what interrupted runs have left of them."""
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name):
                with suppress(OSError):
                    yield path, path.lstat()

    def _of_settings(self, settings: Settings, named: bool) -> str:
        """What of the settings a result depends on."""
        key = (id(settings), named)
        if key not in self._settings:
            words = (
                sorted(settings.rules()),
                settings.threshold.value,
                settings.pedantic,
                sorted(settings.muted()),
                settings.keras,
                settings.backend,
                sorted((rule, sorted(values.items())) for rule, values in settings.options.items()),
                named,
                self._cwd,
            )
            self._settings[key] = (settings, digest.of_words(*words))
        return self._settings[key][1]

    def _around(self, path: str, settings: Settings) -> str:
        """Where a file lies in the end, which Keras its project pins, and where its imports are looked up."""
        folder = os.path.dirname(path)  # noqa: PTH120
        key = f"{folder}\n{settings.keras}"
        if key not in self._roots:
            from freezelint.keras.pins import from_project

            pinned = [str(item.version) for item in from_project(Path(path))] if settings.keras == "auto" else []
            self._roots[key] = digest.of_words(pinned, [str(root) for root in search_roots(Path(path))])
        return f"{path}\n{self._roots[key]}"

    def _is_as_it_was(self, looked_at: Mapping[str, str]) -> bool:
        return all(self._holds(path, said) for path, said in looked_at.items())

    def _holds(self, path: str, said: str) -> bool:
        if said in (ABSENT, PRESENT):
            if path not in self._there:
                self._there[path] = os.path.isfile(path)  # noqa: PTH113
            return self._there[path] is (said == PRESENT)
        return self._file(path, Path(path)) == said

    def _file(self, absolute: str, path: Path) -> str:
        """The digest of a file; empty if it cannot be read."""
        if absolute not in self._files:
            try:
                self._files[absolute] = digest.of_bytes(read(path))
            except (OSError, ValueError):
                self._files[absolute] = ""
        return self._files[absolute]


def opened(folder: Path) -> Cache | None:
    """The cache for a run over what lies in a folder; None if there is no place where results can be kept.

    That is the folder in `FREEZELINT_CACHE_DIR`, or `.freezelint_cache` at the root of the project (the nearest folder
    from there up with a `pyproject.toml` or `.git`), or where there is no project a folder in `XDG_CACHE_HOME`.
    """
    try:
        results, keys = _places(folder)
        return Cache(results, _secret(keys)) if results is not None and keys is not None else None
    except (OSError, RuntimeError, ValueError):
        return None


def _places(folder: Path) -> tuple[Path | None, Path | None]:
    """The folder for results, and the folder for the secret that signs them."""
    from freezelint.keras.pins import is_root

    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen), Path(chosen)
    own = os.environ.get("XDG_CACHE_HOME")
    users = Path(own) / "freezelint" if own and os.path.isabs(own) else None  # noqa: PTH117
    root = next((parent for parent in (folder, *folder.parents) if is_root(parent)), None)
    if root is None:
        return users, users
    if (root / FOLDER).is_symlink():  # whoever made it means another place to be written to
        return None, None
    return root / FOLDER, users or Path.home() / ".cache" / "freezelint"


def _secret(folder: Path) -> bytes:
    """The user's secret, made when it is first needed. Raises `OSError` if it cannot be kept."""
    path = folder / "secret"
    for _ in range(2):
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            if len(data) == _SECRET_BYTES:
                return data
        _make(folder)
        _replace(path, secrets.token_bytes(_SECRET_BYTES))  # if two runs do, what one of them keeps is lost
    raise OSError(f"{path} cannot be kept")


def _make(folder: Path) -> None:
    """Makes a folder for results, which version control and backups leave out. Nothing that is there is changed."""
    if (folder / TAG).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), (TAG, _TAG)):
        with suppress(FileExistsError), (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)


def _replace(path: Path, data: bytes) -> None:
    """Writes a file in one step, readable for its owner alone; a link is replaced, not followed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def _day(entry: Any) -> int:
    try:
        return int(entry[0])
    except (TypeError, ValueError, LookupError):
        return -1


def _stamp() -> str:
    """Everything of this installation that a result depends on."""
    here = Path(__file__).parent
    folders = [here, here / "rules", here.parent / "rules"]
    files = sorted(item for folder in folders for item in _sizes(str(folder)))
    return digest.of_words(_FORMAT, __version__, sys.version, sys.platform, files, _library("libcst"))


def _sizes(folder: str) -> Iterator[tuple[str, int, int]]:
    """The files below a folder with their sizes and times."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _sizes(entry.path)
            elif entry.name.endswith((".py", ".json", ".md")):
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns


def _library(name: str) -> tuple[str, int, int]:
    """Which copy of a library is installed, told without importing it."""
    for folder in sys.path:
        with suppress(OSError):
            status = os.stat(os.path.join(folder, name, "__init__.py"))  # noqa: PTH116, PTH118
            return folder, status.st_size, status.st_mtime_ns
    return name, 0, 0


def _model_digest(path: Path) -> str:
    """What tells versions of a saved model apart; empty for one of too many files. Raises `OSError`."""
    if path.is_file() and path.suffix.lower() in (".pb", ".pbtxt", ".cpb"):
        path = path.parent
    if path.is_file():
        return digest.of_words(_content(path))
    files: list[tuple[str, str]] = []
    for folder, folders, names in os.walk(path):
        places = [Path(folder, name) for name in names]
        if len(files) + len(names) > MAX_MODEL_FILES or any(Path(folder, name).is_symlink() for name in folders):
            return ""
        files += [(str(place), _content(place)) for place in places]
    return digest.of_words(sorted(files)) if files else ""


def _content(path: Path) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not an ordinary file")
    if status.st_size > MAX_HASHED:
        return digest.of_words(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
    return digest.of_bytes(path.read_bytes())
