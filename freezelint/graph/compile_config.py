"""What a file says of how its model was compiled."""

from __future__ import annotations

from typing import Any


def optimizer(written: object) -> dict[str, Any] | None:
    """The serialized optimizer, with its `class_name` and `config`; None if there is none.

    `written` is the `compile_config` of a `.keras` file, or the `training_config` of an HDF5 file or of a
    SavedModel's metadata. A bare name stands for the optimizer as it is by default.
    """
    if not isinstance(written, dict):
        return None
    found = written.get("optimizer") or written.get("optimizer_config")
    if isinstance(found, str):
        return {"class_name": found, "config": {}}
    if not isinstance(found, dict) or not isinstance(found.get("class_name"), str):
        return None
    config = found.get("config")
    return {"class_name": found["class_name"], "config": dict(config) if isinstance(config, dict) else {}}
