"""Work in several processes: the same report, whatever happens to one of them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from freezelint import api, processes, work
from freezelint.cli import effort as how
from freezelint.cli.application import cli
from freezelint.inspecting import Task
from freezelint.source.files import Input, Kind
from freezelint.work import Effort

TYPO = "import keras\nmodel = keras.Sequential()\nmodel.trainble = False\n"
BUILDER = "import keras\n\ndef build():\n    base = keras.applications.ResNet50()\n    base.trainable = False\n    return base\n"
TRAINER = "import keras  # trainable\nfrom builder import build\nmodel = build()\nmodel.compile('adam', 'mse')\nmodel.fit(data)\n"
STARTED = processes._START.replace("main()", "{patch}; processes.main()").replace(
    "from freezelint.processes import main", "from freezelint import processes"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(4):
        (folder / f"bad_{number}.py").write_text(TYPO)
        (folder / f"train_{number}.py").write_text(TRAINER)
    (folder / "builder.py").write_text(BUILDER)
    (folder / "broken.py").write_text("import keras\nmodel.trainable = = 1\n")
    (folder / "gone.py").symlink_to(folder / "nowhere.py")
    (folder / "pyproject.toml").write_text("")
    monkeypatch.setattr(work, "FEW", 2)
    return folder


def tasks(folder: Path) -> list[Task]:
    inputs = [Input(path, path.name, Kind.PYTHON, False) for path in sorted(folder.glob("*.py")) if path.exists()]
    return [Task(item, api.DEFAULTS) for item in inputs]


def starting(monkeypatch: pytest.MonkeyPatch, patch: str) -> None:
    """Has every worker run some code before it begins."""
    monkeypatch.setattr(processes, "_START", STARTED.format(patch=patch))


def test_the_report_is_the_same(project: Path) -> None:
    serial = api.check([project])
    assert {finding.name for finding in serial.findings} >= {"trainable-typo", "unreadable-input"}
    assert any(finding.name != "trainable-typo" and finding.related for finding in serial.findings)
    assert api.check([project], effort=Effort(jobs=2)) == serial
    assert api.check([project], effort=Effort(jobs=0)) == serial


def test_fixtures_have_the_same_report() -> None:
    programs = Path(__file__).parent.parent / "fixtures" / "programs"
    pedantic = api.Settings(pedantic=True, select=("all",))
    assert api.check([programs], pedantic, effort=Effort(jobs=2)) == api.check([programs], pedantic)


def test_few_files_start_no_process(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "FEW", 100)
    monkeypatch.setattr(processes, "inspected", lambda *_: pytest.fail("started"))
    assert api.check([project], effort=Effort(jobs=2)).findings


def test_a_crash_is_told_and_nothing_else_is_lost(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starting(
        monkeypatch,
        "import os; inspect = processes.inspect; "
        "processes.inspect = lambda item, how: os.abort() if item.display == 'bad_1.py' else inspect(item, how)",
    )
    monkeypatch.chdir(project)
    report = api.check(["."], effort=Effort(jobs=2))
    lost = [gap for gap in report.not_read if gap.path == "bad_1.py"]
    assert [gap.reason for gap in lost] == [processes.CRASHED]
    typos = {finding.path for finding in report.findings if finding.name == "trainable-typo"}
    assert typos == {"bad_0.py", "bad_2.py", "bad_3.py"}


def test_a_named_input_that_crashes_fails_the_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starting(monkeypatch, "import os; processes.inspect = lambda item, how: os.abort()")
    assert api.check(sorted(project.glob("bad_*.py")), effort=Effort(jobs=2)).failed


@pytest.mark.parametrize("patch", ["raise SystemExit(3)", "import os; os.abort()", "print('hello')"])
def test_where_no_worker_starts_this_process_works(project: Path, monkeypatch: pytest.MonkeyPatch, patch: str) -> None:
    serial = api.check([project])
    starting(monkeypatch, patch)
    assert api.check([project], effort=Effort(jobs=2)) == serial


def test_where_no_process_can_be_started_this_one_works(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serial = api.check([project])
    monkeypatch.setattr(sys, "executable", str(project / "no-python"))
    assert api.check([project], effort=Effort(jobs=2)) == serial


def test_what_a_worker_raises_is_raised_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starting(monkeypatch, "import sys; processes.inspect = lambda item, how: exec('raise ValueError(item.display)')")
    with pytest.raises(ValueError, match=r"^bad_0\.py$"):
        list(processes.inspected(tasks(project), 2))


def test_nothing_in_the_working_directory_is_imported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pickle", "signal", "freezelint", "libcst", "ast", "re", "encodings"):
        (project / f"{name}.py").write_text(f"open('imported_{name}', 'w')\n")
    monkeypatch.chdir(project)
    assert api.check(["."], effort=Effort(jobs=2)).findings
    assert not list(project.glob("imported_*"))


def test_no_process_is_left(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            begun.append(self)

    monkeypatch.setattr(processes.subprocess, "Popen", Noted)
    found = processes.inspected(tasks(project), 2)
    next(found)
    found.close()  # as an interrupt does
    assert 1 <= len(begun) <= 2
    assert all(process.poll() is not None for process in begun)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_ends_a_run_without_a_traceback(project: Path, tmp_path: Path) -> None:
    """The first worker to be asked tells, through a pipe, that the run is under way."""
    reading, writing = os.pipe()
    code = (
        "import os, signal, sys; from freezelint import processes, work; work.FEW = 2; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # which a run in the background would ignore
        f"processes._START = {STARTED.format(patch=PATCH)!r}; real = processes.subprocess.Popen; "
        f"processes.subprocess.Popen = lambda *a, **k: real(*a, **k, pass_fds=({writing},)); "
        "from freezelint.cli import main; sys.argv = ['freezelint', 'check', '--no-cache', '--jobs', '2', '.']; main()"
    ).replace("WRITING", str(writing))
    command = [sys.executable, "-c", code]
    run = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=(writing,)
    )
    os.close(writing)
    assert os.read(reading, 1) == b"!"
    run.send_signal(signal.SIGINT)
    _, told = run.communicate()
    os.close(reading)
    assert run.returncode == 130
    assert told.strip() == "freezelint: interrupted"


PATCH = "import os, time; processes.inspect = lambda item, how: (os.write(WRITING, b'!'), time.sleep(600))"


# --- how many, and what a terminal shows -------------------------------------------------------------------------


def jobs_of(*arguments: str) -> int:
    """How many processes the command asks for."""
    asked: list[int] = []
    check = api.check

    def noted(*given: Any) -> Any:
        asked.append(given[-1].jobs)
        return check(*given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(api, "check", noted)
        CliRunner().invoke(cli, ["check", *arguments])
    return asked[0]


def test_the_number_of_processes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    assert jobs_of(str(project / "bad_0.py")) == 0
    assert jobs_of("--jobs", "3", str(project / "bad_0.py")) == 3
    monkeypatch.setenv("PRE_COMMIT", "1")
    assert jobs_of(str(project / "bad_0.py")) == 1
    assert jobs_of("--jobs", "3", str(project / "bad_0.py")) == 3


class Screen(io.StringIO):
    """A standard error that calls itself a terminal, or does not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "term", "seconds", "shown"),
    [
        (True, "xterm", 0.0, True),
        (False, "xterm", 0.0, False),
        (True, "dumb", 0.0, False),
        (True, "xterm", 1e9, False),
    ],
    ids=["long run on a terminal", "no terminal", "dumb terminal", "short run"],
)
def test_a_bar_shows_how_far_a_long_run_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, seconds: float, shown: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(how, "QUIET_SECONDS", seconds)
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    with how.effort([project], 1, keep=False) as asked:
        report = api.check([project], effort=asked)
    assert report == api.check([project])
    assert ("Checking" in screen.getvalue()) is shown
    assert not shown or screen.getvalue().endswith("\x1b[2K")  # it is gone in the end
