"""How a check becomes findings: the registry that both passes share.

A check is a pure function of one fact model and the behaviour of one Keras; it yields `Mistake`s. The
registry adds what the catalogue knows (code, severity in this generation) and drops what is no mistake there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Generic, TypeVar

from freezelint import catalogue
from freezelint.finding import Finding, Mistake
from freezelint.keras.behaviour import Behaviour

Facts = TypeVar("Facts")
CheckFunction = Callable[..., Iterator[Mistake]]
"""Takes the facts, the behaviour of Keras, and the rule's options by keyword."""
Options = Mapping[str, Mapping[str, float]]
"""Values for options of rules that differ from those on their pages, by the names of rule and option."""


class Registry(Generic[Facts]):
    """The checks of one pass, by the name of their rule."""

    def __init__(self) -> None:
        self._checks: dict[str, CheckFunction] = {}

    def check(self, name: str) -> Callable[[CheckFunction], CheckFunction]:
        """Registers the decorated function as the check of the rule `name`."""

        def register(function: CheckFunction) -> CheckFunction:
            if name in self._checks:
                raise ValueError(f"two checks for {name}")
            self._checks[name] = function
            return function

        return register

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rules that have a check here."""
        return tuple(sorted(self._checks))

    def run(
        self, facts: Facts, path: str, keras: Behaviour, selected: Collection[str], options: Options | None = None
    ) -> Iterator[Finding]:
        """The findings of the selected rules about `facts`, which were read from `path`, under this Keras."""
        for name, function in self._checks.items():
            rule = catalogue.rules().get(name)
            if rule is None or name not in selected:
                continue
            severity = rule.severity(keras.generation)
            if severity is None:
                continue
            given = (options or {}).get(name, {})
            values = {option.name.replace("-", "_"): given.get(option.name, option.default) for option in rule.options}
            for mistake in function(facts, keras, **values):
                yield Finding(
                    code=rule.code,
                    name=rule.name,
                    severity=mistake.severity or severity,
                    confidence=mistake.confidence,
                    message=mistake.message,
                    path=mistake.span.path if mistake.span else path,
                    span=mistake.span,
                    layer=mistake.layer,
                    signature=mistake.signature,
                    keras=(keras.generation[5:6],),
                    related=mistake.related,
                    fix=mistake.fix,
                )
