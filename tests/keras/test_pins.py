import pytest

from freezelint.keras.pins import from_install_command, from_project, from_requirement


def versions(evidence):
    return [str(piece.version) for piece in evidence]


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("tensorflow==2.15.0", "2.15"),
        ("tensorflow==2.15.*", "2.15"),
        ("tensorflow~=2.12.0", "2.12"),
        ("tensorflow<2.16", "2"),
        ("tensorflow>=2.4,<2.16", "2"),
        ("tensorflow-gpu==1.15", "2"),
        ("tensorflow_cpu==2.9.1", "2.9"),
        ("tensorflow[and-cuda]==2.17.0", "3"),
        ("tensorflow>=2.16", "3"),
        ("tensorflow==2.99.7", "3"),
        ("keras==3.4.1", "3.4"),
        ("keras>=3", "3"),
        ("keras>=3.16", "3.16"),
        ("keras<3", "2"),
        ("keras==2.15.0", "2.15"),
        ("tf-keras", "2"),
        ("tf_keras==2.17", "2"),
        ("keras-core", "3"),
        ("tensorflow==2.15 ; python_version < '3.12'", "2.15"),
    ],
)
def test_what_a_requirement_means(requirement, version):
    assert versions(from_requirement(requirement)) == [version]


@pytest.mark.parametrize(
    "requirement",
    [
        "tensorflow",
        "tensorflow>=2.4",
        "tensorflow~=2.12",
        "keras",
        "keras>=2.9",
        "tensorflow-datasets==4.9",
        "numpy==1.26",
        "tensorflow @ file:///wheels/tensorflow.whl",
        "tensorflow==",
        "-r base-tensorflow.txt",
    ],
)
def test_what_says_nothing(requirement):
    assert from_requirement(requirement) == ()


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pip install -q tensorflow==2.15 matplotlib", ["2.15"]),
        ("python -m pip install --upgrade 'keras>=3'", ["3"]),
        ("apt-get update && pip3 install tensorflow==2.13.1", ["2.13"]),
        ("conda install -y tensorflow=2.10", ["2.10"]),
        ("uv add keras==3.6.0", ["3.6"]),
        ("pip install 'tensorflow==2.15", ["2.15"]),
        ("pip uninstall -y keras", []),
        ("echo tensorflow==2.15", []),
    ],
)
def test_what_an_install_command_means(command, found):
    assert versions(from_install_command(command)) == found


FILES = {
    "requirements.txt": ("# tensorflow==2.4\nnumpy\ntensorflow==2.15.0  # the last with Keras 2\n", "2.15", 3),
    "requirements-dev.txt": ("keras==3.4.1 \\\n    --hash=sha256:00\n", "3.4", 1),
    "pyproject.toml": ('[project]\ndependencies = [\n  "numpy",\n  "tensorflow>=2.16",\n]\n', "3", 4),
    "setup.cfg": ("[options]\ninstall_requires =\n    tensorflow==2.9.*\n", "2.9", 3),
    "setup.py": ("setup(\n  install_requires=['numpy', 'tensorflow<2.16'],\n)\n", "2", 2),
    "environment.yml": ("dependencies:\n  - python=3.9\n  - tensorflow=2.10\n  - pip:\n    - numpy\n", "2.10", 3),
    "Pipfile": ('[packages]\nnumpy = "*"\ntensorflow = "==2.14.0"\n', "2.14", 3),
    "Pipfile.lock": ('{"default": {\n"keras": {"version": "==3.7.0"}}}', "3.7", 2),
    "poetry.lock": ('[[package]]\nname = "tensorflow"\nversion = "2.15.1"\n', "2.15", 2),
    "uv.lock": ('[[package]]\nname = "keras"\nversion = "3.8.0"\nsource = {}\n', "3.8", 2),
    "Dockerfile": ("FROM tensorflow/tensorflow:2.13.0-gpu\nRUN ls\n", "2.13", 1),
    "Dockerfile.train": ("FROM python\nRUN apt-get update \\\n && pip install keras==3.5.0\n", "3.5", 2),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_project_file_is_understood(tmp_path, name):
    text, version, line = FILES[name]
    (tmp_path / name).write_text(text)
    (piece,) = from_project(tmp_path / "train.py")
    assert (str(piece.version), piece.path, piece.line) == (version, name, line)


@pytest.mark.parametrize(
    ("specifier", "version"),
    [('"^2.15"', None), ('"~2.15"', "2.15"), ('"2.15.1"', "2.15"), ('"^2.16"', "3"), ('{version = "<2.16"}', "2")],
)
def test_the_specifiers_of_poetry(tmp_path, specifier, version):
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.poetry.dependencies]\npython = "^3.10"\ntensorflow = {specifier}\n'
    )
    assert versions(from_project(tmp_path / "train.py")) == ([version] if version else [])


def test_the_nearest_folder_that_says_something_counts_up_to_the_root_of_the_project(tmp_path):
    project = tmp_path / "project"
    deep = project / "experiments" / "first"
    deep.mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("keras==3.0.5\n")
    (project / "pyproject.toml").write_text('[project]\ndependencies = ["tensorflow==2.15"]\n')
    assert versions(from_project(deep / "train.py")) == ["2.15"]
    nearer = project / "serving"
    nearer.mkdir()
    (nearer / "requirements.txt").write_text("tensorflow>=2.18\n")
    assert versions(from_project(nearer / "app.py")) == ["3"]


def test_without_a_project_only_the_own_folder_is_looked_at(tmp_path):
    (tmp_path / "requirements.txt").write_text("keras==3.0.5\n")
    (tmp_path / "scripts").mkdir()
    assert versions(from_project(tmp_path / "train.py")) == ["3.0"]
    assert from_project(tmp_path / "scripts" / "train.py") == ()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff tensorflow",
        b"tensorflow = [[[[",
        b'{"default": ["tensorflow"]}',
        b"[project]\ndependencies = 3 # keras",
    ],
)
def test_a_broken_file_says_nothing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert from_project(tmp_path / "train.py") == ()


def test_folders_with_the_names_of_files_are_no_files(tmp_path):
    for name in FILES:
        (tmp_path / name).mkdir()
    assert from_project(tmp_path / "train.py") == ()
