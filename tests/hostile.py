"""Makes files that no reader should trip over: truncated, bent, nested, enormous, or built to lead it astray.

Usage: python -m tests.hostile FOLDER            (writes all of them there)

The cases follow what damaged downloads look like and what public advisories describe (CVE-2025-1550,
CVE-2025-9906, CVE-2026-0897, CVE-2026-1669, CVE-2026-12480). Nothing here does harm when it is read by Keras
either: links and imports lead nowhere.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

MODELS = Path(__file__).parent.parent / "fixtures" / "models"
KERAS3 = MODELS / "cats_dogs_live_batchnorm.keras"
KERAS2 = MODELS / "cats_dogs_live_batchnorm_keras2.h5"
SAVED_MODEL = MODELS / "cats_dogs_live_batchnorm_keras2"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21461\nsize 132735373\n"


def make(folder: Path) -> list[Path]:
    """Writes every hostile input into `folder` and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*_archives(folder), *_graphs(folder), *_hdf5(folder), *_saved_models(folder), *_others(folder)]


def _archive(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
        warnings.simplefilter("ignore")  # two members of one name are meant
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name) if name.startswith("/") else name, data, compression)
    return path


def _archives(folder: Path) -> Iterator[Path]:
    """`.keras` files that are wrong as archives."""
    good = zipfile.ZipFile(KERAS3).read("config.json")
    metadata = b'{"keras_version": "3.15.1"}'
    whole = KERAS3.read_bytes()
    deep = ('{"class_name":"Functional","config":{"name":"a","layers":[' * 3000 + "]}}" * 3000).encode()
    cases: dict[str, list[tuple[str, bytes]]] = {
        "no_config": [("metadata.json", metadata)],
        "no_metadata": [("config.json", good)],
        "metadata_is_a_list": [("metadata.json", b"[1]"), ("config.json", good)],
        "metadata_version_is_a_number": [("metadata.json", b'{"keras_version": 3}'), ("config.json", good)],
        "truncated_config": [("metadata.json", metadata), ("config.json", good[:500])],
        "deep_objects": [("metadata.json", metadata), ("config.json", deep)],
        "deep_lists": [("metadata.json", metadata), ("config.json", b"[" * 100_000 + b"]" * 100_000)],
        "config_is_a_list": [("metadata.json", metadata), ("config.json", b"[1, 2]")],
        "config_is_a_number": [("metadata.json", metadata), ("config.json", b"NaN")],
        "config_in_utf16": [("metadata.json", metadata), ("config.json", good.decode().encode("utf-16"))],
        "config_not_unicode": [("metadata.json", metadata), ("config.json", b'{"class_name": "\xff\xfe"}')],
        "long_integer": [
            ("metadata.json", metadata),
            ("config.json", b'{"class_name":"Dense","config":{"units":' + b"9" * 5000 + b"}}"),
        ],
        "two_configs": [("metadata.json", metadata), ("config.json", good), ("config.json", b"{}")],
        "leads_out": [("../../evil.txt", b"x"), ("/evil", b"y"), ("metadata.json", metadata), ("config.json", good)],
        "not_a_model": [("readme.txt", b"hello")],
        "pytorch": [("archive/data.pkl", b"\x80\x02.")],
        "weights_are_zeros": [("metadata.json", metadata), ("config.json", good), ("model.weights.h5", b"\0" * 5000)],
        "weights_are_text": [("metadata.json", metadata), ("config.json", good), ("model.weights.h5", b"hello")],
        "weights_elsewhere": [("metadata.json", metadata), ("config.json", good), ("model.weights.npz", b"PK")],
    }
    for name, members in cases.items():
        yield _archive(folder / f"{name}.keras", members)
    yield _archive(folder / "huge_config.keras", [("config.json", b" " * (100 << 20) + b"{}")], zipfile.ZIP_DEFLATED)
    huge = [("config.json", good), ("model.weights.h5", b"\0" * (300 << 20))]
    yield _archive(folder / "huge_weights.keras", huge, zipfile.ZIP_DEFLATED)
    yield _archive(folder / "compressed.keras", [("config.json", good), ("model.weights.h5", whole)], zipfile.ZIP_BZIP2)
    for name, data in {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "without_last_byte": whole[:-1],
        "lfs_pointer": LFS_POINTER,
        "web_page": b"<!DOCTYPE html><html>404</html>",
        "zip_signature_only": b"PK\x03\x04",
        "encrypted": _with_flag(whole, 1),
        "unknown_compression": _with_method(whole, 99),
    }.items():
        path = folder / f"{name}.keras"
        path.write_bytes(data)
        yield path
    for number in range(5):
        path = folder / f"flipped{number}.keras"
        path.write_bytes(_flipped(whole, 60, seed=number))
        yield path


