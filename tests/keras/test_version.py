import pytest

from freezelint.keras.version import BOTH, Evidence, KerasVersion, from_artifact, resolve

KERAS2 = Evidence(KerasVersion(2), "imports tf_keras", "train.py", 3)
KERAS3 = Evidence(KerasVersion(3), "uses keras.ops", "train.py", 9)
KERAS3_4 = Evidence(KerasVersion(3, 4), "asks for keras==3.4.1", "requirements.txt", 1)


@pytest.mark.parametrize(
    ("text", "version", "generation"),
    [
        ("2", KerasVersion(2), "keras2"),
        ("3", KerasVersion(3), "keras3"),
        ("3.14", KerasVersion(3, 14), "keras3"),
        ("2.15.0", KerasVersion(2, 15), "keras2"),
        ("3.16", KerasVersion(3, 16), "keras3_16"),
        ("3.16.0.dev2026102704", KerasVersion(3, 16), "keras3_16"),
        ("2.4.0-tf", KerasVersion(2, 4), "keras2"),
        ("2.15.0rc1", KerasVersion(2, 15), "keras2"),
        (" 3.0 ", KerasVersion(3, 0), "keras3"),
    ],
)
def test_versions_are_read(text, version, generation):
    assert KerasVersion.parse(text) == version
    assert version.generation == generation


@pytest.mark.parametrize("text", ["", "4", "1.2", "three", "3.", "v3", "3.14.1.2.3", "-3", "3\n3", "3" * 5000])
def test_what_is_no_version_is_refused_with_what_is_accepted(text):
    with pytest.raises(ValueError, match=r"write 2, 3 or a release such as"):
        KerasVersion.parse(text)


def test_the_command_line_wins_over_the_configuration_and_that_over_everything_else():
    assert resolve(option="3.14", configuration="2", source=[KERAS2]).versions == (KerasVersion(3, 14),)
    assert resolve(option="auto", configuration="2", source=[KERAS3]).versions == (KerasVersion(2),)
    assert resolve(configuration="auto", source=[KERAS3]).versions == (KerasVersion(3),)


def test_artifacts_win_over_source_and_source_over_pins():
    assert resolve(artifact=[KERAS3_4], source=[KERAS2]).versions == (KerasVersion(3, 4),)
    assert resolve(source=[KERAS2], project=[KERAS3_4]).versions == (KerasVersion(2),)
    assert resolve(project=[KERAS3_4]).source == "requirements.txt:1: asks for keras==3.4.1"


def test_without_any_evidence_both_generations_are_analysed():
    choice = resolve()
    assert choice.versions == BOTH == (KerasVersion(2), KerasVersion(3))
    assert not choice.is_known
    assert "unknown" in choice.source


def test_any_means_both_generations_whatever_the_evidence():
    assert resolve(option="any", source=[KERAS2]).versions == BOTH


def test_evidence_that_contradicts_itself_leaves_the_version_unknown():
    choice = resolve(source=[KERAS2, KERAS3], project=[KERAS3_4])
    assert choice.versions == BOTH
    assert choice.source == "unknown: train.py:3: imports tf_keras, but train.py:9: uses keras.ops"


def test_the_most_precise_of_several_pieces_counts():
    choice = resolve(project=[KERAS3, KERAS3_4])
    assert choice.versions == (KerasVersion(3, 4),)
    assert "keras==3.4.1" in choice.source


def test_two_releases_that_behave_alike_do_not_contradict_each_other():
    other = Evidence(KerasVersion(3, 9), "asks for keras==3.9.0")
    newer = Evidence(KerasVersion(3, 16), "asks for keras==3.16.0")
    assert resolve(project=[KERAS3_4, other]).versions == (KerasVersion(3),)
    assert not resolve(project=[KERAS3_4, newer]).is_known


def test_a_wrong_option_is_an_error():
    with pytest.raises(ValueError, match="'5' is no version of Keras"):
        resolve(option="5")


@pytest.mark.parametrize(
    ("written", "version"),
    [("3.4.1", KerasVersion(3, 4)), ("2.4.0-tf", KerasVersion(2, 4)), ("1.2.2", KerasVersion(2))],
)
def test_the_version_that_an_artifact_carries(written, version):
    (piece,) = from_artifact(written, "model.keras")
    assert piece.version == version
    assert str(piece) == f"model.keras: written by Keras {written}"


@pytest.mark.parametrize("written", [None, "", "nonsense", "17"])
def test_an_artifact_without_a_version_says_nothing(written):
    assert from_artifact(written) == ()
