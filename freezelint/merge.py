"""Findings of several analyses → one list: one mistake, one finding, whatever the generations of Keras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from freezelint.catalogue import Rule
from freezelint.finding import Confidence, Finding, lower

Key = tuple[object, ...]


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for one rule at one place: the most severe, then the surest, then the first."""
    best: dict[Key, Finding] = {}
    for finding in findings:
        same = key(finding)
        if same not in best or _weight(finding) > _weight(best[same]):
            best[same] = finding
    return list(best.values())


def speaking(findings: Sequence[Finding], rules: Mapping[str, Rule], generation: str) -> list[Finding]:
    """The findings that no finding of a more specific rule, at the same place, silences in this generation."""
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(finding.name, []).append(finding)

    def is_silenced(finding: Finding) -> bool:
        silencers = _silencers(rules.get(finding.name), generation)
        return any(_same_place(finding, other) for name in silencers for other in by_name.get(name, ()))

    return [finding for finding in findings if not is_silenced(finding)]


def across_generations(
    by_generation: Mapping[str, Sequence[Finding]], rules: Mapping[str, Rule] | None = None
) -> list[Finding]:
    """The findings of analyses for different generations ("2", "3") as one list.

    What holds in all of them is one finding with the highest severity. What holds in some only says so at the
    start of its message, and is at most likely. Where the mistake stops the program in a generation, a program that
    exists is not run with that one: there it is only possible. Findings about the run itself (FZ0…) are the same in
    all.
    """
    groups: dict[Key, dict[str, Finding]] = {}
    for generation, findings in by_generation.items():
        for finding in distinct(findings):
            groups.setdefault(key(finding), {})[generation] = finding
    return [_joined(group, len(by_generation), (rules or {}).get(name)) for (name, group) in _named(groups)]


def _named(groups: Mapping[Key, dict[str, Finding]]) -> Iterator[tuple[str, dict[str, Finding]]]:
    return ((next(iter(group.values())).name, group) for group in groups.values())


def _joined(group: dict[str, Finding], total: int, rule: Rule | None) -> Finding:
    stopped = {generation for generation in group if rule is not None and f"keras{generation}" in rule.stops}
    if stopped and total > 1:
        running = {generation: finding for generation, finding in group.items() if generation not in stopped}
        if not running:
            group = {key: finding._replace(confidence=Confidence.POSSIBLE) for key, finding in group.items()}
        group = running or group
    _, chosen = max(group.items(), key=lambda item: (_weight(item[1]), item[0]))
    if chosen.code.startswith("FZ0"):
        return chosen
    generations = tuple(sorted(group))
    if len(generations) == total:
        return chosen._replace(keras=generations)
    opening = "Keras " + " and ".join(generations)
    message = chosen.message if chosen.message.startswith(opening) else f"{opening}: {chosen.message}"
    return chosen._replace(keras=generations, message=message, confidence=lower(chosen.confidence, Confidence.LIKELY))


def key(finding: Finding) -> Key:
    """What makes two findings the same; where nothing says where in a model, the message tells them apart."""
    somewhere = finding.span or finding.layer or finding.signature
    return (
        finding.code,
        finding.path,
        finding.span and (finding.span.path, finding.span.cell, finding.span.start, finding.span.end),
        finding.layer,
        finding.signature,
        None if somewhere and not finding.code.startswith("FZ0") else finding.message,
    )


def _weight(finding: Finding) -> tuple[int, int]:
    return (finding.severity.rank, finding.confidence.rank)


def _silencers(rule: Rule | None, generation: str) -> tuple[str, ...]:
    if rule is None:
        return ()
    fallback = rule.silenced_by.get("keras3", ()) if generation == "keras3_16" else ()
    return rule.silenced_by.get(generation, fallback)


def _same_place(one: Finding, other: Finding) -> bool:
    if one.span is None and other.span is None:
        return (
            one.path == other.path
            and _same_or_unsaid(one.layer, other.layer)
            and _same_or_unsaid(one.signature, other.signature)
        )
    return any(mine.meets(yours) for mine in one.spans for yours in other.spans)


def _same_or_unsaid(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