def _with_flag(data: bytes, flag: int) -> bytes:
    """The archive with a general purpose flag set in every directory entry."""
    changed = bytearray(data)
    at = changed.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 8] |= flag
        at = changed.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def _with_method(data: bytes, method: int) -> bytes:
    """The archive with another compression method in every directory entry."""
    changed = bytearray(data)
    at = changed.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 10] = method
        at = changed.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def _flipped(data: bytes, count: int, seed: int) -> bytes:
    changed, chance = bytearray(data), random.Random(seed)
    for _ in range(count):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def graph_configs() -> dict[str, Any]:
    """Model configurations that are valid JSON and wrong as graphs, by name."""
    good = json.loads(zipfile.ZipFile(KERAS3).read("config.json"))
    old = json.loads(h5py.File(KERAS2, "r").attrs["model_config"])
    cases: dict[str, Any] = {}

    def case(name: str, base: Any, change: Callable[[list[Any], Any], None]) -> None:
        config = copy.deepcopy(base)
        change(config["config"]["layers"], config)
        cases[name] = config

    def history(layers: list[Any], number: int) -> list[Any]:
        return layers[number]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]

    case("self_reference", good, lambda layers, _: history(layers, 2).__setitem__(0, layers[2]["name"]))
    case("circle", good, lambda layers, _: history(layers, 1).__setitem__(0, layers[-1]["name"]))
    case("forward_reference", good, lambda layers, _: layers.reverse())
    case("dangling", good, lambda layers, _: history(layers, 2).__setitem__(0, "nobody"))
    case("node_out_of_range", good, lambda layers, _: history(layers, 2).__setitem__(1, 7))
    case("negative_node", good, lambda layers, _: history(layers, 2).__setitem__(1, -7))
    case("huge_tensor_index", good, lambda layers, _: history(layers, 2).__setitem__(2, 10**30))
    case("history_of_wrong_types", good, lambda layers, _: history(layers, 2).__setitem__(1, "0"))
    case("same_name_twice", good, lambda layers, _: layers.append(copy.deepcopy(layers[-1])))
    case("layers_null", good, lambda _, config: config["config"].update(layers=None))
    case("layers_of_wrong_types", good, lambda layers, _: layers.extend([None, 3, [], {}, {"config": None}]))
    case("name_is_a_list", good, lambda layers, _: layers[2]["config"].update(name=["x"]))
    case("class_is_a_number", good, lambda layers, _: layers[2].update(class_name=5))
    case("trainable_is_text", good, lambda layers, _: layers[2]["config"].update(trainable="no"))
    case("trainable_is_nan", good, lambda layers, _: layers[2]["config"].update(trainable=float("nan")))
    case("nodes_is_a_number", good, lambda layers, _: layers[2].update(inbound_nodes=7))
    case("node_is_text", good, lambda layers, _: layers[2].update(inbound_nodes=["x", None, 3]))
    case("no_outputs", good, lambda _, config: config["config"].update(output_layers=[]))
    case("outputs_null", good, lambda _, config: config["config"].update(output_layers=None))
    case("outputs_of_wrong_types", good, lambda _, config: config["config"].update(output_layers={"a": [1, "b", {}]}))
    case("old_dangling", old, lambda layers, _: layers[-1].update(inbound_nodes=[[["nobody", 0, 0, {}]]]))
    case(
        "old_self_reference", old, lambda layers, _: layers[-1].update(inbound_nodes=[[[layers[-1]["name"], 0, 0, {}]]])
    )
    case(
        "old_nodes_of_wrong_types", old, lambda layers, _: layers[-1].update(inbound_nodes=[[[1, 2, 3]], [[]], [None]])
    )
    case("old_kwargs_in_kwargs", old, lambda layers, _: layers[-1].update(inbound_nodes=[_old_kwargs(200)]))
    case("standard_library", good, lambda layers, _: layers[-1]["config"].update(activation=_import("os", "system")))
    cases["wrappers_300_deep"] = _wrapped(300)
    cases["models_200_deep"] = _nested(200)
    cases["model_called_twice_40_deep"] = _doubling(40)
    cases["sequential_of_nothing"] = {"class_name": "Sequential", "config": []}
    cases["subclassed"] = {"class_name": "Mine", "config": {}}
    cases["no_class"] = {"config": {"layers": []}}
    cases["wide"] = _wide(20_000)
    return cases


