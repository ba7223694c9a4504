"""Reading a SavedModel folder into a ModelGraph, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from freezelint.finding import NotRead
from freezelint.graph import compile_config
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.layer_kinds import STATISTICS
from freezelint.graph.model_graph import GradientHit, Layer, LayerKind, ModelGraph, Unreadable, Weight
from freezelint.graph.saved_model import files, metadata, writers
from freezelint.graph.saved_model.consistency import flags_against_list
from freezelint.graph.saved_model.functions import Library
from freezelint.graph.saved_model.gradient import frozen_on_path
from freezelint.graph.saved_model.layers import ObjectTree, overlay, tree_from_names
from freezelint.graph.saved_model.messages import DamagedNode, MetaGraph, Nodes, SignatureDef, meta_graphs
from freezelint.graph.saved_model.objects import ObjectGraph, Variable, object_graph
from freezelint.graph.saved_model.places import Places
from freezelint.graph.saved_model.signatures import Reading, Walker
from freezelint.graph.saved_model.traces import root_traces
from freezelint.graph.saved_model.variables import Variables, of_tensorflow_1
from freezelint.graph.saved_model.wire import Budget, Buffer, Malformed, Message, OverBudget

INIT_OP = "__saved_model_init_op"
_MAX_SENTENCES = 20


def read(path: Path) -> ModelGraph:
    """The model in the SavedModel folder `path` (or beside it, if `path` is its `saved_model.pb`).

    Raises `Unreadable` if nothing of it can be read. What can be read in part is returned, with the rest in
    `not_read`, `gaps` and `inconsistencies`.
    """
    folder = path.parent if path.name == files.GRAPH_FILE else path
    if not folder.is_dir():
        raise Unreadable("it is not a folder")
    budget = Budget()
    if not files.exists(folder, files.GRAPH_FILE):
        if files.exists(folder, files.METADATA_FILE):
            return _metadata_only(folder, path, budget)
        raise Unreadable(files.without_graph(folder))
    with files.opened(folder, files.GRAPH_FILE) as content:
        try:
            return _Reader(folder, path, content, budget).read()
        except Malformed as problem:
            raise Unreadable(f"{files.GRAPH_FILE} is damaged or no SavedModel: {problem}") from problem
        except OverBudget as problem:
            raise Unreadable(f"{files.GRAPH_FILE} was given up: {problem}") from problem
        except RecursionError as problem:
            raise Unreadable(f"{files.GRAPH_FILE} is nested too deeply") from problem


class _Parts(NamedTuple):
    """The decoded parts that every later step needs."""

    graph: MetaGraph
    objects: ObjectGraph
    metadata: metadata.Metadata
    writer: writers.Writer
    trains: frozenset[int] | None


def _metadata_only(folder: Path, path: Path, budget: Budget) -> ModelGraph:
    """What the metadata alone says of a model whose graph is missing."""
    with files.opened(folder, files.METADATA_FILE) as content:
        written = metadata.read_file(Message(content, 0, len(content), budget))
    if not written.root:
        raise Unreadable(f"{files.without_graph(folder)}, and {files.METADATA_FILE} says nothing of the model")
    reader = _Reader(folder, path, b"", budget)
    reader.without_graph(written)
    return reader.model


class _Reader:
    """One reading of one folder; `model` is what has been found out so far."""

    def __init__(self, folder: Path, path: Path, content: Buffer, budget: Budget) -> None:
        self._folder = folder
        self._document = Message(content, 0, len(content), budget)
        self._budget = budget
        self.model = ModelGraph(path=path.as_posix(), format="savedmodel")

    def read(self) -> ModelGraph:
        """The model; `Malformed` or `OverBudget` if not even its parts can be located."""
        graph = self._chosen(meta_graphs(self._document))
        objects = object_graph(graph.object_graph)
        written = self._metadata(objects)
        writer = writers.recognise(objects, written)
        listed = objects.variables_in_list(0, "trainable_variables")
        trains = frozenset(variable.node for variable in listed) if listed is not None else None
        if trains is None and writer.creation_flags_hold:
            trains = frozenset(variable.node for variable in objects.variables() if variable.created_trainable)
        parts = _Parts(graph, objects, written, writer, trains)
        self.model.writer = writer.name
        self.model.keras_version = writer.keras_version
        self.model.tensorflow_version = graph.tensorflow_version
        self.model.gaps.extend(writer.gaps)
        if written.root:
            self.model.compiled = "training_config" in written.root
            self.model.optimizer = compile_config.optimizer(written.root.get("training_config"))
        self.model.optimizer_slots = objects.optimizer_slots()
        nodes = self._main_nodes(graph, wholly=not objects.nodes)
        variables = objects.variables() if objects.nodes else of_tensorflow_1(nodes.all(), graph.collections)
        self._variables(variables, parts)
        held = self._tree(variables, parts)
        self._computations(nodes, variables, held, parts)
        return self.model

    def without_graph(self, written: metadata.Metadata) -> None:
        """Fills the model from its metadata alone."""
        objects, written = metadata.as_objects(written)
        writer = writers.recognise(objects, written)
        self.model.writer, self.model.keras_version = writer.name, writer.keras_version
        self.model.compiled = "training_config" in written.root
        self._not_read(f"{files.without_graph(self._folder)}: what the model computes was not checked")
        self._inconsistent(f"there is a {files.METADATA_FILE} without the {files.GRAPH_FILE} it belongs to")
        self._tree([], _Parts(MetaGraph(), objects, written, writer, None))

    def _chosen(self, graphs: list[MetaGraph]) -> MetaGraph:
        if not graphs:
            raise Unreadable(f"{files.GRAPH_FILE} holds no graph: it is no SavedModel, or only the beginning of one")
        chosen = next((graph for graph in graphs if "serve" in graph.tags), graphs[0])
        if len(graphs) > 1:
            others = sorted({tag for graph in graphs if graph is not chosen for tag in graph.tags})
            self._not_read(f"{len(graphs) - 1} further graph(s) in {files.GRAPH_FILE} (tags {', '.join(others)})")
        if chosen.duplicate_functions:
            self._inconsistent(f"two functions are called {chosen.duplicate_functions[0]!r}; the first was read")
        return chosen

    def _metadata(self, objects: ObjectGraph) -> metadata.Metadata:
        if not files.exists(self._folder, files.METADATA_FILE):
            found = metadata.read_inline(objects)
        else:
            try:
                with files.opened(self._folder, files.METADATA_FILE) as content:
                    found = metadata.read_file(Message(content, 0, len(content), self._budget))
            except Unreadable as problem:
                self._not_read(problem.reason)
                return metadata.Metadata()
        for sentence in found.damaged[:_MAX_SENTENCES]:
            self._not_read(sentence)
        for number, entry in found.entries.items():
            node = objects.node(number)
            if node is None or not node.is_keras_2:
                self._inconsistent(f"the Keras metadata of {entry.place or number!r} is about no layer of the graph")
        return found

    def _main_nodes(self, graph: MetaGraph, wholly: bool) -> Nodes:
        """The main graph; with each of its nodes decoded if they are wanted `wholly`."""
        try:
            self._budget.keep(len(graph.nodes))
            nodes = Nodes(self._document, graph.nodes)
            if wholly:
                nodes.all()
        except Malformed as problem:
            self._damaged(graph, problem)
            return Nodes(self._document)
        return nodes

    def _damaged(self, graph: MetaGraph, problem: Malformed) -> None:
        self._not_read(f"the main graph is damaged ({problem}): no signature was checked")
        graph.signatures.clear()
        self.model.signatures.clear()

    def _variables(self, variables: list[Variable], parts: _Parts) -> None:
        trains = parts.trains
        for variable in variables:
            flag = variable.node in trains if trains is not None else None
            role = variable.name.rpartition("/")[2]
            self.model.variables.append(Weight(variable.name, variable.shape, variable.dtype, role, flag))
        if any(weight.role in STATISTICS for weight in self.model.variables):
            self.model.gaps.append("numbers of weights are not read: whether BatchNorm ever learnt its statistics")
        if trains is not None:
            nodes = (parts.objects.nodes[number].variable for number in sorted(trains))
            self.model.trainable_variables = tuple(variable.name for variable in nodes if variable is not None)

    def _tree(self, variables: list[Variable], parts: _Parts) -> dict[str, list[int]]:
        """Fills the layer tree and what goes with it; returns which layer holds which variables."""
        model = self.model
        if not parts.objects.nodes or not parts.objects.nodes[0].is_keras_2:
            tree = tree_from_names(variables, parts.trains)
            model.root = tree.root if tree.root.children else None
            return tree.variables
        tree = ObjectTree(parts.objects, parts.metadata, parts.trains, self._budget).build()
        model.root = tree.root
        model.embedded_code = tree.embedded_code
        model.gaps.extend(tree.gaps)
        self._config_graph(tree.root, parts)
        for sentence in flags_against_list(model.root):
            self._inconsistent(sentence)
        return tree.variables

    def _config_graph(self, objects: Layer, parts: _Parts) -> None:
        """Reads the calls from the model configuration, if there is one, and joins the two trees."""
        facts = parts.metadata.root
        config = facts.get("model_config")
        if config is None or facts.get("is_graph_network") is False:
            if facts:
                self.model.gaps.append("the model is a Python class of its own: its calls were not recorded")
            return
        try:
            found = read_model_config(config)
        except Unreadable as problem:
            self._not_read(f"the model configuration in the Keras metadata: {problem.reason}")
            return
        if found.root.kind is LayerKind.SUBCLASSED:
            self.model.gaps.append("its model configuration holds no layers (one of them cannot be serialized?)")
            return
        self.model.root = found.root
        for sentence in overlay(found.root, objects):
            self._inconsistent(sentence)
        self.model.calls, self.model.inputs, self.model.outputs = found.calls, found.inputs, found.outputs
        self.model.embedded_code = found.embedded_code
        self.model.gaps.extend(gap for gap in found.gaps if gap not in self.model.gaps)
        for sentence in found.inconsistencies:
            self._inconsistent(sentence)

    def _computations(self, nodes: Nodes, variables: list[Variable], held: dict[str, list[int]], parts: _Parts) -> None:
        """Follows every signature and the two traces of Keras 2."""
        graph = parts.graph
        places = Places(self.model.root, held)
        walker = Walker(nodes, Library(graph.functions), Variables(parts.objects), places, self._budget, {})
        self._signatures(walker, graph)
        signatures = [signature for signature in graph.signatures if signature.name != INIT_OP]
        if not signatures and not self.model.not_read:
            self.model.gaps.append("it holds no signature: what it would do when served cannot be seen")
        traces = root_traces(parts.objects)
        for training, function in traces.items():
            name = "training trace" if training else "inference trace"
            reading = self._guarded(name, partial(walker.trace, name, function))
            if reading is not None and training:
                self.model.training_trace = reading.signature
            elif reading is not None:
                self.model.inference_trace = reading.signature
        if True not in traces:
            why = " (saved with save_traces=False?)" if parts.metadata.entries else ""
            self.model.gaps.append(f"it holds no training trace{why}: what `fit` would do cannot be seen")
        self._gradient(walker, variables, signatures, places, parts)

    def _signatures(self, walker: Walker, graph: MetaGraph) -> None:
        try:
            for wanted in graph.signatures:
                if wanted.name != INIT_OP:
                    reading = self._guarded(f"signature {wanted.name}", partial(walker.signature, wanted))
                    if reading is not None:
                        self.model.signatures.append(reading.signature)
        except DamagedNode as problem:
            self._damaged(graph, problem)

    def _guarded(self, what: str, follow: Callable[[], Reading]) -> Reading | None:
        try:
            reading = follow()
        except DamagedNode:
            raise
        except (Malformed, OverBudget, RecursionError) as problem:
            reason = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)
            self._not_read(f"{what} was not followed to its end: {reason}")
            return None
        self.model.gaps.extend(reading.gaps)
        for missing in reading.missing[:3]:
            self._inconsistent(f"{what} needs {missing!r}, which the graph does not hold")
        return reading

    def _gradient(
        self,
        walker: Walker,
        variables: list[Variable],
        signatures: list[SignatureDef],
        places: Places,
        parts: _Parts,
    ) -> None:
        """Looks for frozen variables on the gradient path, where the artifact says what trains."""
        if parts.trains is None or parts.writer.creation_flags_hold or not signatures:
            return
        served = min(signatures, key=lambda signature: (signature.name != "serving_default", signature.name != "serve"))
        frozen = [item.node for item in variables if item.created_trainable and item.node not in parts.trains]
        try:
            hits = frozen_on_path(walker, served, frozen, parts.trains)
        except (Malformed, OverBudget, RecursionError) as problem:
            self._not_read(f"the gradient path was not followed to its end: {problem}")
            return
        name = walker.variables.name
        self.model.gradient_hits = tuple(
            GradientHit(name(key), places.of_variable(key), name(upstream)) for key, upstream in hits.items()
        )

    def _not_read(self, reason: str) -> None:
        if len(self.model.not_read) < _MAX_SENTENCES:
            self.model.not_read.append(NotRead(self.model.path, reason, wholly=False))

    def _inconsistent(self, sentence: str) -> None:
        if sentence not in self.model.inconsistencies and len(self.model.inconsistencies) < _MAX_SENTENCES:
            self.model.inconsistencies.append(sentence)
