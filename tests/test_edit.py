"""Fixes change what they say and nothing else, whatever the file looks like."""

from __future__ import annotations

import json
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freezelint import api, edit
from freezelint.finding import Applicability, Edit, Fix, Position, Span
from freezelint.texts import Texts

TYPO = """import keras

base = keras.applications.VGG16(include_top=False)
base.trainble = False
"""


def fix(line: int, first: int, last: int, text: str, cell: int | None = None, path: str = "a.py") -> Fix:
    span = Span(path, Position(line, first), Position(line, last), cell)
    return Fix(Applicability.SAFE, f"write {text!r}", (Edit(span, text),))


def notebook(*sources: object, indent: int | None = 1, ascii_only: bool = False) -> bytes:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [{"data": 1.50}], "source": text} for text in sources]
    return json.dumps({"cells": cells, "nbformat": 4}, indent=indent, ensure_ascii=ascii_only).encode()


def sources(data: bytes) -> list[object]:
    return [cell["source"] for cell in json.loads(data)["cells"]]


# Python files


def test_line_ends_encoding_and_byte_order_mark_stay() -> None:
    data = "\ufeffa = 1\r\nbé = 2  # ✓\r\n".encode()
    changed, done = edit.apply(data, "a.py", [fix(2, 6, 7, "3\nc = 4")])
    assert done == 1
    assert changed == "\ufeffa = 1\r\nbé = 3\r\nc = 4  # ✓\r\n".encode()


def test_a_file_in_another_encoding_is_written_in_it() -> None:
    data = "# coding: latin-1\ncafé = 1\n".encode("latin-1")
    changed, _ = edit.apply(data, "a.py", [fix(2, 8, 9, "2")])
    assert changed == "# coding: latin-1\ncafé = 2\n".encode("latin-1")
    with pytest.raises(edit.CannotEdit, match="iso-8859-1"):
        edit.apply(data, "a.py", [fix(2, 8, 9, "'✓'")])


def test_what_overlaps_waits_and_what_is_the_same_is_made_once() -> None:
    first, same, other = fix(1, 1, 2, "x"), fix(1, 1, 2, "x"), fix(1, 1, 6, "y = 2")
    changed, done = edit.apply(b"a = 1\n", "a.py", [first, other, same])
    assert (changed, done) == (b"x = 1\n", 2)


def test_what_would_not_parse_is_refused() -> None:
    with pytest.raises(edit.CannotEdit, match="unreadable"):
        edit.apply(b"a = 1\n", "a.py", [fix(1, 1, 2, "(")])
    with pytest.raises(edit.CannotEdit, match="unreadable"):
        edit.apply(notebook("a = 1"), "a.ipynb", [fix(1, 1, 2, "(", cell=1)])


# Notebooks


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_only_the_line_of_the_cell_changes_in_a_notebook(indent: int | None) -> None:
    data = notebook(["x = 1\n", "y = 'é\\n'"], ["z = 3\n"], indent=indent)
    changed, _ = edit.apply(data, "a.ipynb", [fix(2, 1, 2, "why", cell=1)])
    assert changed == data.replace(b'"y =', b'"why =')


def test_a_new_line_in_a_cell_is_a_string_of_its_own() -> None:
    data = notebook(["x = 1\n", "y = 2"])
    changed, _ = edit.apply(data, "a.ipynb", [fix(2, 1, 1, "new = 1\n", cell=1)])
    assert sources(changed) == [["x = 1\n", "new = 1\n", "y = 2"]]
    changed, _ = edit.apply(data, "a.ipynb", [fix(2, 6, 6, "\nnew = 1", cell=1)])
    assert sources(changed) == [["x = 1\n", "y = 2\n", "new = 1"]]
    assert changed.count(b"\n") == data.count(b"\n") + 1


def test_a_cell_that_is_one_string_stays_one() -> None:
    changed, _ = edit.apply(notebook("x = 1\ny = 2"), "a.ipynb", [fix(2, 6, 6, "\nz = 3", cell=1)])
    assert sources(changed) == ["x = 1\ny = 2\nz = 3"]


