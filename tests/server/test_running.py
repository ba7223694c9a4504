"""When documents are checked: the server in this process, with a check that waits until it is told to go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp
from pygls.workspace import Workspace

from freezelint.report import Report
from freezelint.server import language_server
from freezelint.server.opened import Opened, SettingsError
from freezelint.texts import Texts

URI = "file:///nowhere/my%20model.py"


class Editor:
    """A server without a client: what it would publish and show is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, check: Callable[[Opened], None]) -> None:
        self.published: list[tuple[str, int | None]] = []
        self.messages: list[str] = []
        self.server = language_server.Server()
        self.server.protocol._workspace = Workspace(None)
        monkeypatch.setattr(
            self.server,
            "text_document_publish_diagnostics",
            lambda found: self.published.append((found.uri, found.version)),
        )
        monkeypatch.setattr(self.server, "window_show_message", lambda shown: self.messages.append(shown.message))

        def checked(opened: Opened, others: Any) -> tuple[Report, Texts]:
            check(opened)
            return Report((), (), 1, 0), Texts()

        monkeypatch.setattr(language_server, "check", checked)

    def type(self, version: int) -> None:
        self.server.workspace.put_text_document(lsp.TextDocumentItem(URI, "python", version, f"x = {version}"))
        self.server.changed(URI, 0)


def test_an_outdated_check_is_dropped_and_no_two_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    seen: list[bytes] = []
    running: list[int] = []

    def check(opened: Opened) -> None:
        running.append(1)
        assert len(running) == 1
        seen.append(opened.data)
        begun.release()
        assert go_on.wait(60)
        running.pop()

    async def scene() -> None:
        editor = Editor(monkeypatch, check)
        editor.type(1)
        await asyncio.to_thread(begun.acquire)
        for version in (2, 3, 4):
            editor.type(version)
            for _ in range(5):
                await asyncio.sleep(0)
        go_on.set()
        assert await editor.server.checked(URI) is not None
        assert seen == [b"x = 1", b"x = 4"]
        assert editor.published == [(URI, 4)]

    asyncio.run(scene())


def test_whoever_asks_while_somebody_types_gets_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        editor = Editor(monkeypatch, lambda opened: None)
        editor.type(1)
        asked = asyncio.ensure_future(editor.server.checked(URI))
        await asyncio.sleep(0)
        editor.type(2)
        found = await asked
        assert found is not None
        assert found.opened.data == b"x = 2"

    asyncio.run(scene())


@pytest.mark.parametrize("error", [SettingsError("no such key"), RuntimeError("a fault")])
def test_what_goes_wrong_is_said_once_for_as_long_as_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    wrong = [error, error, None, error]

    def check(opened: Opened) -> None:
        now = wrong.pop(0)
        if now is not None:
            raise now

    async def scene() -> None:
        editor = Editor(monkeypatch, check)
        said = []
        for version in range(4):
            editor.type(version)
            assert (await editor.server.checked(URI) is None) == (version != 2)
            said.append(len(editor.messages))
        assert said == [1, 1, 1, 2]
        assert str(error) in editor.messages[0]

    monkeypatch.delenv(language_server.DEBUG_VARIABLE, raising=False)
    asyncio.run(scene())
