"""A ModelGraph and the costs of its step → the picture of it."""

from __future__ import annotations

from collections.abc import Iterable

from freezelint.costs import Costs, LayerCost
from freezelint.freeze_map import Edge, FreezeMap, Node, NodeKind, State
from freezelint.graph import layer_kinds
from freezelint.graph.cost import flags as flagged
from freezelint.graph.cost.step import gradient_tensors
from freezelint.graph.dimensions import Shape
from freezelint.graph.model_graph import Layer, LayerKind, ModelGraph
from freezelint.graph.modes import modes
from freezelint.graph.stretches import stretches
from freezelint.graph.unrolled import Unrolled
from freezelint.keras.behaviour import Behaviour

MAX_NODES = 20_000


def freeze_map(model: ModelGraph, unrolled: Unrolled, costs: Costs, keras: Behaviour) -> FreezeMap:
    """The picture of `model`; `unrolled` and `costs` are its own, under the same Keras."""
    drawing = _Drawing(model, unrolled, costs, keras)
    if model.root is not None:
        drawing.inputs()
        drawing.layers(model.root.children, None)
        drawing.loss()
    drawing.edges()
    return FreezeMap(
        path=model.path,
        writer=model.writer,
        keras=str(keras.version),
        nodes=tuple(drawing.nodes),
        edges=tuple(Edge(*ends, gradient=flag) for ends, flag in drawing.found.items()),
        is_graph=bool(unrolled.runs),
        sentences=costs.sentences,
        gaps=(*model.gaps, *costs.gaps, *drawing.gaps),
        machine=costs.machine,
    )


class _Drawing:
    def __init__(self, model: ModelGraph, unrolled: Unrolled, costs: Costs, keras: Behaviour) -> None:
        self.nodes: list[Node] = []
        self.found: dict[tuple[int, int], bool] = {}
        self.gaps: list[str] = []
        self._unrolled = unrolled
        self._costs = {layer.path: layer for layer in costs.present.layers}
        self._whole = costs.present.total.seconds
        self._uncosted = {path for item in costs.uncosted for path in item.layers}
        flags = flagged.present(model, keras)
        self._trains = flags.trains
        self._live = set(modes(model, keras, True).training)
        self._gradients = gradient_tensors(unrolled, flags)
        self._first_run: dict[str, int] = {}
        self._shapes: dict[str, Shape | None] = {}
        for number, run in enumerate(unrolled.runs):
            self._first_run.setdefault(run.layer.path, number)
            self._shapes.setdefault(run.layer.path, next(iter(unrolled.output_shapes(run)), None))
        self._numbers: dict[str, int] = {}
        self._input_of: dict[int, int] = {}
        self._loss: int | None = None

    def inputs(self) -> None:
        """The inputs of the whole model."""
        for name, tensor in self._unrolled.inputs.items():
            self._input_of[tensor] = self._add(
                Node(NodeKind.INPUT, name, "", None, "Input", shape=_words(self._unrolled.shapes[tensor]))
            )

    def layers(self, layers: Iterable[Layer], parent: int | None) -> None:
        """The layers of one model in the order in which they run, long ones in stretches."""
        drawn = [layer for layer in layers if layer.kind is not LayerKind.INPUT]
        drawn.sort(key=lambda layer: self._order(layer))
        if len(self.nodes) + len(drawn) > MAX_NODES:
            self.gaps.append(f"more than {MAX_NODES} layers: the rest is not drawn")
            return
        for stretch in stretches(drawn):
            around = parent
            if stretch.name:
                around = self._add(Node(NodeKind.STRETCH, stretch.name, "", parent))
            for layer in stretch.layers:
                self._layer(layer, around)

    def loss(self) -> None:
        """Where the gradients start."""
        self._loss = self._add(Node(NodeKind.LOSS, "loss", "", None))

    def edges(self) -> None:
        """The tensors between the boxes."""
        makers: dict[int, int] = dict(self._input_of)
        for run in self._unrolled.runs:
            target = self._numbers.get(run.layer.path)
            if target is None:
                continue
            for tensor in run.inputs:
                self._edge(makers.get(tensor), target, tensor)
            makers.update(dict.fromkeys(run.outputs, target))
        for tensor in self._unrolled.outputs:
            self._edge(makers.get(tensor), self._loss, tensor)

    def _edge(self, source: int | None, target: int | None, tensor: int) -> None:
        if source is not None and target is not None and source != target:
            self.found[source, target] = self.found.get((source, target), False) or tensor in self._gradients

    def _layer(self, layer: Layer, parent: int | None) -> None:
        cost = self._costs.get(layer.path)
        is_folder = bool(layer.children) and (layer.is_container or cost is None)
        number = self._add(
            Node(
                NodeKind.MODEL if is_folder else NodeKind.LAYER,
                layer.name,
                layer.path,
                parent,
                layer.class_name,
                State.NO_WEIGHTS if is_folder else self._state(layer, cost),
                _words(self._shapes.get(layer.path)),
                cost,
                self._share(cost),
            )
        )
        self._numbers[layer.path] = number
        if is_folder:
            self.layers(layer.children, number)

    def _state(self, layer: Layer, cost: LayerCost | None) -> State:
        if layer_kinds.is_batchnorm(layer) and layer.path in self._live:
            return State.LIVE_BATCHNORM
        trains = self._trains.get(layer.path)
        if trains is None:
            return State.NO_WEIGHTS
        if trains:
            return State.TRAINS
        return State.ON_PATH if cost is not None and cost.upstream else State.FROZEN

    def _share(self, cost: LayerCost | None) -> float | None:
        if cost is None or not self._whole or cost.path in self._uncosted:
            return None
        return cost.total.seconds / self._whole

    def _order(self, layer: Layer) -> int:
        places = (self._first_run.get(inner.path) for inner in layer.walk())
        return min((place for place in places if place is not None), default=len(self._unrolled.runs))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def _words(shape: Shape | None) -> str:
    return "" if shape is None else " × ".join("?" if item is None else str(item) for item in shape[1:])
