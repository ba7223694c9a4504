"""The server as an editor meets it: a client on standard input and output, which waits for what it is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

pytest_lsp = pytest.importorskip("pytest_lsp")
from lsprotocol import types as lsp  # noqa: E402

MISTAKE = """\
import keras

base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(5)])
model.compile("adam", "mse")
model.fit(train)
base.trainable = True
model.compile(keras.optimizers.Adam(1e-5), "mse")
model.fit(train)
"""
MENDED = MISTAKE.replace(
    "base.trainable = True\n",
    "base.trainable = True\n"
    "for layer in base.layers:\n"
    "    if isinstance(layer, keras.layers.BatchNormalization):\n"
    "        layer.trainable = False\n",
)
AT_MOST = 60
"""Seconds without a word from the server after which a test has failed."""
TYPO = 'import keras\n\nlayer = keras.layers.Dense(3)\nprint("😀"); layer.trainble = False\n'


@pytest_lsp.fixture(
    config=pytest_lsp.ClientServerConfig(server_command=[sys.executable, "-m", "freezelint", "server"]),
)
async def client(lsp_client: pytest_lsp.LanguageClient):
    await lsp_client.initialize_session(
        lsp.InitializeParams(capabilities=pytest_lsp.client_capabilities("visual-studio-code"))
    )
    yield
    await lsp_client.shutdown_session()


async def told(client: Any, uri: str, codes: list[str]) -> list[lsp.Diagnostic]:
    """The diagnostics of a document, as soon as they are those."""
    while [found.code for found in client.diagnostics.get(uri, ())] != codes or uri not in client.diagnostics:
        await asyncio.wait_for(client.wait_for_notification(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), AT_MOST)
    return list(client.diagnostics[uri])


def open_file(client: Any, path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(path.as_uri(), "python", 1, text)))
    return path.as_uri()


def change(client: Any, uri: str, version: int, text: str) -> None:
    client.text_document_did_change(
        lsp.DidChangeTextDocumentParams(
            lsp.VersionedTextDocumentIdentifier(version, uri), [lsp.TextDocumentContentChangeWholeDocument(text)]
        )
    )


def applied(text: str, edits: list[lsp.TextEdit]) -> str:
    """The text with edits made, as an editor makes them: columns in UTF-16."""
    lines = [line.encode("utf-16-le") for line in text.splitlines(keepends=True)] + [b""]
    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        start, end = edit.range.start, edit.range.end
        head, tail = lines[start.line][: 2 * start.character], lines[end.line][2 * end.character :]
        lines[start.line : end.line + 1] = [head + edit.new_text.encode("utf-16-le") + tail]
    return b"".join(lines).decode("utf-16-le")


@pytest.mark.asyncio
async def test_a_mistake_is_told_with_its_story_and_goes_when_it_is_mended(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    [found] = await told(client, uri, ["FZ101"])
    assert found.severity == lsp.DiagnosticSeverity.Error
    assert found.source == "freezelint"
    assert found.range.start == lsp.Position(7, 0)
    assert [step.location.range.start.line for step in found.related_information] == [3, 9]
    assert {step.location.uri for step in found.related_information} == {uri}
    change(client, uri, 2, MENDED)
    await told(client, uri, [])


@pytest.mark.asyncio
async def test_hovering_shows_the_page_of_the_rule(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    place = lsp.TextDocumentIdentifier(uri)
    found = await client.text_document_hover_async(lsp.HoverParams(place, lsp.Position(7, 3)))
    assert "unfrozen-batchnorm (FZ101)" in found.contents.value
    assert await client.text_document_hover_async(lsp.HoverParams(place, lsp.Position(0, 3))) is None


@pytest.mark.asyncio
async def test_a_quick_fix_mends_the_text_behind_an_emoji(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "typo.py", TYPO)
    [found] = await told(client, uri, ["FZ207"])
    actions = await client.text_document_code_action_async(
        lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), found.range, lsp.CodeActionContext([found]))
    )
    fix, ignore = actions
    assert fix.is_preferred
    assert not ignore.is_preferred
    mended = applied(TYPO, fix.edit.changes[uri])
    assert mended == TYPO.replace("trainble", "trainable")
    change(client, uri, 2, applied(TYPO, ignore.edit.changes[uri]))
    await told(client, uri, [])
    change(client, uri, 3, TYPO)
    await told(client, uri, ["FZ207"])
    change(client, uri, 4, mended)
    await told(client, uri, [])


@pytest.mark.asyncio
async def test_a_fix_that_changes_training_says_so(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    [found] = await told(client, uri, ["FZ101"])
    fix, _ = await client.text_document_code_action_async(
        lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), found.range, lsp.CodeActionContext([found]))
    )
    assert fix.title.endswith("(changes training)")
    change(client, uri, 2, applied(MISTAKE, fix.edit.changes[uri]))
    await told(client, uri, [])


@pytest.mark.asyncio
async def test_the_cells_of_a_notebook_are_one_program(client: Any, tmp_path: Path) -> None:
    uri = (tmp_path / "train.ipynb").as_uri()
    texts = [MISTAKE[: MISTAKE.index("base.trainable = True")], MISTAKE[MISTAKE.index("base.trainable = True") :]]
    cells = [f"{uri}#cell{number}" for number in range(2)]
    client.notebook_document_did_open(
        lsp.DidOpenNotebookDocumentParams(
            lsp.NotebookDocument(
                uri, "jupyter-notebook", 1, [lsp.NotebookCell(lsp.NotebookCellKind.Code, cell) for cell in cells]
            ),
            [lsp.TextDocumentItem(cell, "python", 1, text) for cell, text in zip(cells, texts, strict=True)],
        )
    )
    [found] = await told(client, cells[1], ["FZ101"])
    assert found.range.start == lsp.Position(0, 0)
    assert found.related_information[0].location.uri == cells[0]
    assert client.diagnostics[cells[0]] in ([], ())


@pytest.mark.asyncio
async def test_a_module_that_is_open_counts_as_it_is_in_the_editor(client: Any, tmp_path: Path) -> None:
    """The finding lies in what trains; that the model is thawed stands in a file that was not saved."""
    (tmp_path / "pyproject.toml").touch()
    builder = open_file(client, tmp_path / "building.py", "import keras\n")
    await told(client, builder, [])
    change(client, builder, 2, MISTAKE[: MISTAKE.index("model = ")])
    trainer = "from building import base, keras\n\n" + MISTAKE[MISTAKE.index("model = ") :]
    uri = open_file(client, tmp_path / "training.py", trainer)
    [found] = await told(client, uri, ["FZ101"])
    assert found.related_information[0].location.uri == builder


@pytest.mark.asyncio
async def test_the_configuration_holds_and_a_broken_one_is_told(client: Any, tmp_path: Path) -> None:
    configuration = tmp_path / "freezelint.toml"
    configuration.write_text('ignore = ["unfrozen-batchnorm"]\n')
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    await told(client, uri, [])
    configuration.write_text("ignroe = []\n")
    change(client, uri, 2, MISTAKE)
    while not client.messages:
        await asyncio.wait_for(client.wait_for_notification(lsp.WINDOW_SHOW_MESSAGE), AT_MOST)
    assert "ignroe" in client.messages[-1].message
    configuration.unlink()
    change(client, uri, 3, MISTAKE)
    await told(client, uri, ["FZ101"])


@pytest.mark.asyncio
async def test_it_lives_on_after_text_that_is_no_program(client: Any, tmp_path: Path) -> None:
    uri = open_file(
        client, tmp_path / "train.py", "(" * 3000 + "\0 keras.trainable = \ud83d".encode("utf-8", "replace").decode()
    )
    await told(client, uri, ["FZ001"])
    change(client, uri, 2, MISTAKE)
    await told(client, uri, ["FZ101"])
