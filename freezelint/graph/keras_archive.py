"""The `.keras` format of Keras 2.12 and later: a zip archive with a configuration and weights → ModelGraph.

Members are read by their names, in memory and up to a limit; nothing is extracted. Of the weights, shapes, and
what `hdf5_tree` reads of a trained model.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from freezelint.finding import NotRead
from freezelint.graph import compile_config, hdf5_tree, untrusted_json, weights
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.model_graph import Layer, ModelGraph, Unreadable
from freezelint.graph.sniff import open_regular

MAX_CONFIG_BYTES = 64 << 20
MAX_UNPACKED_WEIGHTS = 256 << 20
"""Weights are stored as they are; a compressed member is unpacked into memory up to this size."""

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    MemoryError,
)
"""What the standard library raises for damaged, encrypted and exotically compressed archives."""


def read(path: Path) -> ModelGraph:
    """The model in the `.keras` file at `path`.

    An archive without a configuration is a model of which nothing but that is known. Raises `Unreadable` for an
    archive that is damaged, encrypted or no Keras model.
    """
    with open_regular(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _ZIP_ERRORS as error:
            raise Unreadable(f"a damaged zip archive ({error})") from error
        with archive:
            return _read(str(path), archive, file)


def _read(path: str, archive: zipfile.ZipFile, file: BinaryIO) -> ModelGraph:
    members = {info.filename: info for info in archive.infolist()}
    if not {CONFIG, METADATA, WEIGHTS} & set(members):
        raise Unreadable(_what_else(set(members)))
    graph = ModelGraph(path, "keras", inconsistencies=list(_archive_faults(archive)))
    graph.keras_version = _version(archive, members, graph)
    graph.writer = f"Keras {graph.keras_version}" if graph.keras_version else None
    if CONFIG not in members:
        graph.inconsistencies.append(f"{CONFIG} is missing: what the model is made of cannot be known")
        graph.gaps.append("layers, flags and calls: the archive has no configuration")
        return graph
    config = untrusted_json.parse(_member(archive, members[CONFIG]), CONFIG)
    found = read_model_config(config)
    graph.root, graph.calls, graph.inputs, graph.outputs = found.root, found.calls, found.inputs, found.outputs
    graph.embedded_code = found.embedded_code
    graph.inconsistencies += found.inconsistencies
    graph.gaps += found.gaps
    if isinstance(config, dict):
        graph.compiled = bool(config.get("compile_config"))
        graph.optimizer = compile_config.optimizer(config.get("compile_config"))
    _weights(archive, members, file, graph, found.root)
    return graph


def _weights(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], file: BinaryIO, graph: ModelGraph, root: Layer
) -> None:
    """Adds the shapes of the weights; without them the model is still worth checking."""
    if WEIGHTS not in members:
        other = next((name for name in members if name.startswith("model.weights")), None)
        what = f"they are in {other}, which is not read" if other else "the archive has none"
        graph.gaps.append(f"shapes of weights ({what})")
        return
    try:
        tree = _read_weights(archive, members[WEIGHTS], file)
    except Unreadable as error:
        reason = error.reason if WEIGHTS in error.reason else f"{WEIGHTS}: {error.reason}"
        graph.gaps.append(f"shapes of weights ({reason})")
        graph.not_read.append(NotRead(graph.path, reason, wholly=False))
        return
    keras3 = (graph.keras_version or "").startswith("3")
    graph.variables = weights.attach_checkpoint(root, tree.root, keras3=keras3)
    graph.optimizer_slots = weights.slots(tree.root.groups.get("optimizer"))
    graph.steps = tree.steps
    graph.inconsistencies += [*tree.inconsistencies, *weights.saved_elsewhere(root)]


def _version(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], graph: ModelGraph) -> str | None:
    if METADATA not in members:
        graph.inconsistencies.append(f"{METADATA} is missing")
        return None
    try:
        metadata = untrusted_json.parse(_member(archive, members[METADATA]), METADATA)
    except Unreadable as error:
        graph.inconsistencies.append(error.reason)
        return None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    if not isinstance(version, str):
        graph.inconsistencies.append(f"{METADATA} does not say which Keras wrote the file")
        return None
    return version


def _archive_faults(archive: zipfile.ZipFile) -> list[str]:
    """What Keras never writes into an archive."""
    infos = archive.infolist()
    faults = []
    for name, count in Counter(info.filename for info in infos).items():
        if count > 1:
            faults.append(
                f"the archive holds {name!r} {count} times: what a program sees depends on how it reads zip files"
            )
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
            faults.append(f"the archive holds {info.filename!r}, which leads out of the folder it would be unpacked to")
        elif info.external_attr >> 28 == 0xA:
            faults.append(f"{info.filename!r} is a symbolic link")
    return faults[:50]


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int = MAX_CONFIG_BYTES) -> bytes:
    """The bytes of a small member; its stated size is not trusted."""
    if info.flag_bits & 1:
        raise Unreadable(f"{info.filename} is encrypted")
    try:
        with archive.open(info) as member:
            data = member.read(limit + 1)
    except _ZIP_ERRORS as error:
        raise Unreadable(f"{info.filename} cannot be unpacked ({error})") from error
    if len(data) > limit:
        raise Unreadable(f"{info.filename} has more than {limit >> 20} MB")
    return data


def _read_weights(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: BinaryIO) -> hdf5_tree.Tree:
    """The groups and shapes in the weights.

    A stored member is read where it lies: through `ZipFile.open`, every jump back would start again at its
    beginning.
    """
    if info.flag_bits & 1:
        raise Unreadable("encrypted")
    if info.compress_type != zipfile.ZIP_STORED:
        return hdf5_tree.read_tree(io.BytesIO(_member(archive, info, MAX_UNPACKED_WEIGHTS)))
    try:
        file.seek(info.header_offset)
        name_length, extra_length = struct.unpack("<26xHH", file.read(30))
    except (struct.error, OSError, ValueError, OverflowError) as error:
        raise Unreadable("not where the archive says") from error
    start = info.header_offset + 30 + name_length + extra_length
    return hdf5_tree.read_tree(file, start, info.file_size)


def _what_else(names: set[str]) -> str:
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch model"
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy archive, which holds weights only"
    if any(name.endswith("saved_model.pb") for name in names):
        return "a zip archive with a SavedModel inside: unpack it first"
    return "a zip archive, but not of a Keras model"
