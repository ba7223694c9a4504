"""What an audit says of a model: plain frozen data that `graph/` fills in and `report/` prints."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from freezelint.finding import Finding, NotRead, Severity


class Answer(Enum):
    """Whether a statement about a model holds."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class LayerFacts(NamedTuple):
    """One line of the layer tree.

    `own` and `effective` are the flags; `trains` is whether `fit` would change the weights, None where unknown or
    where the layer has none. `parameters` counts those below it too; None where a shape is not known. `pinned` are the
    literal values of `training` that its calls are wired with.
    """

    path: str
    name: str
    depth: int
    class_name: str
    kind: str
    own: bool | None
    effective: bool | None
    trains: bool | None
    parameters: int | None
    calls: int
    pinned: tuple[bool, ...] = ()
    on_gradient_path: bool = False


class Parameters(NamedTuple):
    """How many numbers train, are frozen, or are never trained (statistics); `unknown` are those without a flag.

    `shapes_known` is false if some weights are missing from the counts.
    """

    trainable: int = 0
    frozen: int = 0
    statistics: int = 0
    unknown: int = 0
    shapes_known: bool = True


class Run(NamedTuple):
    """What happens when the model runs in one way: in `fit`, in `predict`, or by a signature that is served.

    `evidence` says where that is known from. `training` and `inference` are the BatchNormalizations in that mode,
    `random` what draws random numbers with its purpose, `writes` the variables that are written. `unknown` says in
    words what could not be told. `served` is true for what a user of the model gets to see.
    """

    name: str
    evidence: str
    served: bool
    training: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()
    random: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    inputs: tuple[tuple[str, tuple[int | None, ...] | None], ...] = ()
    outputs: tuple[tuple[str, tuple[int | None, ...] | None], ...] = ()


class FrozenOnPath(NamedTuple):
    """Frozen layers that the gradient passes, and the trainable layers before them that make it necessary."""

    layers: tuple[str, ...]
    because_of: tuple[str, ...]


class Requirement(NamedTuple):
    """One thing that can be asked of a model, the answer, and why."""

    name: str
    answer: Answer
    why: str


class ModelFacts(NamedTuple):
    """Everything an audit says of one model.

    `format` is in words. `frozen_on_path` is None where it could not be looked for. `gaps` are what could not be told.
    """

    path: str
    format: str
    writer: str | None
    keras: str
    tensorflow_version: str | None
    compiled: bool | None
    layers: tuple[LayerFacts, ...]
    parameters: Parameters
    runs: tuple[Run, ...]
    frozen_on_path: tuple[FrozenOnPath, ...] | None
    embedded_code: tuple[str, ...]
    inconsistencies: tuple[str, ...]
    gaps: tuple[str, ...]
    not_read: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    findings: tuple[Finding, ...] = ()

    def requirement(self, name: str) -> Requirement:
        """The answer to one of `REQUIREMENTS`."""
        return next(found for found in self.requirements if found.name == name)

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity is severity for finding in self.findings)


class AuditReport(NamedTuple):
    """The outcome of an audit of some models.

    `required` are the names in `--require`. `not_read` are inputs that are no part of any model's facts; `failed` is
    true if something that was named explicitly could not be read at all.
    """

    models: tuple[ModelFacts, ...]
    required: tuple[str, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Those about inputs that could not be read."""
    failed: bool = False

    def unmet(self) -> list[tuple[ModelFacts, Requirement]]:
        """The requirements that are not met, or not known to be."""
        return [
            (model, found)
            for model in self.models
            for name in self.required
            if (found := model.requirement(name)).answer is not Answer.YES
        ]

    def exit_code(self, fail_on: Severity) -> int:
        """2 if a named input could not be read at all; 1 for a finding as bad as `fail_on`, a requirement that is not
        met or not known, or requirements of what was not read; otherwise 0.
        """
        if self.failed:
            return 2
        threshold = max(fail_on, Severity.WARNING)
        findings = [*self.findings, *(finding for model in self.models for finding in model.findings)]
        bad = any(finding.severity >= threshold for finding in findings)
        return int(bad or bool(self.unmet()) or (bool(self.required) and bool(self.not_read)))
