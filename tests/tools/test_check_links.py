"""The tool that asks external links: which links it sees, and what it makes of the answers."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "check_links.py"

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="a source distribution has no tools")


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("check_links", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(501 if "get-only" in self.path else int(self.path[1:4]))
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:4]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_links_are_found_without_the_punctuation_around_them(tool: Any) -> None:
    text = 'See https://a.example/x, <https://b.example/>, [c](https://c.example/d_(e)) and "https://d.example/#f", not `https://e.example`.'
    found = {"https://a.example/x", "https://b.example/", "https://c.example/d_(e)", "https://d.example/#f"}
    assert tool.links_in(text) == found


@pytest.mark.parametrize(
    ("path", "alive"),
    [("/200", True), ("/200/get-only", True), ("/403", True), ("/429", True), ("/404", False), ("/500", False)],
)
def test_a_link_is_dead_if_the_server_says_so(tool: Any, server: str, path: str, alive: bool) -> None:
    assert tool.status(server + path) == (alive, path[1:4])


def test_a_server_that_cannot_be_reached_is_dead(tool: Any) -> None:
    alive, words = tool.status("http://127.0.0.1:9/")
    assert not alive
    assert words


def test_the_references_of_the_rules_are_among_the_links(tool: Any) -> None:
    places = tool.found()
    assert Path("rules/unfrozen-batchnorm.md") in places["https://keras.io/guides/transfer_learning/"]


def run(tool: Any, monkeypatch: pytest.MonkeyPatch, *links: str) -> int:
    monkeypatch.setattr(tool, "found", lambda: {link: [Path("README.md")] for link in links})
    monkeypatch.setattr(tool.sys, "argv", ["check_links.py"])
    return int(tool.main())


def test_the_exit_code_says_what_was_found(tool: Any, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tool, monkeypatch, f"{server}/200") == 0
    assert run(tool, monkeypatch, f"{server}/200", f"{server}/404") == 1
    assert run(tool, monkeypatch, "http://127.0.0.1:9/") == 2
