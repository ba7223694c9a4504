"""Which files a run reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from freezelint.source.files import Found, Search, display, find


def looks_like_model(path: Path) -> bool:
    """Stands for the sniffer of the graph pass."""
    return (path / "saved_model.pb").exists() if path.is_dir() else path.suffix in (".keras", ".h5")


def put(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def search(*paths: str, exclude: tuple[str, ...] = (), force_exclude: bool = False) -> Found:
    return find([Path(path) for path in paths or (".",)], Search(looks_like_model, exclude, force_exclude))


def found(*paths: str, exclude: tuple[str, ...] = (), force_exclude: bool = False) -> list[str]:
    return [item.display for item in search(*paths, exclude=exclude, force_exclude=force_exclude).inputs]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_folder_gives_python_notebooks_and_models_in_order() -> None:
    put("b.py", "a.ipynb", "sub/c.py", "sub/m.keras", "readme.md", "data.csv", "model.h5")
    assert [(item.display, item.kind.value) for item in search().inputs] == [
        ("a.ipynb", "notebook"),
        ("b.py", "python"),
        ("model.h5", "model"),
        ("sub/c.py", "python"),
        ("sub/m.keras", "model"),
    ]


def test_a_saved_model_folder_is_one_model_and_not_entered() -> None:
    put("export/saved_model.pb", "export/variables/x.index", "export/assets/code.py")
    assert found() == ["export"]
    assert found("export") == ["export"]


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/x.py",
        "node_modules/x.py",
        "lib/site-packages/x.py",
        "__pycache__/x.py",
        "build/x.py",
        "dist/x.py",
        ".ipynb_checkpoints/x.ipynb",
        ".tox/x.py",
    ],
)
def test_other_peoples_code_and_caches_are_not_entered(path: str) -> None:
    put(path, "mine.py")
    assert found() == ["mine.py"]


def test_a_virtual_environment_is_known_by_its_marker_not_its_name() -> None:
    put("env/pyvenv.cfg", "env/lib/x.py", "conda/conda-meta/history", "conda/x.py", "venv/mine.py")
    assert found() == ["venv/mine.py"]


def test_gitignore_files_hold_from_the_repository_down_and_the_innermost_decides() -> None:
    put(".git/HEAD", "a.py", "gen/a.py", "sub/gen_1.py", "sub/keep/gen_2.py", "sub/b.py", "sub/deep/b.py")
    Path(".gitignore").write_text("/gen\ngen_*.py\n")
    Path("sub/.gitignore").write_text("b.py\n")
    Path("sub/keep/.gitignore").write_text("!gen_2.py\n")
    assert found() == ["a.py", "sub/keep/gen_2.py"]
    assert found("sub") == ["sub/keep/gen_2.py"]


def test_a_folder_that_git_ignores_is_searched_if_it_is_named() -> None:
    put(".git/HEAD", "out/a.py")
    Path(".gitignore").write_text("out/\n")
    assert found() == []
    assert found("out") == ["out/a.py"]


def test_gitignore_outside_of_the_repository_does_not_count() -> None:
    put("repository/.git/HEAD", "repository/a.py")
    Path(".gitignore").write_text("*.py\n")
    assert found("repository") == ["repository/a.py"]


def test_a_gitignore_with_a_broken_line_still_holds() -> None:
    put(".git/HEAD", "a.py", "b.py")
    Path(".gitignore").write_bytes(b"!\n\xff\xfe\na.py\n")
    assert found() == ["b.py"]


def test_exclude_patterns_hold_for_what_is_searched_and_with_force_for_what_is_named() -> None:
    put("a.py", "old/b.py", "new/old/c.py")
    assert found(exclude=("/old/",)) == ["a.py", "new/old/c.py"]
    assert found("old/b.py", "a.py", exclude=("old/",)) == ["old/b.py", "a.py"]
    assert found("old/b.py", "a.py", exclude=("old/",), force_exclude=True) == ["a.py"]
    assert found("build/x.py", force_exclude=True) == []


def test_what_is_named_is_read_once_and_wherever_it_lies() -> None:
    put("build/a.py", "b.py")
    assert found("build/a.py", "b.py", "./b.py", ".") == ["build/a.py", "b.py"]


def test_a_script_without_a_suffix_is_python_by_its_first_line() -> None:
    Path("train").write_text("#!/usr/bin/env python3\n")
    Path("notes").write_text("about keras\n")
    assert [item.kind.value for item in search("train", "notes").inputs] == ["python", "model"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    put("a/b/x.py")
    Path("a/b/up").symlink_to(tmp_path / "a", target_is_directory=True)
    Path("self.py").symlink_to("self.py")
    assert found() == ["a/b/x.py"]


def test_a_link_to_a_file_is_read() -> None:
    put("a.py")
    Path("b.py").symlink_to("a.py")
    assert found() == ["a.py", "b.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_opened_is_said() -> None:
    put("closed/x.py")
    Path("closed").chmod(0)
    try:
        gaps = search().not_read
    finally:
        Path("closed").chmod(0o700)
    assert [(gap.path, named) for gap, named in gaps] == [("closed", False)]


def test_a_path_is_shown_from_the_working_directory_with_slashes(tmp_path: Path) -> None:
    assert display(tmp_path / "a" / "b.py") == "a/b.py"
    assert display(tmp_path.parent / "c.py") == "../c.py"
    assert "\udcff" not in display(Path(os.fsdecode(b"\xff.py")))
