"""The freeze map: one self-contained page with the model as a graph, from its inputs to the loss.

The page loads nothing: its policy allows the two scripts and the style that stand in it, by their hashes, and nothing
else. What comes from the model is data for the script, or escaped text; the script puts it on the page as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from markdown_it import MarkdownIt

from freezelint import __version__, catalogue
from freezelint.costs import LayerCost
from freezelint.finding import Finding
from freezelint.freeze_map import FreezeMap, Node, NodeKind, State
from freezelint.report.rules import as_page
from freezelint.report.style import printable

_STATES = {
    State.TRAINS: "trains",
    State.FROZEN: "frozen",
    State.ON_PATH: "path",
    State.LIVE_BATCHNORM: "live",
    State.NO_WEIGHTS: "none",
}
_CODE = re.compile(r"`([^`]+)`")
_NOTHING = '<p class="fine">Nothing.</p>'
_FOLDERS = (NodeKind.MODEL, NodeKind.STRETCH)


def render(drawn: FreezeMap, findings: Sequence[Finding] = ()) -> str:
    """The page of one model with the findings in it. Marks stand at the layers that findings name."""
    style, layout, script = map(_asset, ("page.css", "dagre.min.js", "page.js"))
    policy = "; ".join([
        "default-src 'none'",
        f"script-src {_hash(layout)} {_hash(script)}",
        f"style-src {_hash(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    ])
    machine = f"Times are estimated for CPU, fitted on {drawn.machine}." if drawn.machine else ""
    facts = (drawn.writer, f"as Keras {drawn.keras} trains it", f"freezelint {__version__}")
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=_text(drawn.path),
        about=_text(" · ".join(fact for fact in facts if fact)),
        style=style,
        sentences=_paragraphs(drawn.sentences),
        gaps=_paragraphs(dict.fromkeys(drawn.gaps)),
        machine=_text(machine),
        pages="\n".join(_rule_page(name) for name in sorted({finding.name for finding in findings})),
        data=_data(drawn, findings),
        layout=layout,
        script=script,
    )


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return files("freezelint.report.freeze_map").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """The name of an inline script or style in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(text: str) -> str:
    return escape(printable(text))


def _paragraphs(sentences: Iterable[str]) -> str:
    """Sentences, in which words between backquotes are code."""
    paragraphs = [_CODE.sub(r"<code>\1</code>", _text(sentence)) for sentence in sentences]
    return "\n".join(f"<p>{text}</p>" for text in paragraphs) or _NOTHING


def _rule_page(name: str) -> str:
    """The page of a rule, as it waits for being opened; the catalogue's own text, without any HTML in it."""
    rule = catalogue.rules().get(name)
    if rule is None:
        return ""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(as_page(rule))
    body = body.replace("<a href=", '<a target="_blank" rel="noopener noreferrer" href=')
    return f'<template id="rule-{escape(name)}">{body}</template>'


def _data(drawn: FreezeMap, findings: Sequence[Finding]) -> str:
    """What the script reads: JSON in which no `<` can end the element that it stands in."""
    numbers = {node.path: number for number, node in enumerate(drawn.nodes) if node.path}
    places = [_place(finding.layer, numbers) for finding in findings]
    marks: dict[int | None, list[int]] = {}
    for at, place in enumerate(places):
        marks.setdefault(place, []).append(at)
    document = {
        "isGraph": drawn.is_graph,
        "nodes": [_node(node, marks.get(number, [])) for number, node in enumerate(drawn.nodes)],
        "edges": [[edge.source, edge.target, edge.gradient] for edge in drawn.edges],
        "findings": [
            {
                "severity": finding.severity.value,
                "code": finding.code,
                "name": finding.name,
                "message": printable(finding.message),
                "node": place,
            }
            for finding, place in zip(findings, places, strict=True)
        ],
    }
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _place(path: str | None, numbers: dict[str, int]) -> int | None:
    """The box of a layer, or the nearest one around it."""
    while path:
        if path in numbers:
            return numbers[path]
        path = path.rpartition("/")[0]
    return None


def _node(node: Node, findings: list[int]) -> dict[str, Any]:
    cost = node.cost
    return {
        "kind": node.kind.value,
        "folder": node.kind in _FOLDERS,
        "name": printable(node.name),
        "path": printable(node.path),
        "parent": node.parent,
        "cls": printable(node.class_name),
        "state": _STATES[node.state],
        "shape": node.shape,
        "share": node.share,
        "cost": None if cost is None else _cost(cost),
        "ends": bool(cost is not None and cost.trains and not cost.upstream and cost.weight_gradient.bytes),
        "findings": findings,
    }


def _cost(cost: LayerCost) -> dict[str, Any]:
    columns = {
        "forward": cost.forward,
        "input": cost.input_gradient,
        "weight": cost.weight_gradient,
        "optimizer": cost.optimizer,
    }
    return {
        "weights": cost.weights,
        "upstream": [printable(path) for path in cost.upstream],
        **{name: [work.flops, work.bytes] for name, work in columns.items()},
    }
