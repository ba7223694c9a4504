import h5py
import pytest

from freezelint.graph.model_graph import Unreadable
from freezelint.graph.reader import looks_like_model, read_model
from tests.hostile import KERAS2, KERAS3, LFS_POINTER, SAVED_MODEL


@pytest.mark.parametrize(
    ("path", "expected"),
    [(KERAS3, "keras"), (KERAS2, "hdf5"), (SAVED_MODEL, "savedmodel"), (SAVED_MODEL / "saved_model.pb", "savedmodel")],
)
def test_every_format_has_its_reader(path, expected):
    assert read_model(path).format == expected


def test_what_is_none_of_them_is_unreadable(tmp_path):
    with pytest.raises(Unreadable):
        read_model(tmp_path)


def test_a_search_finds_models_and_leaves_data_alone(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["table"] = [1, 2]
    with h5py.File(tmp_path / "only_weights.h5", "w") as file:
        file.attrs["layer_names"] = ["head"]
    (tmp_path / "model.weights.h5").write_bytes(KERAS2.read_bytes())
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "pointer.h5").write_bytes(LFS_POINTER)
    (tmp_path / "broken.keras").write_bytes(b"x")
    (tmp_path / "truncated.hdf5").write_bytes(KERAS2.read_bytes()[:3000])
    found = {path.name for path in [*tmp_path.iterdir(), KERAS2, KERAS3, SAVED_MODEL] if looks_like_model(path)}
    assert found == {"pointer.h5", "broken.keras", "truncated.hdf5", KERAS2.name, KERAS3.name, SAVED_MODEL.name}
