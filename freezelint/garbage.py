"""Garbage collection for a program that makes much, keeps it, and ends.

What is remembered of imported files is a million objects that all live. Python's own collector walks through all of
them again and again, which takes a fifth of a long run; here it looks between inputs, at what is new.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NEW_OBJECTS = 300_000
"""How many objects are made between two collections, at least (about 50 MB)."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """For a whole process: collects after `NEW_OBJECTS` only, and at the end leaves all that there is to the system.

    Of a run over a single file, importing and the end of the process are the most; without this, a tenth of it would
    be spent on garbage.
    """
    gc.set_threshold(NEW_OBJECTS)
    try:
        yield
    finally:
        gc.freeze()


@contextmanager
def collected_between_inputs() -> Iterator[Callable[[], None]]:
    """Inside, garbage is collected only in calls of the function that this gives, and old objects are left alone.

    Does nothing where the caller keeps garbage collection off or has frozen objects of its own.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        yield lambda: None
        return
    gc.disable()
    try:
        yield _collect
    finally:
        gc.unfreeze()
        gc.enable()


def _collect() -> None:
    if gc.get_count()[0] > NEW_OBJECTS:
        gc.collect()
        gc.freeze()
