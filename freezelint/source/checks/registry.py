"""The registry of the source pass's checks."""

from __future__ import annotations

from freezelint.checking import Registry
from freezelint.source.timeline import Timeline

source: Registry[Timeline] = Registry()