def _import(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _old_kwargs(depth: int) -> list[Any]:
    value: Any = ["image", 0, 0]
    for _ in range(depth):
        value = {"x": [value]}
    return [["image", 0, 0, {"mask": value}]]


def _wrapped(depth: int) -> dict[str, Any]:
    layer: dict[str, Any] = {"class_name": "Dense", "config": {"name": "innermost", "trainable": True}}
    for number in range(depth):
        layer = {"class_name": "TimeDistributed", "config": {"name": f"w{number}", "trainable": True, "layer": layer}}
    return {"class_name": "Sequential", "config": {"name": "deep", "layers": [layer]}}


def _nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"class_name": "Dense", "config": {"name": "innermost", "trainable": True}}
    for number in range(depth):
        inner = {"class_name": "Sequential", "config": {"name": f"s{number}", "layers": [inner]}}
    return inner


def _doubling(depth: int) -> dict[str, Any]:
    """Models inside models, each calling the next one twice: 2**depth runs of the innermost."""

    def dense(name: str, trainable: bool) -> dict[str, Any]:
        return {
            "class_name": "Dense",
            "config": {"name": name, "trainable": trainable},
            "inbound_nodes": [[["in", 0, 0, {}]]],
        }

    inner: dict[str, Any] | None = None
    for number in range(depth):
        layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []}]
        layers += [dense("trains", True), dense("frozen", False)]
        end = ["trains", 0, 0]
        if inner is not None:
            inner["inbound_nodes"] = [[["trains", 0, 0, {}]], [["frozen", 0, 0, {}]]]
            layers.append(inner)
            end = [inner["config"]["name"], 2, 0]
        name = f"m{number}"
        config = {"name": name, "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [end]}
        inner = {"class_name": "Functional", "name": name, "config": config}
    assert inner is not None
    return inner


def _wide(count: int) -> dict[str, Any]:
    """One layer that takes the output of very many."""
    layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []}]
    for number in range(count):
        config = {"name": f"d{number}", "trainable": number % 2 == 0}
        layers.append({"class_name": "Dense", "config": config, "inbound_nodes": [[["in", 0, 0, {}]]]})
    tensors = [[f"d{number}", 0, 0, {}] for number in range(count)]
    layers.append({"class_name": "Add", "config": {"name": "sum"}, "inbound_nodes": [tensors]})
    config = {"name": "wide", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["sum", 0, 0]]}
    return {"class_name": "Functional", "config": config}


def _graphs(folder: Path) -> Iterator[Path]:
    for name, config in graph_configs().items():
        members = [("metadata.json", b'{"keras_version": "3.15.1"}'), ("config.json", json.dumps(config).encode())]
        yield _archive(folder / f"graph_{name}.keras", members)


