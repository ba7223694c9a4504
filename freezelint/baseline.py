"""Known findings, which are not told: a file that holds them as a multiset of identities.

An identity has no line number, so edits elsewhere do not make a known finding new; a second copy of a known mistake
is new, because one entry hides one finding. The file is a JSON array, sorted, with one entry on a line and the comma
in front of it, so that two branches that add entries can be merged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from freezelint import atomic
from freezelint.finding import Confidence, Finding, Position, Severity, Span
from freezelint.report import Report
from freezelint.report.fingerprint import Identity, identity
from freezelint.source.files import display
from freezelint.texts import Texts

DEFAULT = "freezelint-baseline.json"
SCHEMA = "freezelint-baseline-1"
_KEYS = frozenset(field.name for field in fields(Identity))


class BaselineError(ValueError):
    """A baseline that cannot be used; the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of a baseline in the order of its lines; paths in them are relative to its folder."""

    path: Path
    entries: tuple[Identity, ...] = ()

    def narrow(self, report: Report, texts: Texts) -> Report:
        """The report without the findings that are known; entries that hide nothing any more are infos in it."""
        left = Counter(self.entries)
        kept = []
        for finding in report.findings:
            known = self._identity(finding, texts)
            if left[known] > 0:
                left[known] -= 1
            else:
                kept.append(finding)
        stale = list(self._stale(left, report))
        return report._replace(
            findings=tuple(sorted([*kept, *stale], key=lambda finding: finding.order)),
            baselined=report.baselined + len(report.findings) - len(kept),
        )

    def renewed(self, report: Report, texts: Texts) -> Baseline:
        """A baseline that knows the findings of a report, and keeps the entries that the run could not judge."""
        found = [self._identity(finding, texts) for finding in report.findings if not finding.code.startswith("FZ0")]
        others = [entry for entry in self.entries if not self._was_judged(entry, report)]
        return Baseline(self.path, tuple(sorted([*found, *others])))

    def write(self) -> None:
        """Writes the file in one step. Raises `OSError`."""
        lines = [json.dumps({"schema": SCHEMA})]
        lines += [json.dumps(_without_empty(entry), ensure_ascii=False) for entry in self.entries]
        text = "[" + "\n,".join(lines) + "\n]\n"
        atomic.write(self.path, text.encode("utf-8", "backslashreplace"))

    def _identity(self, finding: Finding, texts: Texts) -> Identity:
        known = identity(finding, texts.lines)
        return replace(known, path=display(texts.location(finding.path) or Path(finding.path), self.path.parent))

    def _was_judged(self, entry: Identity, report: Report) -> bool:
        """Whether the run would have found the entry's mistake, or its file is gone."""
        file = self.path.parent / entry.path
        rules = report.ran.get(display(file))
        return entry.rule in rules if rules is not None else not file.exists()

    def _stale(self, left: Counter[Identity], report: Report) -> Iterator[Finding]:
        for number, entry in reversed(list(enumerate(self.entries, 2))):
            if left[entry] <= 0 or not self._was_judged(entry, report):
                continue
            left[entry] -= 1
            place = Position(number, 1)
            shown = display(self.path)
            yield Finding(
                code="FZ002",
                name="unused-ignore",
                severity=Severity.INFO,
                confidence=Confidence.CERTAIN,
                message=f"This entry of the baseline hides nothing any more: {entry.rule} in {entry.path}. "
                "--write-baseline takes it out.",
                path=shown,
                span=Span(shown, place, place),
            )


def read(path: Path) -> Baseline:
    """The baseline in a file. Raises `BaselineError` if there is none, or it is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BaselineError(f"there is no baseline {display(path)}; --write-baseline makes it") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BaselineError(f"cannot read the baseline {display(path)}: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"it is not JSON ({error})") from error
    if not isinstance(data, list) or not data or not isinstance(data[0], dict) or "schema" not in data[0]:
        raise _broken(path, f'it does not begin with [{{"schema": "{SCHEMA}"}}')
    if data[0]["schema"] != SCHEMA:
        raise _broken(path, f"its schema is {data[0]['schema']!r}; this version of freezelint reads {SCHEMA!r}")
    return Baseline(path, tuple(_entries(path, data[1:])))


def _entries(path: Path, items: Iterable[Any]) -> Iterator[Identity]:
    for number, item in enumerate(items, 1):
        is_entry = isinstance(item, dict) and {"path", "rule"} <= set(item) <= _KEYS
        if not is_entry or not all(isinstance(value, str) for value in item.values()):
            raise _broken(path, f"its entry {number} is not one that freezelint has written")
        yield Identity(**item)


def _broken(path: Path, why: str) -> BaselineError:
    return BaselineError(
        f"{display(path)} is no baseline: {why}. Repair it, or remove it and write it anew with --write-baseline"
    )


def _without_empty(entry: Identity) -> dict[str, str]:
    return {key: value for key, value in asdict(entry).items() if value}
