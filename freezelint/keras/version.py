"""Which Keras does a project or an artifact use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class KerasVersion:
    """A version of Keras; `minor` is None when only the generation is known (then the newest release is meant)."""

    major: int
    minor: int | None = None

    @property
    def generation(self) -> str:
        """Which of `keras2`, `keras3` (3.0 to 3.15, and 3 without a minor) and `keras3_16` it is."""
        if self.major < 3:
            return "keras2"
        return "keras3_16" if self.minor is not None and self.minor >= 16 else "keras3"
