"""Only what is new: the findings that touch lines changed since a revision of git."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from freezelint.finding import Finding, Span
from freezelint.report import Report
from freezelint.texts import Texts

_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_QUIET = ("-c", "core.quotePath=true", "-c", "core.fsmonitor=false")


class ChangesError(ValueError):
    """What has changed cannot be told; the text says why, and what to do."""


@dataclass(slots=True)
class _FileChanges:
    """The changes in one file: its new lines, and the lines (from 0) behind which others were deleted."""

    whole: bool = False
    lines: set[int] = field(default_factory=set)
    deletions: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed in the working tree, by the resolved path of the file."""

    files: dict[Path, _FileChanges]

    def narrow(self, report: Report, texts: Texts) -> Report:
        """The report with the findings that changes touch: the place, or a step of the story, or between its steps."""
        kept = tuple(finding for finding in report.findings if self.touches(finding, texts))
        return report._replace(findings=kept, unchanged=report.unchanged + len(report.findings) - len(kept))

    def touches(self, finding: Finding, texts: Texts) -> bool:
        """Whether a change touches a finding; one that has no place is touched with its file."""
        if not finding.spans:
            path = self._path(finding.path, texts)
            return any(path in (file, *file.parents) for file in self.files)
        return any(
            self._touched(self.files.get(self._path(display, texts)), list(_extents(spans, texts)))
            for display, spans in _by_file(finding).items()
        )

    def _path(self, display: str, texts: Texts) -> Path:
        return (texts.location(display) or Path(display)).resolve()

    def _touched(self, changes: _FileChanges | None, extents: list[tuple[int, int]]) -> bool:
        if changes is None:
            return False
        story = range(min(first for first, _ in extents), max(last for _, last in extents))
        return (
            changes.whole
            or any(first <= line <= last for first, last in extents for line in changes.lines)
            or any(line in story for line in changes.deletions)
        )


def since(revision: str, folder: Path) -> Changes:
    """What has changed in the repository around a folder since it parted from `revision`, untracked files included.

    Raises `ChangesError` if git cannot tell.
    """
    if revision.startswith("-"):
        raise ChangesError(f"{revision!r} is no revision: name a branch, a tag or a commit, such as origin/main")
    root = Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n")).resolve()
    base = _base(root, revision)
    options = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
    text = _git(root, "diff", *options, "--src-prefix=a/", "--dst-prefix=b/", base, "--")
    files = dict(_parse(text, root))
    for name in _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name:
            files[root / name] = _FileChanges(whole=True)
    return Changes(files)


def _base(root: Path, revision: str) -> str:
    """The commit that both sides have; the revision itself where the history is too short to tell."""
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except ChangesError:
        raise ChangesError(
            f"git knows no revision {revision!r} here; in CI, fetch it first (git fetch origin, or fetch-depth: 0)"
        ) from None
    try:
        return _git(root, "merge-base", commit, "HEAD").strip()
    except ChangesError:
        return commit


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *_QUIET, *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ChangesError("--diff-base needs git, which is not installed (or not on PATH)") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise ChangesError(f"git cannot tell what has changed: {reason or 'git ' + arguments[0] + ' failed'}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _parse(text: str, root: Path) -> Iterator[tuple[Path, _FileChanges]]:
    """The files of a unified diff without context, and what has changed in them."""
    changes = _FileChanges()
    left = 0
    for line in text.split("\n"):
        if left:  # a line of a hunk, whatever it looks like
            left -= line.startswith(("+", "-"))
        elif line.startswith("+++ "):
            changes = _FileChanges()
            name = _unquoted(line[4:].rstrip("\t\r"))
            if name.startswith("b/"):
                yield root / name[2:], changes
        elif line.startswith("Binary files "):
            name = _unquoted(line.removesuffix(" differ").rpartition(" and ")[2])
            if name.startswith("b/"):
                yield root / name[2:], _FileChanges(whole=True)
        elif found := _HUNK.match(line):
            first, count = int(found[1]), int(found[2] if found[2] is not None else 1)
            removed = re.match(r"^@@ -\d+(?:,(\d+))?", line)
            left = count + int(removed[1] if removed and removed[1] is not None else 1)
            if count:
                changes.lines.update(range(first, first + count))
            else:
                changes.deletions.add(first)


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    return name[1:-1].encode("latin-1", "replace").decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")


def _by_file(finding: Finding) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {}
    for span in finding.spans:
        spans.setdefault(span.path, []).append(span)
    return spans


def _extents(spans: list[Span], texts: Texts) -> Iterator[tuple[int, int]]:
    """The first and last line of each span in the file itself, which for a notebook is its JSON."""
    for span in spans:
        yield (
            texts.file_line(span.path, span.cell, span.start.line),
            texts.file_line(span.path, span.cell, span.end.line),
        )
