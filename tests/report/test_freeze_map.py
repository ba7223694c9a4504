"""The page as text: what a browser does with it is in `test_freeze_map_in_browser.py`."""

import base64
import hashlib
import json
import re

import pytest

from freezelint.costs import LayerCost, Work
from freezelint.finding import Confidence, Finding, Severity
from freezelint.freeze_map import Edge, FreezeMap, Node, NodeKind, State
from freezelint.report.freeze_map import render

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def page(*, name="conv", findings=()):
    cost = LayerCost(name, "Conv2D", True, 9, Work(10, 20), weight_gradient=Work(10, 20))
    nodes = (
        Node(NodeKind.INPUT, "in", "", None),
        Node(NodeKind.LAYER, name, name, None, "Conv2D", State.TRAINS, "4 × 4", cost, 0.5),
        Node(NodeKind.LOSS, "loss", "", None),
    )
    edges = (Edge(0, 1, False), Edge(1, 2, True))
    return render(
        FreezeMap(f"{name}.keras", name, "3.15", nodes, edges, True, (f"`{name}` trains",), (name,)), findings
    )


def finding(layer, name="frozen-on-gradient-path"):
    return Finding("FZ301", name, Severity.INFO, Confidence.CERTAIN, EVIL, "m.keras", layer=layer)


def data(text):
    return json.loads(re.search(r'<script type="application/json" id="map">(.*?)</script>', text, re.DOTALL)[1])


def test_what_a_file_says_stays_text():
    text = page(name=EVIL, findings=[finding(EVIL)])
    assert "<img" not in text
    assert text.count("<script") == 3
    assert data(text)["nodes"][1]["name"] == EVIL


def test_the_policy_allows_the_scripts_and_the_style_of_the_page_and_nothing_else():
    text = page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src ")
    inline = [
        *re.findall(r"<script>(.*?)</script>", text, re.DOTALL),
        *re.findall(r"<style>(.*?)</style>", text, re.DOTALL),
    ]
    assert len(inline) == 3
    for part in inline:
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_anywhere():
    text = re.sub(r"<template.*?</template>", "", page(findings=[finding("conv")]), flags=re.DOTALL)
    assert not re.findall(
        r"""(?:src|href)\s*=\s*["']?(?!x )\w""", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    )
    assert "sourceMappingURL" not in text


@pytest.mark.parametrize(("layer", "place"), [("conv", 1), ("conv/inside", 1), ("other", None), (None, None)])
def test_a_finding_is_a_mark_at_its_layer_or_the_box_around_it(layer, place):
    found = data(page(findings=[finding(layer)]))
    assert found["findings"][0]["node"] == place
    assert found["nodes"][1]["findings"] == ([0] if place else [])


def test_the_page_of_each_rule_that_is_needed_is_there_once():
    text = page(findings=[finding("conv"), finding("conv"), finding("conv", "no-such-rule")])
    assert text.count('<template id="rule-frozen-on-gradient-path">') == 1
    assert "Why it is a mistake" in text
