"""freezelint: is it frozen, is BatchNorm in the mode you think, and does the freeze buy anything?

Importing this package imports neither libcst nor TensorFlow nor Keras.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
"""What type checkers take for true; `typing` itself is not needed at once."""

if TYPE_CHECKING:
    from typing import Any

    from freezelint.auditing import Audit, audit
    from freezelint.callback import AuditWarning, FreezeAudit, FrozenWrong

__version__ = "0.1.0"

__all__ = ("Audit", "AuditWarning", "FreezeAudit", "FrozenWrong", "audit")

_AT_FIRST_USE = {
    "Audit": "freezelint.auditing",
    "audit": "freezelint.auditing",
    "AuditWarning": "freezelint.callback",
    "FreezeAudit": "freezelint.callback",
    "FrozenWrong": "freezelint.callback",
}


def __getattr__(name: str) -> Any:
    """What is exported, imported at its first use (PEP 562)."""
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_AT_FIRST_USE[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