def test_escapes_that_others_wrote_stay_as_they_are() -> None:
    data = b'{"cells": [{"cell_type": "code", "source": ["a = \\"\\ud83d\\ude00\\/\\u00e9\\"; b = 1"]}], "nbformat": 4}'
    changed, _ = edit.apply(data, "a.ipynb", [fix(1, 12, 13, "é", cell=1)])
    assert changed == data.replace(b"b = 1", b"\\u00e9 = 1")


def test_the_old_notebook_format_is_edited_too() -> None:
    cell = {"cell_type": "code", "input": ["a = 1\n"], "language": "python"}
    data = json.dumps({"worksheets": [{"cells": [{"cell_type": "markdown", "source": "b"}, cell]}]}).encode()
    changed, _ = edit.apply(data, "a.ipynb", [fix(1, 1, 2, "b", cell=2)])
    assert changed == data.replace(b"a = 1", b"b = 1")


text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(st.lists(text, min_size=1, max_size=4), st.data(), st.sampled_from([None, 2]), st.booleans())
def test_any_edit_of_any_cell_is_the_edit_of_its_text(parts, data, indent, ascii_only) -> None:
    from freezelint.source.notebook_strings import cell_texts

    whole = "".join(parts)
    document = notebook(parts, indent=indent, ascii_only=ascii_only).decode()
    cell = cell_texts(document)[1]
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    new = data.draw(text)
    start, end = cell.place(first, last)
    changed = document[:start] + cell.written(new, ascii_only) + document[end:]
    (found,) = sources(changed.encode())
    assert "".join(found) == whole[:first] + new + whole[last:]
    assert json.loads(changed)["cells"][0]["outputs"] == [{"data": 1.5}]


# Whole runs


def test_fixing_twice_is_fixing_once(tmp_path) -> None:
    file = tmp_path / "a.py"
    file.write_text(TYPO)
    fixes = api.fix([file])
    assert fixes.made == 1
    assert file.read_text() == TYPO
    assert api.write(fixes) == []
    assert file.read_text() == TYPO.replace("trainble", "trainable")
    again = api.fix([file])
    assert (again.made, again.changes, again.report.findings) == (0, (), ())


def test_frames_show_the_text_after_the_fixes(tmp_path) -> None:
    file, texts = tmp_path / "a.py", Texts()
    file.write_text(TYPO)
    api.fix([file], texts=texts)
    assert "base.trainable = False" in texts.lines(str(file))


def test_mode_and_link_stay(tmp_path) -> None:
    file, link = tmp_path / "real.py", tmp_path / "link.py"
    file.write_text(TYPO)
    file.chmod(0o755)
    link.symlink_to(file)
    api.write(api.fix([link]))
    assert link.is_symlink()
    assert "trainable" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert sorted(item.name for item in tmp_path.iterdir()) == ["link.py", "real.py"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path) -> None:
    file = tmp_path / "a.py"
    file.write_text(TYPO)
    fixes = api.fix([file])
    file.write_text("mine = 1\n")
    (failed,) = api.write(fixes)
    assert "changed while" in failed.reason
    assert file.read_text() == "mine = 1\n"


def test_only_files_that_were_asked_about_are_changed(tmp_path) -> None:
    (tmp_path / "models.py").write_text("def freeze(base):\n    base.trainble = False\n")
    main = tmp_path / "main.py"
    main.write_text("import keras\nfrom models import freeze\nfreeze(keras.applications.VGG16())\nx.trainable = 1\n")
    assert api.fix([main]).changes == ()
    assert len(api.fix([tmp_path]).changes) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(st.text(st.sampled_from("abs.=( )\n\r\t'#é"), max_size=30))
def test_whatever_surrounds_it_a_fix_changes_one_word(tmp_path, tail: str) -> None:
    file = tmp_path / "a.py"
    data = (TYPO + tail).encode()
    file.write_bytes(data)
    api.write(api.fix([file]))
    assert file.read_bytes() in (data, data.replace(b"trainble", b"trainable"))
