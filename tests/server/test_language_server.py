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
    lsp_client.watched = asyncio.get_running_loop().create_future()

    @lsp_client.feature(lsp.CLIENT_REGISTER_CAPABILITY)
    def register(params: lsp.RegistrationParams) -> None:
        lsp_client.watched.set_result(params.registrations)

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


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["with space.py", "größe#1 50%.py"])
async def test_a_file_may_have_any_name(client: Any, tmp_path: Path, name: str) -> None:
    uri = open_file(client, tmp_path / name, TYPO)
    [found] = await told(client, uri, ["FZ207"])
    assert found.range == lsp.Range(lsp.Position(3, 13), lsp.Position(3, 35))
    place = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), found.range.start)
    assert "trainable-typo" in (await client.text_document_hover_async(place)).contents.value


@pytest.mark.asyncio
async def test_cells_that_are_changed_and_removed(client: Any, tmp_path: Path) -> None:
    """The URIs are quoted as VS Code does it, and one cell is in a language that is not sent."""
    uri = (tmp_path / "my train.ipynb").as_uri()
    cells = [f"vscode-notebook-cell:{uri.removeprefix('file://')}#W{number}sZmlsZQ%3D%3D" for number in range(3)]
    code = [lsp.NotebookCell(lsp.NotebookCellKind.Code, cell) for cell in cells]
    texts = [lsp.TextDocumentItem(cells[0], "python", 1, "import keras\n"), _cell(cells[2], TYPO)]
    client.notebook_document_did_open(
        lsp.DidOpenNotebookDocumentParams(lsp.NotebookDocument(uri, "jupyter-notebook", 1, code), texts)
    )
    [found] = await told(client, cells[2], ["FZ207"])
    _, ignore = await client.text_document_code_action_async(
        lsp.CodeActionParams(lsp.TextDocumentIdentifier(cells[2]), found.range, lsp.CodeActionContext([found]))
    )
    assert "freezelint: ignore[trainable-typo]" in applied(TYPO, ignore.edit.changes[cells[2]])
    text = lsp.NotebookDocumentCellContentChanges(
        lsp.VersionedTextDocumentIdentifier(2, cells[0]), [lsp.TextDocumentContentChangeWholeDocument(TYPO)]
    )
    change_notebook(client, uri, 2, lsp.NotebookDocumentCellChanges(text_content=[text]))
    await told(client, cells[0], ["FZ207"])
    gone = lsp.NotebookDocumentCellChangeStructure(
        lsp.NotebookCellArrayChange(2, 1), did_close=[lsp.TextDocumentIdentifier(cells[2])]
    )
    change_notebook(client, uri, 3, lsp.NotebookDocumentCellChanges(structure=gone))
    await told(client, cells[2], [])
    await told(client, cells[0], ["FZ207"])
    client.notebook_document_did_close(
        lsp.DidCloseNotebookDocumentParams(
            lsp.NotebookDocumentIdentifier(uri), [lsp.TextDocumentIdentifier(cell) for cell in cells[:2]]
        )
    )
    await told(client, cells[0], [])


def _cell(uri: str, text: str) -> lsp.TextDocumentItem:
    return lsp.TextDocumentItem(uri, "python", 1, text)


def change_notebook(client: Any, uri: str, version: int, cells: lsp.NotebookDocumentCellChanges) -> None:
    client.notebook_document_did_change(
        lsp.DidChangeNotebookDocumentParams(
            lsp.VersionedNotebookDocumentIdentifier(version, uri), lsp.NotebookDocumentChangeEvent(cells=cells)
        )
    )


@pytest.mark.asyncio
async def test_saving_a_module_has_those_that_import_it_checked_again(client: Any, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    builder = open_file(client, tmp_path / "building.py", MENDED[: MENDED.index("model = ")])
    trainer = "from building import base, keras\n\n" + MISTAKE[MISTAKE.index("model = ") :]
    uri = open_file(client, tmp_path / "training.py", trainer)
    await told(client, uri, ["FZ101"])
    change(client, builder, 2, "keras = base = None\n")
    client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(builder)))
    await told(client, uri, [])


@pytest.mark.asyncio
async def test_a_changed_configuration_holds_at_once(client: Any, tmp_path: Path) -> None:
    [watched] = await asyncio.wait_for(client.watched, AT_MOST)
    assert watched.method == lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    await told(client, uri, ["FZ101"])
    for text, codes, messages in (
        ('exclude = ["train.py"]\n', [], 0),
        ("keras = 3\n", [], 1),
        ("", ["FZ101"], 1),
        ("keras = 3\n", [], 2),
    ):
        (tmp_path / "freezelint.toml").write_text(text)
        client.workspace_did_change_watched_files(
            lsp.DidChangeWatchedFilesParams([
                lsp.FileEvent((tmp_path / "freezelint.toml").as_uri(), lsp.FileChangeType.Changed)
            ])
        )
        while len(client.messages) != messages:
            await asyncio.wait_for(client.wait_for_notification(lsp.WINDOW_SHOW_MESSAGE), AT_MOST)
        await told(client, uri, codes)


@pytest.mark.asyncio
async def test_an_editor_that_wants_no_quick_fixes_gets_none(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    [found] = await told(client, uri, ["FZ101"])
    for only, count in (([lsp.CodeActionKind.SourceOrganizeImports], 0), ([lsp.CodeActionKind.QuickFix], 2)):
        context = lsp.CodeActionContext([found], only)
        asked = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), found.range, context)
        assert len(await client.text_document_code_action_async(asked) or ()) == count


@pytest.mark.asyncio
async def test_what_is_closed_has_no_diagnostics(client: Any, tmp_path: Path) -> None:
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    [found] = await told(client, uri, ["FZ101"])
    assert found.code_description.href.endswith("/unfrozen-batchnorm/")
    client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await told(client, uri, [])


HOSTILE = {
    "brackets": "import keras\nx = " + "[" * 5000,
    "attributes": "import keras\nx = keras" + ".a" * 20_000,
    "signs": "import keras\nx = " + "-" * 20_000 + "1",
    "blocks": "import keras\n" + "".join(" " * level + "if keras:\n" for level in range(300)),
    "null": "import keras\n\0",
    "half": "import keras\nx.trainable = '\ufffd'",
    "ends": "import keras\r\rkeras.x\r\n\x0c\u2028",
    "cookie": "# -*- coding: undecodable -*-\nimport keras",
    "ascii": "# -*- coding: ascii -*-\nimport keras; 'é'",
}


@pytest.mark.asyncio
async def test_it_lives_through_one_hostile_text_after_the_other(client: Any, tmp_path: Path) -> None:
    for name, text in HOSTILE.items():
        path = tmp_path / f"{name}.py"
        item = lsp.TextDocumentItem(path.as_uri(), "python", 1, text)
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        place = lsp.HoverParams(lsp.TextDocumentIdentifier(path.as_uri()), lsp.Position(1, 1))
        await client.text_document_hover_async(place)
        for found in client.diagnostics[path.as_uri()]:
            assert "internal error" not in found.message, name
    uri = open_file(client, tmp_path / "train.py", MISTAKE)
    await told(client, uri, ["FZ101"])
    assert not client.messages
    assert not [said for said in client.log_messages if "Traceback" in said.message]
