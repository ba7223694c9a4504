"""Findings in the words of the Language Server Protocol: diagnostics, hovers, quick fixes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lsprotocol import types as lsp
from pygls.uris import from_fs_path

from freezelint import add_ignore, catalogue
from freezelint.finding import Applicability, Edit, Finding, Fix, Position, Severity, Span
from freezelint.report import Report
from freezelint.report.rules import as_page
from freezelint.server.opened import Opened
from freezelint.texts import Texts

Units = Callable[[str], int]
"""How many of the units, in which the editor counts columns, a text has."""

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}
_REASON = "say why"


@dataclass(frozen=True)
class Checked:
    """A document with its report, for as long as nobody types. `units` counts columns as the editor does."""

    opened: Opened
    report: Report
    texts: Texts
    units: Units

    def diagnostics(self) -> dict[str, list[lsp.Diagnostic]]:
        """The diagnostics of each document: of the file, or of every cell."""
        found: dict[str, list[lsp.Diagnostic]] = {uri: [] for uri in self.opened.documents}
        for uri, finding in self._here():
            found[uri].append(self._diagnostic(finding))
        return found

    def hover(self, uri: str, position: lsp.Position) -> lsp.Hover | None:
        """The pages of the rules that found something at a place."""
        here = {finding.name: finding for finding in self._at(uri, lsp.Range(position, position))}
        pages = [as_page(rule) for name in here if (rule := catalogue.find(name)) is not None]
        if not pages:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(pages)))

    def actions(self, uri: str, place: lsp.Range) -> list[lsp.CodeAction]:
        """What can be done about the findings in a stretch: their fixes, and a comment that ignores them."""
        actions = []
        for finding in self._at(uri, place):
            if finding.fix is not None:
                actions.append(self._action(finding, finding.fix))
            for ignored in add_ignore.fixes([finding], self.texts, _REASON):
                actions.append(self._action(finding, ignored, f"Ignore {finding.name} here", is_fix=False))
        return actions

    def _here(self) -> Iterator[tuple[str, Finding]]:
        """The findings with the documents of this editor window that they lie in."""
        known = set(self.opened.documents)
        for finding in self.report.findings:
            cell = finding.span.cell if finding.span is not None else None
            uri = self.opened.document(cell)
            if finding.path == self.opened.name and uri in known:
                yield uri, finding

    def _at(self, uri: str, place: lsp.Range) -> Iterator[Finding]:
        for document, finding in self._here():
            own = self._range(finding.span)
            if document == uri and own.start <= place.end and place.start <= own.end:
                yield finding

    def _diagnostic(self, finding: Finding) -> lsp.Diagnostic:
        rule = catalogue.find(finding.name)
        related = [
            lsp.DiagnosticRelatedInformation(self._location(step.span), step.message) for step in finding.related
        ]
        return lsp.Diagnostic(
            range=self._range(finding.span),
            message=f"{finding.message} ({finding.name})",
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=lsp.CodeDescription(rule.url) if rule is not None else None,
            source="freezelint",
            related_information=related,
        )

    def _action(self, finding: Finding, fix: Fix, title: str = "", *, is_fix: bool = True) -> lsp.CodeAction:
        changes: dict[str, list[lsp.TextEdit]] = {}
        for edit in fix.edits:
            changes.setdefault(self._uri(edit.span), []).append(self._edit(edit))
        changed = "" if fix.applicability is Applicability.SAFE else " (changes training)"
        return lsp.CodeAction(
            title=title or f"{fix.title}{changed}",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[self._diagnostic(finding)],
            is_preferred=is_fix and not changed,
            edit=lsp.WorkspaceEdit(changes=changes),
        )

    def _edit(self, edit: Edit) -> lsp.TextEdit:
        return lsp.TextEdit(self._range(edit.span), edit.text)

    def _location(self, span: Span) -> lsp.Location:
        return lsp.Location(self._uri(span), self._range(span))

    def _uri(self, span: Span) -> str:
        if span.path == self.opened.name:
            return self.opened.document(span.cell)
        path = os.path.abspath(self.texts.location(span.path) or span.path)  # noqa: PTH100 (links keep their names)
        return from_fs_path(path) or span.path

    def _range(self, span: Span | None) -> lsp.Range:
        """A stretch as the editor counts: lines from 0, columns in its units; the beginning of the text for None."""
        if span is None:
            return lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
        lines = self.texts.lines(span.path, span.cell)
        return lsp.Range(self._position(span.start, lines), self._position(span.end, lines))

    def _position(self, position: Position, lines: Sequence[str]) -> lsp.Position:
        line, before = position.line - 1, position.column - 1
        text = lines[line][:before] if line < len(lines) else ""
        return lsp.Position(line, self.units(text))
