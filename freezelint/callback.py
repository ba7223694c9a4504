"""A Keras callback that audits the model when `fit` starts; it works with Keras 2 and Keras 3, and imports neither."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from freezelint.auditing import Audit, audit
from freezelint.finding import Severity


class AuditWarning(UserWarning):
    """What `FreezeAudit` found, as a warning."""


class FrozenWrong(Exception):
    """What `FreezeAudit(on_finding="raise")` found; `audit` has the whole report."""

    def __init__(self, text: str, audit: Audit) -> None:
        super().__init__(text)
        self.audit = audit


class FreezeAudit:
    """Audits the model at the start of `fit`, before the first step::

        model.fit(data, callbacks=[freezelint.FreezeAudit()])

    `on_finding` is "warn" (one `AuditWarning` for each finding) or "raise" (`FrozenWrong`). Findings below `fail_on`
    ("warning" or "error") are left out. `keras`, `select` and `ignore` are those of `freezelint.audit`. `audit` holds
    the outcome of the last start.

    Keras takes any object that has the methods of its `Callback`, so this class needs none of Keras's own.
    """

    async_safe = True
    _supports_tf_logs = True

    def __init__(
        self,
        on_finding: str = "warn",
        *,
        fail_on: str = "warning",
        keras: str = "auto",
        select: Sequence[str] = (),
        ignore: Sequence[str] = (),
    ) -> None:
        if on_finding not in ("warn", "raise"):
            raise ValueError(f'on_finding is "warn" or "raise", not {on_finding!r}')
        if fail_on not in ("warning", "error"):
            raise ValueError(f'fail_on is "warning" or "error", not {fail_on!r}')
        self.audit: Audit | None = None
        self.model: Any = None
        self.params: dict[str, Any] | None = None
        self._raise = on_finding == "raise"
        self._least = Severity(fail_on)
        self._settings: dict[str, Any] = {"keras": keras, "select": tuple(select), "ignore": tuple(ignore)}

    def set_model(self, model: Any) -> None:
        """Called by Keras before anything else."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called by Keras with the parameters of the run."""
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        """Audits; warns or raises as asked for."""
        self.audit = audit(self.model, **self._settings)
        told = [finding for finding in self.audit.findings if finding.severity >= self._least]
        lines = [
            f"{finding.code} {finding.name}{f' ({finding.layer})' if finding.layer else ''}: {finding.message}"
            for finding in told
        ]
        if told and self._raise:
            raise FrozenWrong("\n".join(lines), self.audit)
        for line in lines:
            warnings.warn(line, AuditWarning, stacklevel=2)

    def __getattr__(self, name: str) -> Callable[..., None]:
        """The other hooks of a callback, which do nothing."""
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _implements_train_batch_hooks(self) -> bool:
        return False

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False


def _nothing(*args: Any, **kwargs: Any) -> None:
    """A hook that has nothing to do."""
