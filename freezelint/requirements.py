"""What can be asked of an audit."""

from __future__ import annotations

REQUIREMENTS = {
    "inference": "everything that is served runs in inference mode: no BatchNormalization uses the batch, no Dropout",
    "deterministic": "nothing that is served draws random numbers",
    "stateless": "nothing that is served writes a variable",
    "frozen": "no weight of the model would train",
    "no-code": "no Python code lies in the file",
    "consistent": "the file was read wholly, and does not contradict itself",
}
"""What `--require` can ask for, in words."""
