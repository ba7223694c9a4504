"""Results that are kept: what is taken is what would be found, and whatever has changed is looked at again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freezelint import api, cache, inspecting, outcome
from freezelint.cache import Cache
from freezelint.cli.application import cli
from freezelint.finding import Confidence
from freezelint.report import Report
from freezelint.source import files as searched
from freezelint.work import Effort

FIXTURES = Path(__file__).parent.parent / "fixtures"
SECRET = b"s" * 32
TYPO = "import keras\nmodel = keras.Sequential()\nmodel.trainble = False\n"
BUILDER = "import keras\n\ndef build():\n    base = keras.applications.MobileNetV2()\n    base.trainable = {flag}\n    return base\n"
TRAINER = "import keras  # trainable\nfrom builder import build\nmodel = build()\nmodel.compile('adam', 'mse')\nmodel.fit(data)\n"


class Counted(Cache):
    """A cache that counts what was found in it."""

    found: int = 0
    asked: int = 0

    def get(self, subject: cache.Subject) -> outcome.Outcome | None:
        known = super().get(subject)
        self.asked += 1
        self.found += known is not None
        return known


def kept(folder: Path, **given: float) -> Counted:
    return Counted(folder, SECRET, **given)


def check(path: Path, folder: Path, how: api.Settings = api.DEFAULTS, found: int | None = None) -> Report:
    """The report with a cache in `folder`, of which so many results must have been taken."""
    results = kept(folder)
    report = api.check([path], how, effort=Effort(results))
    assert found is None or results.found == found, (results.found, results.asked)
    return report


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "bad.py").write_text(TYPO)
    (folder / "builder.py").write_text(BUILDER.format(flag=False))
    (folder / "train.py").write_text(TRAINER)
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


# --- what is taken is what would be found ------------------------------------------------------------------------


def test_every_fixture_has_the_same_report_cold_and_warm(results: Path) -> None:
    how = api.Settings(select=("all",), pedantic=True)
    cold = check(FIXTURES, results, how, found=0)
    taken = kept(results)
    assert api.check([FIXTURES], how, effort=Effort(taken)) == cold
    again = len({gap.path for gap in cold.not_read})  # what could not be read is tried again
    assert taken.found >= taken.asked - again > 0


def test_programs_have_the_same_report_with_a_cache_as_without(results: Path) -> None:
    programs = FIXTURES / "programs"
    plain = api.check([programs])
    assert check(programs, results, found=0) == check(programs, results) == plain


def test_an_outcome_survives_json(tmp_path: Path) -> None:
    path = FIXTURES / "programs" / "leaves" / "classify_leaves.py"
    found = inspecting.inspect(searched.Input(path, "x.py", searched.Kind.PYTHON, True), api.Settings(pedantic=True))
    assert found.outcome.findings
    assert outcome.from_json(json.loads(json.dumps(outcome.to_json(found.outcome)))) == found.outcome


def test_a_comment_that_silences_nothing_is_told_warm_too(project: Path, results: Path) -> None:
    (project / "bad.py").write_text(TYPO.replace("False\n", "False  # freezelint: ignore[freeze-before-build] x\n"))
    cold = check(project / "bad.py", results, found=0)
    assert {finding.name for finding in cold.findings} == {"trainable-typo", "unused-ignore"}
    assert check(project / "bad.py", results, found=1) == cold


def test_a_warm_run_does_not_import_libcst(project: Path, results: Path) -> None:
    code = (
        "import sys; from freezelint.cli.application import cli; cli(['check', '.'], standalone_mode=False);"
        "assert 'libcst' not in sys.modules, 'imported'"
    )
    for expected in (1, 0):
        done = process("-c", code.replace("standalone_mode=False", "standalone_mode=False"), cwd=project, cache=results)
        assert ("imported" in done.stderr) is bool(expected), done.stderr


# --- what has changed is looked at again -------------------------------------------------------------------------


def test_only_what_changed_is_looked_at_again(project: Path, results: Path) -> None:
    check(project, results, found=0)
    check(project, results, found=3)
    (project / "bad.py").write_text(TYPO.replace("trainble", "trainable"))
    assert not any(finding.name == "trainable-typo" for finding in check(project, results, found=2).findings)


def test_a_changed_import_counts(project: Path, results: Path) -> None:
    frozen = check(project / "train.py", results, found=0)
    (project / "builder.py").write_text(BUILDER.format(flag=True))
    thawed = check(project / "train.py", results, found=0)
    assert frozen.findings != thawed.findings
    assert thawed == api.check([project / "train.py"])


def test_a_file_that_now_shadows_an_import_counts(project: Path, results: Path) -> None:
    (project / "part").mkdir()
    (project / "train.py").rename(project / "part" / "train.py")
    before = check(project / "part" / "train.py", results, found=0)
    check(project / "part" / "train.py", results, found=1)
    (project / "part" / "builder.py").write_text(BUILDER.format(flag=True))  # nearer than the one found so far
    after = check(project / "part" / "train.py", results, found=0)
    assert before.findings != after.findings
    assert after == api.check([project / "part" / "train.py"])


def test_an_import_that_is_gone_counts(project: Path, results: Path) -> None:
    before = check(project / "train.py", results, found=0)
    (project / "builder.py").unlink()
    assert check(project / "train.py", results, found=0).findings != before.findings


def test_a_new_root_of_imports_counts(project: Path, results: Path) -> None:
    (project / "pyproject.toml").unlink()
    check(project / "train.py", results)
    (project.parent / "pyproject.toml").write_text("")
    check(project / "train.py", results, found=0)


def test_a_changed_import_of_a_program_without_signs_counts(project: Path, results: Path) -> None:
    """Whether such a program is looked at at all depends on what it imports."""
    train, builder = project / "train.py", project / "builder.py"
    train.write_text(TRAINER.replace("  # trainable", ""))
    builder.write_text("def build():\n    return load()\n")
    assert not check(train, results, found=0).findings
    check(train, results, found=1)
    builder.write_text(BUILDER.format(flag=False))
    frozen = check(train, results, found=0)
    assert frozen.findings
    assert check(train, results, found=1) == frozen == api.check([train])
    builder.unlink()
    assert not check(train, results, found=0).findings


def test_a_new_file_that_a_program_without_signs_imports_counts(project: Path, results: Path) -> None:
    train, builder = project / "train.py", project / "builder.py"
    train.write_text(TRAINER.replace("  # trainable", ""))
    text = builder.read_text()
    builder.unlink()
    assert not check(train, results, found=0).findings
    builder.write_text(text)
    assert check(train, results, found=0).findings


def test_a_new_file_in_a_folder_added_to_the_path_counts(project: Path, results: Path) -> None:
    train = project / "train.py"
    train.write_text(f"import sys\nsys.path.append('lib')\n{TRAINER}")
    (project / "builder.py").unlink()
    assert not check(train, results, found=0).findings
    (project / "lib").mkdir()
    (project / "lib" / "builder.py").write_text(BUILDER.format(flag=False))
    assert check(train, results, found=0).findings


@pytest.mark.parametrize(
    "changed",
    [
        {"keras": "2"},
        {"backend": "jax"},
        {"select": ("FZ1",)},
        {"ignore": ("trainable-typo",)},
        {"min_confidence": Confidence.CERTAIN},
        {"pedantic": True},
        {"bn_policy": "adapt"},
        {"options": {"oversized-head": {"max-weights": 1.0}}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_setting_counts(project: Path, results: Path, changed: dict[str, object]) -> None:
    check(project, results)
    how = api.DEFAULTS._replace(**changed)  # type: ignore[arg-type]
    assert check(project, results, how, found=0) == api.check([project], how)
    check(project, results, how, found=3)
    check(project, results, found=3)


def test_a_changed_pin_counts(project: Path, results: Path) -> None:
    """In processes of their own, because what a project pins is read once in each."""
    assert "unknown" in process("-m", "freezelint", "check", ".", cwd=project, cache=results).stdout
    (project / "requirements.txt").write_text("tensorflow==2.15\n")
    assert "Keras: 2.15" in process("-m", "freezelint", "check", ".", cwd=project, cache=results).stdout


def test_a_changed_configuration_counts(project: Path, results: Path) -> None:
    assert "trainable-typo" in process("-m", "freezelint", "check", ".", cwd=project, cache=results).stdout
    (project / "pyproject.toml").write_text('[tool.freezelint]\nignore = ["trainable-typo"]\n')
    assert "trainable-typo" not in process("-m", "freezelint", "check", ".", cwd=project, cache=results).stdout


def test_another_version_counts(project: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(project, results)
    monkeypatch.setattr(cache, "__version__", "999")
    check(project, results, found=0)


def test_another_working_directory_shows_other_paths(
    project: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(project, results)
    monkeypatch.chdir(project)
    assert {finding.path for finding in check(project, results, found=0).findings} <= {"bad.py", "train.py"}


def test_a_changed_model_counts(tmp_path: Path, results: Path) -> None:
    source = next(path for path in sorted((FIXTURES / "models").iterdir()) if path.suffix == ".keras")
    model = tmp_path / "model.keras"
    model.write_bytes(source.read_bytes())
    cold = check(model, results, found=0)
    assert check(model, results, found=1) == cold
    model.write_bytes(source.read_bytes()[:-200])
    assert check(model, results, found=0) == api.check([model])


def test_a_changed_file_of_a_saved_model_counts(tmp_path: Path, results: Path) -> None:
    source = FIXTURES / "models" / "pets_pinned_true_export"
    model = tmp_path / "export"
    for path in source.rglob("*"):
        if path.is_file():
            (model / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (model / path.relative_to(source)).write_bytes(path.read_bytes())
    cold = check(model, results, found=0)
    assert cold.models == 1
    assert check(model, results, found=1) == cold
    (model / "fingerprint.pb").write_bytes(b"another")
    check(model, results, found=0)


def test_large_files_of_models_are_told_apart_without_reading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_HASHED", 10)
    model = tmp_path / "model.keras"
    model.write_bytes(b"x" * 20)
    os.utime(model, (1, 1))
    before = cache._model_digest(model)
    assert cache._model_digest(model) == before
    os.utime(model, (2, 2))
    assert cache._model_digest(model) != before


def test_what_could_not_be_read_is_tried_again(tmp_path: Path, results: Path) -> None:
    """It may have been for want of time or memory, in which case the next run is to find out."""
    model = tmp_path / "model.h5"
    model.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 2_000)
    first = check(model, results, found=0)
    assert first.not_read
    assert check(model, results, found=0) == first


def test_a_fault_is_not_kept(project: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from freezelint.source import analysis

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(analysis, "analyse", fault)
        assert check(project / "bad.py", results).not_read
    assert not check(project / "bad.py", results, found=0).not_read


# --- entries that are not what they should be --------------------------------------------------------------------


def packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def sign(path: Path, body: bytes, secret: bytes = SECRET) -> None:
    path.write_bytes(Cache(path.parent, secret)._signed(path.stem, body) + b"\n" + body)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"trainable-typo", b"trainable-tipo"),
        lambda data: data + b" ",
        lambda data: b"\0" * len(data),
        lambda data: data.partition(b"\n")[2],
    ],
    ids=["empty", "short", "half", "altered", "long", "zeros", "unsigned"],
)
def test_a_damaged_pack_is_made_anew(project: Path, results: Path, damage: Callable[[bytes], bytes]) -> None:
    plain = check(project, results)
    (pack,) = packs(results)
    pack.write_bytes(damage(pack.read_bytes()))
    assert check(project, results, found=0) == plain
    assert check(project, results, found=3) == plain


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_are_no_pack(project: Path, results: Path, data: bytes) -> None:
    plain = check(project / "bad.py", results)
    (pack,) = packs(results)
    pack.write_bytes(data)
    assert check(project / "bad.py", results, found=0) == plain


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("likely"),
    lambda inner: st.lists(inner, max_size=13) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(value=_JSON, place=st.integers(-1, 10))
def test_json_of_another_shape_is_no_result(project: Path, results: Path, value: object, place: int) -> None:
    """Even with the right signature, which nobody else can make."""
    plain = check(project / "bad.py", results)
    (pack,) = packs(results)
    body = json.loads(pack.read_bytes().partition(b"\n")[2])
    (name,) = body
    if place < 0:
        body = value
    elif place < 4:
        body[name][place] = value
    else:
        body[name][3][place - 4] = value
    sign(pack, json.dumps(body).encode())
    taken = kept(results)
    report = api.check([project / "bad.py"], effort=Effort(taken))
    assert report == plain or (taken.found and place > 3)  # a result of the right shape, and signed, is believed
    pack.unlink()


def test_what_somebody_else_has_signed_is_not_believed(project: Path, results: Path) -> None:
    """A repository that brings results along cannot hide what is wrong with it."""
    plain = check(project / "bad.py", results)
    (pack,) = packs(results)
    body = json.loads(pack.read_bytes().partition(b"\n")[2])
    for entry in body.values():
        entry[3][0] = []
    sign(pack, json.dumps(body).encode(), b"t" * 32)
    assert plain.findings
    assert check(project / "bad.py", results, found=0) == plain


def test_a_pack_under_the_name_of_another_is_not_believed(project: Path, results: Path) -> None:
    check(project / "bad.py", results)
    (pack,) = packs(results)
    data = pack.read_bytes()
    (project / "part").mkdir()
    (project / "part" / "other.py").write_text(TYPO)
    check(project / "part", results)
    (other,) = [path for path in packs(results) if path != pack]
    other.write_bytes(data)
    assert kept(results)._read(other.stem) == {}


def test_links_in_the_folder_are_replaced_not_followed(project: Path, results: Path, tmp_path: Path) -> None:
    check(project, results)
    (pack,) = packs(results)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    pack.unlink()
    pack.symlink_to(victim)
    check(project, results, found=0)
    assert victim.read_text() == "mine"
    assert not pack.is_symlink()


# --- where results are kept --------------------------------------------------------------------------------------


def process(*arguments: str, cwd: Path, cache: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "FREEZELINT_CACHE_DIR"}
    if cache is not None:
        environment["FREEZELINT_CACHE_DIR"] = str(cache)
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments, prog_name="freezelint")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_results_lie_at_the_root_of_the_project(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    (project / "part").mkdir()
    (project / "part" / "bad.py").write_text(TYPO)
    assert run("check", str(project / "part")).exit_code == 1
    folder = project / ".freezelint_cache"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert len(packs(folder)) == 1
    assert (tmp_path / "users" / "freezelint" / "secret").stat().st_mode & 0o077 == 0


def test_without_a_project_results_lie_in_the_cache_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freezelint.keras import pins

    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    monkeypatch.setattr(pins, "is_root", lambda folder: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    (tmp_path / "bad.py").write_text(TYPO)
    assert run("check", str(tmp_path / "bad.py")).exit_code == 1
    assert packs(tmp_path / "users" / "freezelint")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.opened(tmp_path) is None


def test_a_folder_that_is_a_link_is_left_alone(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    (tmp_path / "elsewhere").mkdir()
    (project / ".freezelint_cache").symlink_to(tmp_path / "elsewhere")
    assert run("check", str(project)).exit_code == 1
    assert not list((tmp_path / "elsewhere").iterdir())


def test_no_cache_keeps_nothing_and_takes_nothing(project: Path, _own_cache: Path) -> None:
    assert run("check", "--no-cache", str(project)).exit_code == 1
    assert not packs(_own_cache)
    assert run("check", str(project)).exit_code == 1
    assert packs(_own_cache)


def test_fixing_looks_again(project: Path, _own_cache: Path) -> None:
    run("check", str(project / "bad.py"))
    run("check", "--fix", str(project / "bad.py"))
    assert "trainable" in (project / "bad.py").read_text()
    assert "trainable-typo" not in run("check", str(project / "bad.py")).stdout


@pytest.mark.parametrize("what", ["a file", "inside a file", "read-only"])
def test_a_place_that_cannot_be_written_is_no_matter(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    place = tmp_path / "place"
    if what == "read-only":
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            pytest.skip("root may write everything")
        place.mkdir()
        place.chmod(0o500)
    else:
        place.write_text("")
        place = place / "inner" if what == "inside a file" else place
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(place))
    result = run("check", "--output-format", "concise", str(project))
    assert result.exit_code == 1
    assert not result.stderr
    assert api.check([project], effort=Effort(kept(place))) == api.check([project])


def test_a_damaged_secret_is_made_anew(tmp_path: Path) -> None:
    first = cache._secret(tmp_path)
    assert cache._secret(tmp_path) == first
    (tmp_path / "secret").write_bytes(b"short")
    assert len(cache._secret(tmp_path)) == 32


# --- what is dropped ---------------------------------------------------------------------------------------------


def test_what_was_not_used_for_long_is_dropped(project: Path, results: Path) -> None:
    now = 1_000 * cache.DAY
    long_after = now + (cache.DAYS + 1) * cache.DAY
    api.check([project / "bad.py"], effort=Effort(kept(results, now=now)))
    api.check([project / "train.py"], effort=Effort(kept(results, now=long_after)))
    (pack,) = packs(results)
    assert len(json.loads(pack.read_bytes().partition(b"\n")[2])) == 1


def test_what_is_used_stays(project: Path, results: Path) -> None:
    now = 1_000 * cache.DAY
    for weeks in range(10):
        taken = kept(results, now=now + weeks * 7 * cache.DAY)
        api.check([project / "bad.py"], effort=Effort(taken))
        assert taken.found == (weeks > 0)
    api.check([project / "train.py"], effort=Effort(kept(results, now=now + 70 * cache.DAY)))
    assert len(json.loads(packs(results)[0].read_bytes().partition(b"\n")[2])) == 2


def test_old_packs_and_what_is_too_much_are_removed(
    project: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(project, results)
    (pack,) = packs(results)
    old, big, foreign = (results / name for name in ("0" * 32 + ".json", "1" * 32 + ".json", "notes.json"))
    for path in (old, big, foreign, results / cache.TAG):
        path.write_bytes(b"x" * 100)
        os.utime(path, (0, 0))
    now = pack.stat().st_mtime
    os.utime(big, (now - cache.DAY, now - cache.DAY))
    monkeypatch.setattr(cache, "MAX_BYTES", pack.stat().st_size + 50)
    kept(results, now=now + 1).save()
    assert pack.exists()
    assert foreign.exists()
    assert not old.exists()
    assert not big.exists()


# --- several runs, several processes -----------------------------------------------------------------------------


def test_two_runs_at_once(project: Path, results: Path) -> None:
    for number in range(20):
        (project / f"bad_{number}.py").write_text(TYPO)
    command = [sys.executable, "-m", "freezelint", "check", "--output-format", "json", "."]
    environment = {**os.environ, "FREEZELINT_CACHE_DIR": str(results)}
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=project, env=environment) for _ in range(2)]
    reports = [run.communicate()[0] for run in runs]
    warm = subprocess.run(command, capture_output=True, cwd=project, env=environment, check=False)
    assert reports[0] == reports[1] == warm.stdout
    assert json.loads(warm.stdout)["findings"]
    assert warm.stderr == b""
    assert not [path for path in results.iterdir() if path.suffix == ".tmp"]
