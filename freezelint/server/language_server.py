"""The server itself: what it is told of documents, when it checks them, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from freezelint import __version__
from freezelint.server.checked import Checked
from freezelint.server.opened import Opened, SettingsError, check, notebook

QUIET_SECONDS = 0.3
"""How long nobody must have typed before a document is checked."""

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
        self._told: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    def opened(self, uri: str) -> Opened | None:
        """The document as it is in the editor now: a file, or the notebook that `uri` or a cell of that name is in."""
        found = self.workspace.get_notebook_document(notebook_uri=uri) or self.workspace.get_notebook_document(
            cell_uri=uri
        )
        if found is not None:
            code = [cell.document for cell in found.cells if cell.kind == lsp.NotebookCellKind.Code]
            return notebook(found.uri, [(cell, self.workspace.get_text_document(cell).source) for cell in code])
        document = self.workspace.text_documents.get(uri)
        return Opened(uri, document.source.encode("utf-8", "replace")) if _is_python(document) else None

    def others(self) -> list[Opened]:
        """Every file that is open."""
        found = (self.opened(uri) for uri in list(self.workspace.text_documents))
        return [opened for opened in found if opened is not None and opened.cells is None]

    def changed(self, uri: str, wait: float = QUIET_SECONDS) -> None:
        """Has a document checked after `wait` seconds; a check that waits or runs for an older state is dropped."""
        self._checked.pop(uri, None)
        self.forget(uri)
        self._waiting[uri] = asyncio.ensure_future(self._check(uri, wait))

    def forget(self, uri: str) -> None:
        """Drops what waits or runs for a document."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    def closed(self, uri: str, documents: tuple[str, ...]) -> None:
        """Takes the diagnostics of a document away."""
        self.forget(uri)
        self._checked.pop(uri, None)
        for document in documents:
            self._publish(document, [])

    async def checked(self, uri: str) -> Checked | None:
        """A document with its report, for the text that is in the editor now; None for what is not open."""
        opened = self.opened(uri)
        if opened is None:
            return None
        if opened.uri not in self._checked:
            if opened.uri not in self._waiting:
                self.changed(opened.uri, 0)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._waiting[opened.uri])
        return self._checked.get(opened.uri)

    async def _check(self, uri: str, wait: float) -> None:
        await asyncio.sleep(wait)
        async with self._one_at_a_time:
            opened = self.opened(uri)
            if opened is None:
                return
            others = self.others()
            try:
                report, texts = await asyncio.to_thread(check, opened, others)
            except SettingsError as error:
                self._tell(str(error))
                for document in opened.documents:
                    self._publish(document, [])
                return
            checked = Checked(opened, report, texts, self.workspace.position_codec.client_num_units)
        self._checked[uri] = checked
        self._waiting.pop(uri, None)
        for document, diagnostics in checked.diagnostics().items():
            self._publish(document, diagnostics)

    def _publish(self, uri: str, diagnostics: list[lsp.Diagnostic]) -> None:
        known = self.workspace.text_documents.get(uri)
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, diagnostics, version=known.version if known is not None else None)
        )

    def _tell(self, sentence: str) -> None:
        """Shows a message to the user, each once."""
        if sentence not in self._told:
            self._told.add(sentence)
            message = f"freezelint checks nothing here: {sentence}"
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, message))


def _is_python(document: TextDocument | None) -> bool:
    if document is None:
        return False
    return document.language_id == "python" or document.uri.endswith((".py", ".pyi"))


def make() -> Server:
    """A server with its answers; `start_io` on it serves standard input and output until the editor leaves."""
    server = Server()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri, (params.text_document.uri,))

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
        server.closed(params.notebook_document.uri, tuple(cell.uri for cell in params.cell_text_documents))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        checked = await server.checked(params.text_document.uri)
        return checked.hover(params.text_document.uri, params.position) if checked is not None else None

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])
    )
    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        checked = await server.checked(params.text_document.uri)
        return checked.actions(params.text_document.uri, params.range) if checked is not None else []

    return server
