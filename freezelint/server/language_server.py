"""The server itself: what it is told of documents, when it checks them, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from freezelint import __version__
from freezelint.inspecting import DEBUG_VARIABLE
from freezelint.server.checked import Checked
from freezelint.server.opened import Opened, SettingsError, check, file, notebook

QUIET_SECONDS = 0.3
"""How long nobody must have typed before a document is checked."""

WATCHED = ("**/pyproject.toml", "**/freezelint.toml", "**/requirements*.txt")
"""What an editor is asked to tell changes of: the findings in every file depend on it."""

_NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithCells(cells=[lsp.NotebookCellLanguage(language="python")]),
    ]
)


class Server(LanguageServer):
    """Checks what is open, a moment after the last key, one document at a time and never an outdated one."""

    def __init__(self) -> None:
        super().__init__("freezelint", __version__, notebook_document_sync=_NOTEBOOKS)
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._checked: dict[str, Checked] = {}
        self._shown: dict[str, tuple[str, ...]] = {}
        """The documents that were last told what was found in them."""
        self._told: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()
        self._worker = ThreadPoolExecutor(1, "freezelint")
        """One thread: an analysis cannot be stopped, and two at once would share what they remember."""

    def opened(self, uri: str) -> Opened | None:
        """The document as it is in the editor now: a file, or the notebook that `uri` or a cell of that name is in."""
        found = self.workspace.get_notebook_document(notebook_uri=uri) or self.workspace.get_notebook_document(
            cell_uri=uri
        )
        if found is not None:
            code = [cell.document for cell in found.cells if cell.kind == lsp.NotebookCellKind.Code]
            return notebook(found.uri, [(cell, self._text(cell)) for cell in code])
        document = self._document(uri)
        return file(document.uri, document.source) if document is not None and _is_python(document) else None

    def others(self) -> list[Opened]:
        """Every file that is open."""
        found = (self.opened(document.uri) for document in list(self.workspace.text_documents.values()))
        return [opened for opened in found if opened is not None and opened.cells is None]

    def changed(self, uri: str, wait: float = QUIET_SECONDS) -> None:
        """Has a document checked after `wait` seconds; a check that waits or runs for an older state is dropped."""
        self.forget(uri)
        self._waiting[_key(uri)] = asyncio.ensure_future(self._check(uri, wait))

    def all_changed(self, besides: str | None = None) -> None:
        """Has everything that is open checked again, but for one document: what it depends on has changed."""
        notebooks = [found.uri for found in self.workspace.notebook_documents.values()]
        for uri in [*notebooks, *(opened.uri for opened in self.others())]:
            if besides is None or _key(uri) != _key(besides):
                self.changed(uri)

    def forget(self, uri: str) -> None:
        """Drops what is known of a document, and what waits or runs for it."""
        self._checked.pop(_key(uri), None)
        waiting = self._waiting.pop(_key(uri), None)
        if waiting is not None:
            waiting.cancel()

    def closed(self, uri: str) -> None:
        """Takes the diagnostics of a document, with all its cells, away."""
        self.forget(uri)
        self._told.pop(_key(uri), None)
        self._show(uri, {})

    async def checked(self, uri: str) -> Checked | None:
        """A document with its report, for the text that is in the editor now; None for what is not open."""
        opened = self.opened(uri)
        if opened is None:
            return None
        key = _key(opened.uri)
        while key not in self._checked:
            if key not in self._waiting:
                self.changed(opened.uri, 0)
            waiting = self._waiting[key]
            await asyncio.wait([waiting])
            if not waiting.cancelled():
                break
        return self._checked.get(key)

    async def watch(self) -> None:
        """Asks the editor to tell when a configuration changes, if it can."""
        workspace = self.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is None or not watching.dynamic_registration:
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher(pattern) for pattern in WATCHED])
        wanted = lsp.Registration("freezelint-configuration", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        with contextlib.suppress(JsonRpcException):  # then it tells nothing, and the next change or save does
            await self.client_register_capability_async(lsp.RegistrationParams([wanted]))

    async def _check(self, uri: str, wait: float) -> None:
        await asyncio.sleep(wait)
        try:
            async with self._one_at_a_time:
                checked = await self._run(uri)
            found = checked.diagnostics() if checked is not None else {}
        except SettingsError as error:
            self._tell(uri, str(error))
            checked, found = None, {}
        except Exception as error:  # a fault of freezelint outside of the analysis: said, and the server lives on
            if os.environ.get(DEBUG_VARIABLE):
                raise
            self._tell(uri, f"internal error ({type(error).__name__}: {error}); please report it with the input")
            checked, found = None, {}
        else:
            self._told.pop(_key(uri), None)
        if checked is not None:
            self._checked[_key(uri)] = checked
        self._waiting.pop(_key(uri), None)
        self._show(uri, found)

    async def _run(self, uri: str) -> Checked | None:
        opened = self.opened(uri)
        if opened is None:
            return None
        others = self.others()
        report, texts = await asyncio.get_running_loop().run_in_executor(self._worker, check, opened, others)
        return Checked(opened, report, texts, self.workspace.position_codec.client_num_units)

    def _show(self, uri: str, found: dict[str, list[lsp.Diagnostic]]) -> None:
        """Publishes what was found in each document, and takes away what was shown in the others."""
        gone = [document for document in self._shown.pop(_key(uri), ()) if document not in found]
        if found:
            self._shown[_key(uri)] = tuple(found)
        for document, diagnostics in [*((document, []) for document in gone), *found.items()]:
            known = self._document(document)
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(document, diagnostics, known.version if known is not None else None)
            )

    def _document(self, uri: str) -> TextDocument | None:
        documents: dict[str, TextDocument] = self.workspace.text_documents
        return documents.get(_key(uri))

    def _text(self, cell: str) -> str:
        """The text of a cell; empty for one that the editor does not send, because it is in another language."""
        document = self._document(cell)
        return document.source if document is not None else ""

    def _tell(self, uri: str, sentence: str) -> None:
        """Shows a message to the user, once for as long as it is true."""
        if sentence not in self._told.values():
            message = f"freezelint checks nothing here: {sentence}"
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, message))
        self._told[_key(uri)] = sentence


def _key(uri: str) -> str:
    """What a document is kept under here and in the workspace: editors do not agree on what is quoted in a URI."""
    return unquote(uri)


def _wants_quick_fixes(only: Sequence[lsp.CodeActionKind | str] | None) -> bool:
    """Whether what an editor asks for (None: everything) includes quick fixes."""
    asked = None if only is None else [str(getattr(kind, "value", kind)) for kind in only]
    return asked is None or any(kind in ("", lsp.CodeActionKind.QuickFix.value) for kind in asked)


def _is_python(document: TextDocument) -> bool:
    return document.language_id == "python" or document.uri.endswith((".py", ".pyi"))


def make() -> Server:
    """A server with its answers; `start_io` on it serves standard input and output until the editor leaves."""
    server = Server()

    @server.feature(lsp.INITIALIZED)
    async def initialized(params: lsp.InitializedParams) -> None:
        await server.watch()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.all_changed()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)
        server.all_changed(besides=params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_opened(params: lsp.DidOpenNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri, 0)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_changed(params: lsp.DidChangeNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(params: lsp.DidSaveNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri, 0)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_closed(params: lsp.DidCloseNotebookDocumentParams) -> None:
        server.closed(params.notebook_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        checked = await server.checked(params.text_document.uri)
        return checked.hover(params.text_document.uri, params.position) if checked is not None else None

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])
    )
    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        if not _wants_quick_fixes(params.context.only):
            return []
        checked = await server.checked(params.text_document.uri)
        return checked.actions(params.text_document.uri, params.range) if checked is not None else []

    return server