def _hdf5(folder: Path) -> Iterator[Path]:
    """HDF5 files that lead elsewhere, go round in circles, or are damaged."""
    config = h5py.File(KERAS2, "r").attrs["model_config"]
    whole = KERAS2.read_bytes()

    def write(name: str, fill: Callable[[h5py.File], None], configured: bool = True) -> Path:
        path = folder / f"{name}.h5"
        with h5py.File(path, "w") as file:
            if configured:
                file.attrs["model_config"] = config
            fill(file)
        return path

    def circle(file: h5py.File) -> None:
        group = file.create_group("model_weights")
        group["again"] = group
        group["soft"] = h5py.SoftLink("/model_weights")
        group["outside"] = h5py.ExternalLink(str(KERAS2), "/model_weights")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource(str(KERAS2), "model_weights", shape=(4,))
        file.create_virtual_dataset("model_weights/head/kernel", layout)

    def outside(file: h5py.File) -> None:
        file.create_dataset("model_weights/k", shape=(8,), dtype="u1", external=[("/etc/hostname", 0, 8)])

    def deep(file: h5py.File) -> None:
        group: Any = file
        for _ in range(300):
            group = group.create_group("g")

    def enormous(file: h5py.File) -> None:
        file.create_dataset("model_weights/k", shape=(1 << 30, 1 << 20), dtype="f4", chunks=(1024, 1024))

    def attribute(value: Any) -> Callable[[h5py.File], None]:
        return lambda file: file.attrs.__setitem__("model_config", value)

    yield write(
        "external_link", lambda file: file.__setitem__("model_weights", h5py.ExternalLink("/etc/hostname", "/x"))
    )
    yield write("circular_links", circle)
    yield write("virtual_dataset", virtual)
    yield write("external_dataset", outside)
    yield write("deep_groups", deep)
    yield write("shape_bomb", enormous)
    yield write("model_weights_is_a_dataset", lambda file: file.__setitem__("model_weights", np.zeros(3)))
    yield write("config_is_numbers", attribute(np.zeros(4)), configured=False)
    yield write("config_is_empty", attribute(h5py.Empty("f4")), configured=False)
    yield write("config_is_text", attribute("hello"), configured=False)
    yield write("config_is_json_list", attribute("[]"), configured=False)
    yield write("config_is_a_list_of_text", attribute(["a", "b"]), configured=False)
    yield write(
        "weight_names_are_numbers", lambda f: f.create_group("model_weights/head").attrs.create("weight_names", [1, 2])
    )
    yield write("not_of_keras", lambda file: file.__setitem__("table", np.zeros(3)), configured=False)
    for name, data in {
        "truncated": whole[:5000],
        "signature_only": whole[:8],
        "after_a_user_block": b"\0" * 512 + whole,
    }.items():
        path = folder / f"{name}.h5"
        path.write_bytes(data)
        yield path
    path = folder / "endless.h5"
    path.write_bytes(endless_hdf5())
    yield path
    for number in range(6):
        path = folder / f"flipped{number}.h5"
        path.write_bytes(_flipped(whole, 400, seed=number))
        yield path


def endless_hdf5() -> bytes:
    """An HDF5 file with one wrong byte, the length of a text in a heap, on which the HDF5 library never ends."""
    data = bytearray(KERAS2.read_bytes())
    text = b"dropout\0"
    data[data.index(text, data.index(b"GCOL")) + len(text) + 9] = 6
    return bytes(data)


def _saved_models(folder: Path) -> Iterator[Path]:
    """SavedModels whose bytes are damaged."""
    whole = (SAVED_MODEL / "saved_model.pb").read_bytes()
    metadata = (SAVED_MODEL / "keras_metadata.pb").read_bytes()

    def write(name: str, graph: bytes | None, keras: bytes | None = None) -> Path:
        path = folder / f"saved_{name}"
        path.mkdir()
        if graph is not None:
            (path / "saved_model.pb").write_bytes(graph)
        if keras is not None:
            (path / "keras_metadata.pb").write_bytes(keras)
        return path

    yield write("half", whole[: len(whole) // 2])
    yield write("without_last_byte", whole[:-1], metadata)
    yield write("empty", b"")
    yield write("zeros", b"\0" * 1000)
    yield write("random", random.Random(1).randbytes(100_000))
    yield write("lfs_pointer", LFS_POINTER)
    yield write("metadata_only", None, metadata)
    yield write("metadata_truncated", whole, metadata[: len(metadata) // 2])
    yield write("metadata_random", whole, random.Random(2).randbytes(5000))
    for number in range(8):
        yield write(f"flipped{number}", _flipped(whole, 50, seed=number), _flipped(metadata, 5, seed=number))


def _others(folder: Path) -> Iterator[Path]:
    """Things that are no ordinary files, or files of another kind."""
    (folder / "empty_folder").mkdir()
    yield folder / "empty_folder"
    if hasattr(os, "mkfifo"):
        for name in ("pipe.keras", "pipe.h5"):
            os.mkfifo(folder / name)
            yield folder / name
        (folder / "saved_pipe").mkdir()
        os.mkfifo(folder / "saved_pipe" / "saved_model.pb")
        yield folder / "saved_pipe"
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    for name, data in {
        "weights.npz": buffer.getvalue(),
        "model.tflite": b"\x1c\0\0\0TFL3" + b"\0" * 100,
        "model.onnx": b"\x08\x07\x12\x07pytorch",
        "graph.pb": b"\n\x0b\n\x01x\x12\x0bPlaceholder",
        "model.pt": b"\x80\x02\x8a\nl\xfc",
        "model.json": b"{}",
    }.items():
        (folder / name).write_bytes(data)
        yield folder / name


if __name__ == "__main__":
    for made in make(Path(sys.argv[1])):
        print(made)
