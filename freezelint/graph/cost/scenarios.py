"""Other freezes of the same model: the usual ones, and those that somebody writes down."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from freezelint.graph.cost.flags import Flags
from freezelint.graph.model_graph import Layer, LayerKind, ModelGraph
from freezelint.graph.unrolled import Unrolled

VERBS = ("freeze", "freeze-to", "thaw")
FORM = "VERB:LAYER with one of the verbs freeze, freeze-to, thaw; several separated by commas"


class NoSuchFreeze(ValueError):
    """What somebody wrote down is no freeze of this model; the text says why, and which names come nearest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a freeze: these layers frozen, or thawed."""

    words: str
    paths: frozenset[str]
    frozen: bool = True


def parse(text: str, model: ModelGraph, unrolled: Unrolled, flags: Flags) -> tuple[str, Flags]:
    """The flags after the freeze `text`, such as `freeze-to:block4,thaw:head`, and what it is in words.

    A layer is named by its path, its name, the beginning of its name, or a pattern with `*`; a nested model stands
    for what is in it. `freeze-to` takes everything that runs up to the last of these. Raises `NoSuchFreeze` for what
    has no such form, names no layer with weights, or freezes and thaws one layer by the same name.
    """
    changes = [_change(item.strip(), model, unrolled, flags) for item in text.split(",") if item.strip()]
    if not changes:
        raise NoSuchFreeze(f"--what-if {text!r} says nothing: write {FORM}")
    for number, change in enumerate(changes):
        for other in changes[:number]:
            if change.paths == other.paths and change.frozen != other.frozen:
                raise NoSuchFreeze(f"--what-if {text!r} freezes and thaws the same layers")
    for change in changes:
        flags = flags.with_frozen(set(change.paths), frozen=change.frozen)
    return "; ".join(change.words for change in changes), flags


def _change(item: str, model: ModelGraph, unrolled: Unrolled, flags: Flags) -> Change:
    verb, colon, name = item.partition(":")
    verb, name = verb.strip(), name.strip()
    if not colon or verb not in VERBS or not name:
        raise NoSuchFreeze(f"--what-if {item!r} is not {FORM}")
    found = _named(name, model, flags)
    if not found:
        raise NoSuchFreeze(f"--what-if: no layer with weights is called {name!r}{_nearest(name, model)}")
    if verb == "freeze-to":
        return Change(f"everything up to `{name}` frozen", frozenset(up_to(found, unrolled, flags)))
    word = "frozen" if verb == "freeze" else "thawed"
    return Change(f"`{name}` {word}", frozenset(found), frozen=verb == "freeze")


def _named(name: str, model: ModelGraph, flags: Flags) -> set[str]:
    """The layers with weights that `name` stands for."""
    tests = (
        lambda path: path == name or path.startswith(f"{name}/"),
        lambda path: name in path.split("/"),
        lambda path: fnmatchcase(path, name),
        lambda path: path.rpartition("/")[2].startswith(name),
    )
    for test in tests:
        found = {path for path in flags.trains if test(path)}
        if found:
            return found
    return set()


def _nearest(name: str, model: ModelGraph) -> str:
    known = {word for layer in model.layers() for word in (layer.path, layer.name)}
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.3)
    return f"; nearest are {', '.join(repr(word) for word in close)}" if close else ""


def up_to(paths: set[str], unrolled: Unrolled, flags: Flags) -> set[str]:
    """The layers with weights that run before the last of `paths`, and those themselves."""
    last = max((number for number, run in enumerate(unrolled.runs) if run.layer.path in paths), default=-1)
    return {run.layer.path for run in unrolled.runs[: last + 1] if run.layer.path in flags.trains} | paths


def before(paths: Sequence[str], unrolled: Unrolled, flags: Flags) -> set[str]:
    """The layers with weights whose outputs one of the layers at `paths` depends on, and those themselves."""
    makers = {tensor: run for run in unrolled.runs for tensor in run.outputs}
    wanted = set(paths)
    stack = [tensor for run in unrolled.runs if run.layer.path in wanted for tensor in run.inputs]
    seen = set(stack)
    while stack:
        run = makers.get(stack.pop())
        if run is not None:
            wanted.add(run.layer.path)
            more = [tensor for tensor in run.inputs if tensor not in seen]
            seen.update(more)
            stack.extend(more)
    return wanted & set(flags.trains)


def usual(model: ModelGraph, unrolled: Unrolled, flags: Flags) -> tuple[str, Flags] | None:
    """The prefix that is worth a look, in words: what is frozen and all that runs before it, without a gap.

    With nothing frozen: the largest nested model, or all but the last layer with weights. None if that is what the
    model has already.
    """
    frozen = [path for path, trains in flags.trains.items() if not trains]
    order = [path for path in dict.fromkeys(run.layer.path for run in unrolled.runs) if path in flags.trains]
    if frozen:
        chosen = before(frozen, unrolled, flags)
        places = {path: place for place, path in enumerate(order)}
        last = max(chosen, key=lambda path: places.get(path, -1))
        words = f"everything up to `{last}` frozen"
    else:
        nested = _largest_model(model)
        if nested is not None:
            chosen = before([path for path in flags.trains if path.startswith(f"{nested.path}/")], unrolled, flags)
            words = f"`{nested.path}` and what is before it frozen"
        else:
            chosen = set(order[:-1])
            words = f"everything but `{order[-1]}` frozen" if order else ""
    after = flags.with_frozen(chosen)
    return (words, after) if chosen and after.trains != flags.trains else None


def _largest_model(model: ModelGraph) -> Layer | None:
    children = model.root.children if model.root is not None else []
    nested = [child for child in children if child.kind in (LayerKind.FUNCTIONAL, LayerKind.SEQUENTIAL)]
    return max(nested, key=lambda child: sum(1 for _ in child.walk()), default=None)
