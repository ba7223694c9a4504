"""How Keras behaves, by version and backend: small predicates, each with the proof that measured it."""

from __future__ import annotations

from dataclasses import dataclass

from freezelint.keras.version import KerasVersion


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The semantics of one Keras: a version and a backend ("tensorflow", "jax", "torch" or None = unknown)."""

    version: KerasVersion
    backend: str | None = "tensorflow"

    @property
    def generation(self) -> str:
        """Which of `keras2`, `keras3` (3.0 to 3.15) and `keras3_16` (3.16 and later) it is."""
        return self.version.generation

    @property
    def wired_training_holds(self) -> bool:
        """Whether `layer(x, training=…)` written into a Functional graph survives `fit` and `predict`."""
        return self.generation != "keras3"

    @property
    def frozen_parent_gates_children(self) -> bool:
        """Whether a thawed layer under a frozen nested model stays out of training (Keras 2)."""
        return self.generation == "keras2"

    @property
    def flags_are_read_at_compile(self) -> bool:
        """Whether `compile` takes the snapshot of the flags (Keras 2) or the first trace does (Keras 3)."""
        return self.generation == "keras2"

    @property
    def same_value_assignment_propagates(self) -> bool:
        """Whether `x.trainable = v` reaches the children although x's own flag is v already."""
        return self.generation == "keras2" or self.backend == "jax"
