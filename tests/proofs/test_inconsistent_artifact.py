"""inconsistent-artifact: one file, two models, depending on who reads it."""

import io
import json
import warnings
import zipfile

from freezelint.graph import keras_archive
from freezelint.graph.checks import graph
from tests.graph.build import KERAS3, layer, sequential


def archive_with_two_configurations(path):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(sequential("reviewed", layer("Dense", "dense"))))
        archive.writestr("config.json", json.dumps(sequential("loaded", layer("Lambda", "surprise"))))
    return path


def model_names(data):
    """The names of the models in the file, for a reader that takes the last member of a name and one that streams."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        last = json.loads(archive.read("config.json"))["config"]["name"]
        first = next(info for info in archive.infolist() if info.filename == "config.json")
        return json.loads(archive.read(first))["config"]["name"], last


def test_two_readers_see_two_models(tmp_path):
    path = archive_with_two_configurations(tmp_path / "model.keras")
    assert model_names(path.read_bytes()) == ("reviewed", "loaded")


def test_it_is_said_and_the_model_that_keras_loads_is_the_one_checked(tmp_path):
    model = keras_archive.read(archive_with_two_configurations(tmp_path / "model.keras"))
    assert model.root is not None
    assert model.root.name == "loaded"
    [found] = graph.run(model, "model.keras", KERAS3, {"inconsistent-artifact"})
    assert "'config.json' 2 times" in found.message
