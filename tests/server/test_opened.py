from __future__ import annotations

import pytest

pytest.importorskip("pygls")

from click.testing import CliRunner

from freezelint.cli.application import cli
from freezelint.server.opened import Opened, check, file, notebook


def test_what_was_never_saved_is_checked_too():
    report, _ = check(Opened("untitled:Untitled-1", b"import keras\nkeras.layers.Dense(1).trainble = True\n"))
    assert [finding.name for finding in report.findings] == ["trainable-typo"]


def test_a_notebook_knows_which_document_a_cell_is():
    opened = notebook("untitled:a.ipynb", [("a", "import keras"), ("b", "keras.layers.Dense(1).trainble = True")])
    report, _ = check(opened)
    [finding] = report.findings
    assert finding.span is not None
    assert opened.document(finding.span.cell) == "b"
    assert opened.documents == ("a", "b")


def test_what_the_configuration_excludes_has_no_findings(tmp_path):
    (tmp_path / "freezelint.toml").write_text('exclude = ["old/"]\n')
    (tmp_path / "old").mkdir()
    path = tmp_path / "old" / "a.py"
    path.touch()
    report, _ = check(Opened(path.as_uri(), b"import keras\nkeras.layers.Dense(1).trainble = True\n"))
    assert not report.findings


def test_a_text_is_read_in_the_encoding_that_it_declares():
    text = "# coding: latin-1\nimport keras\nx = 'é'; keras.layers.Dense(1).trainble = True\n"
    opened = file("untitled:a", text)
    assert opened.data == text.encode("latin-1")
    [finding] = check(opened)[0].findings
    assert finding.span is not None
    assert finding.span.start.column == 10
    for odd in ("# coding: ascii\n'é'", "# coding: nonsense\n", "# coding: rot13\n", "\ufeff'é'", "'\ud83d'"):
        assert file("untitled:a", odd).data == odd.encode("utf-8", "replace")


def test_a_notebook_need_not_be_called_ipynb(tmp_path):
    uri = (tmp_path / "train.md").as_uri()
    opened = notebook(uri, [("a", "import keras"), ("b", "keras.layers.Dense(1).trainble = True")])
    [finding] = check(opened)[0].findings
    assert finding.span is not None
    assert opened.document(finding.span.cell) == "b"


def test_without_pygls_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "freezelint.server.language_server", None)
    error = ModuleNotFoundError("No module named 'pygls'", name="pygls")

    def refuse(name, *rest, **more):
        if name == "freezelint.server.language_server":
            raise error
        return real(name, *rest, **more)

    import builtins

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    done = CliRunner().invoke(cli, ["server"])
    assert done.exit_code == 2
    assert "freezelint[lsp]" in done.output
