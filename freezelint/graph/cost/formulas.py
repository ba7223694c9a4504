"""How much one run of a layer computes, by kind of layer.

FLOPs count a multiplication and an addition as two, as the profiler of TensorFlow does. For kernels:

- convolution, forward: 2 · kernel area · input channels / groups · output channels · output positions
- Dense, forward: 2 · inputs · outputs · positions
- depthwise convolution, forward: 2 · kernel area · output channels · output positions
- the gradient of the input and the gradient of the weights: as many as the forward pass, each

For everything that works number by number a nominal few operations per number are counted; such layers are bound by
memory, and their bytes matter. Bytes are those of the tensors that have to be read and written at least.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from freezelint.costs import Work
from freezelint.graph import layer_kinds
from freezelint.graph.cost.parts import Part, PartKind
from freezelint.graph.dimensions import Shape, is_known, per_axis, position, size, split, whole
from freezelint.graph.einsum import einsum
from freezelint.graph.model_graph import Layer, LayerKind
from freezelint.graph.output_shapes import (
    ELEMENTWISE_OPERATIONS,
    layer_is_convolutional,
    operation_name,
    output_shapes,
    time_steps_as_batch,
)
from freezelint.keras.names import Kind, words

_Formula = Callable[[Layer, list[Shape], list[Shape]], "list[Part] | None"]
_FORMULAS: dict[str, _Formula] = {}

_LINEAR = (None, "linear")
_CHEAP = words("relu relu6 leaky_relu hard_sigmoid hard_silu hard_swish hard_tanh hard_shrink")
_CHEAP_LAYERS = words("ReLU LeakyReLU PReLU ThresholdedReLU ActivityRegularization")
_FREE_OPERATIONS = words("identity stop_gradient reshape")
_CURVES = words("elu erf exp gelu log log1p pow power selu sigmoid silu sin cos softmax softplus swish tanh")
_FREE = words("Flatten Reshape Identity Masking InputLayer ActivityRegularization")
_MOVES = words("""
    ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D
    Permute RepeatVector Concatenate CenterCrop""")
_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}
_GATES |= {"CuDNNLSTM": 4, "CuDNNGRU": 3}


class NotCounted(Exception):
    """The work of a layer cannot be told; `reason` is a phrase for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parts_of(
    layer: Layer, inputs: Sequence[Shape | None], outputs: Sequence[Shape | None], *, in_training: bool
) -> list[Part]:
    """The parts of one run of `layer`, which is given and makes tensors of these shapes.

    `in_training` says whether a BatchNormalization takes the statistics of the batch. Raises `NotCounted` for a
    class that nothing is known of, and where a shape is missing.
    """
    known = layer_kinds.traits(layer)
    formula = _formula(layer)
    if formula is None:
        own = known is None and layer.kind is not LayerKind.OPERATION
        raise NotCounted("a class of its own" if own else "no formula for it")
    taken = [item for item in inputs if item is not None and is_known(item)]
    made = [item for item in outputs if item is not None and is_known(item)]
    if len(taken) < len(inputs) or len(made) < len(outputs) or not taken:
        raise NotCounted("the shape of its input or output is not known")
    if layer_kinds.is_batchnorm(layer):
        return [_batchnorm(layer, taken[0], live=in_training)]
    found = formula(layer, taken, made)
    if found is None:
        raise NotCounted("its configuration does not fit its input")
    return found


def _formula(layer: Layer) -> _Formula | None:
    if layer.kind is LayerKind.OPERATION:
        name = operation_name(layer)
        return _operation if name in ELEMENTWISE_OPERATIONS | _FREE_OPERATIONS else None
    known = layer_kinds.traits(layer)
    if known is None:
        return _free if layer_kinds.is_batchnorm(layer) else None
    if known.class_name in _FORMULAS:
        return _FORMULAS[known.class_name]
    return {Kind.BATCHNORM: _free, Kind.NORMALIZATION: _normalization, Kind.DROPOUT: _elementwise}.get(known.kind)


def _formula_of(*names: str) -> Callable[[_Formula], _Formula]:
    def register(formula: _Formula) -> _Formula:
        _FORMULAS.update(dict.fromkeys(names, formula))
        return formula

    return register


def element_bytes(layer: Layer) -> int:
    """How many bytes a number takes in what the layer computes, by its dtype policy."""
    policy = layer.config.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config")
        policy = inner.get("name") if isinstance(inner, dict) else None
    name = policy if isinstance(policy, str) else ""
    return 2 if name.endswith("16") else 8 if name.endswith("64") else 4


def _kernel(
    layer: Layer, kind: PartKind, flops: int, given: Shape, made: Shape, weights: int, *, factor: int = 1
) -> Part:
    """A computation with a kernel: its three passes multiply equally often, over the same three tensors."""
    width = element_bytes(layer)
    touched = ((size(given) or 0) + (size(made) or 0) + weights) * width
    once = Work(flops * factor, touched)
    return Part(kind, once, once, once, weights)


def _bias(layer: Layer, made: Shape, weights: int) -> list[Part]:
    """The bias, if the layer has one: the gradient passes it unchanged, and is summed up for it."""
    if layer.config.get("use_bias", True) is False:
        return []
    count, width = size(made) or 0, element_bytes(layer)
    gradient = Work(count, count * width)
    return [Part(PartKind.ELEMENTWISE, Work(count, 2 * count * width), Work(), gradient, weights)]


def _activation(layer: Layer, made: Shape, key: str = "activation") -> list[Part]:
    """The activation function that a layer applies to what it made."""
    function = layer.config.get(key)
    if isinstance(function, dict):
        inner = function.get("config")
        function = inner if isinstance(inner, str) else function.get("class_name")
    if function in _LINEAR:
        return []
    return [_by_number(layer, made, cheap=str(function).lower() in _CHEAP)]


def _by_number(layer: Layer, made: Shape, *, cheap: bool, operands: int = 1) -> Part:
    """Work number by number over `operands` tensors. The gradient reads the one handed in and what was made."""
    count, width = size(made) or 0, element_bytes(layer)
    kind = PartKind.ELEMENTWISE if cheap else PartKind.CURVE
    each = 1 if cheap else 4
    forward = Work(each * count * max(1, operands - 1), (operands + 1) * count * width)
    return Part(kind, forward, Work(each * count * operands, (operands + 2) * count * width))


def _moved(layer: Layer, taken: int, made: int) -> Part:
    work = Work(0, (taken + made) * element_bytes(layer))
    return Part(PartKind.MOVE, work, work)


@_formula_of("Conv1D", "Conv2D", "Conv3D")
def _convolution(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    _, spatial, channels = split(inputs[0], layer.config)
    window = per_axis(layer.config.get("kernel_size"), len(spatial))
    groups = whole(layer.config.get("groups", 1))
    filters = whole(layer.config.get("filters"))
    if window is None or not groups or filters is None or channels is None:
        return None
    weights = prod(window) * (channels // groups) * filters
    steps = per_axis(layer.config.get("strides", 1), len(spatial)) or ()
    kind = PartKind.CONVOLUTION
    if groups > 1:
        kind = PartKind.GROUPED
    elif prod(window) == 1 and prod(steps) == 1:
        kind = PartKind.POINTWISE
    flops = 2 * weights * (_positions(outputs[0], layer) or 0)
    main = _kernel(layer, kind, flops, inputs[0], outputs[0], weights)
    return [main, *_bias(layer, outputs[0], filters), *_activation(layer, outputs[0])]


def _positions(of: Shape, layer: Layer) -> int | None:
    """In how many places of all samples a kernel is applied."""
    batch, spatial, _ = split(of, layer.config)
    return size((batch, *spatial))


@_formula_of("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    _, spatial, channels = split(inputs[0], layer.config)
    window = per_axis(layer.config.get("kernel_size"), len(spatial))
    filters = whole(layer.config.get("filters"))
    if window is None or filters is None or channels is None:
        return None
    weights = prod(window) * channels * filters
    flops = 2 * weights * (_positions(inputs[0], layer) or 0)
    main = _kernel(layer, PartKind.TRANSPOSED, flops, inputs[0], outputs[0], weights)
    return [main, *_bias(layer, outputs[0], filters), *_activation(layer, outputs[0])]


@_formula_of("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    _, spatial, _ = split(inputs[0], layer.config)
    _, _, channels = split(outputs[0], layer.config)
    window = per_axis(layer.config.get("kernel_size"), len(spatial))
    if window is None or channels is None:
        return None
    weights = prod(window) * channels
    flops = 2 * weights * (_positions(outputs[0], layer) or 0)
    main = _kernel(layer, PartKind.DEPTHWISE, flops, inputs[0], outputs[0], weights)
    return [main, *_bias(layer, outputs[0], channels), *_activation(layer, outputs[0])]


@_formula_of("SeparableConv1D", "SeparableConv2D")
def _separable(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    _, moved, filters = split(outputs[0], layer.config)
    window = per_axis(layer.config.get("kernel_size"), len(spatial))
    multiplier = whole(layer.config.get("depth_multiplier", 1))
    if window is None or channels is None or not multiplier or filters is None:
        return None
    wider = channels * multiplier
    between: Shape = (batch, *moved, wider)
    positions = size((batch, *moved)) or 0
    first, second = prod(window) * wider, wider * filters
    return [
        _kernel(layer, PartKind.DEPTHWISE, 2 * first * positions, inputs[0], between, first),
        _kernel(layer, PartKind.POINTWISE, 2 * second * positions, between, outputs[0], second),
        *_bias(layer, outputs[0], filters),
        *_activation(layer, outputs[0]),
    ]


@_formula_of("LocallyConnected1D", "LocallyConnected2D")
def _locally_connected(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    found = _convolution(layer, inputs, outputs)
    positions = _positions(outputs[0], layer)
    if found is None or not positions or not outputs[0][0]:
        return None
    main = found[0]
    weights = main.weights * positions // outputs[0][0]
    return [_kernel(layer, PartKind.DENSE, main.forward.flops, inputs[0], outputs[0], weights), *found[1:]]


@_formula_of("Dense")
def _dense(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    given, made = inputs[0][-1], outputs[0][-1]
    if given is None or made is None:
        return None
    flops = 2 * given * (size(outputs[0]) or 0)
    main = _kernel(layer, PartKind.DENSE, flops, inputs[0], outputs[0], given * made)
    return [main, *_bias(layer, outputs[0], made), *_activation(layer, outputs[0])]


@_formula_of("EinsumDense")
def _einsum_dense(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    found = einsum(layer, inputs[0])
    products = found.multiplications if found is not None else None
    weights = size(tuple(found.lengths.get(letter) for letter in found.kernel)) if found is not None else None
    if products is None or weights is None:
        return None
    main = _kernel(layer, PartKind.DENSE, 2 * products, inputs[0], outputs[0], weights)
    biased = _bias(layer, outputs[0], 0) if layer.config.get("bias_axes") else []
    return [main, *biased, *_activation(layer, outputs[0])]


@_formula_of("MultiHeadAttention")
def _attention_heads(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    heads, width = whole(layer.config.get("num_heads")), whole(layer.config.get("key_dim"))
    value_width = whole(layer.config.get("value_dim")) or width
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 and len(inputs[2]) == len(value) else value
    if not heads or not width or not value_width or len(query) < 3 or len(value) != len(query):
        return None
    axes = layer.config.get("attention_axes")
    attended = [position(axis, len(value)) for axis in axes] if isinstance(axes, list) else range(1, len(value) - 1)
    reach = prod(value[axis] or 0 for axis in attended if axis is not None)
    queries, values = size(query[:-1]) or 0, size(value[:-1]) or 0
    result = outputs[0][-1] or 0

    def projection(given: Shape, to: int) -> list[Part]:
        made = (*given[:-1], to)
        weights = (given[-1] or 0) * to
        main = _kernel(layer, PartKind.DENSE, 2 * weights * (size(given[:-1]) or 0), given, made, weights)
        return [main, *_bias(layer, made, to)]

    def mixing(depth: int) -> Part:
        flops = 2 * queries * reach * heads * depth
        elements = (queries + values) * heads * depth + queries * reach * heads
        forward = Work(flops, elements * element_bytes(layer))
        return Part(PartKind.ATTENTION, forward, forward.times(2))

    return [
        *projection(query, heads * width),
        *projection(key, heads * width),
        *projection(value, heads * value_width),
        mixing(width),
        _by_number(layer, (queries, reach, heads), cheap=False),
        mixing(value_width),
        *projection((*query[:-1], heads * value_width), result),
    ]


@_formula_of("Attention")
def _attention(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    if len(inputs) < 2 or len(inputs[0]) != 3 or len(inputs[1]) != 3:
        return None
    (batch, queries, depth), (_, keys, made) = inputs[0], inputs[1]
    scores = size((batch, queries, keys)) or 0
    elements = (size(inputs[0]) or 0) + (size(inputs[1]) or 0) + scores
    found = []
    for width in (depth or 0, made or 0):
        forward = Work(2 * scores * width, elements * element_bytes(layer))
        found.append(Part(PartKind.ATTENTION, forward, forward.times(2)))
    return [found[0], _by_number(layer, (scores,), cheap=False), found[1]]


@_formula_of("AdditiveAttention")
def _additive_attention(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    if len(inputs) < 2 or len(inputs[0]) != 3 or len(inputs[1]) != 3:
        return None
    (batch, queries, depth), (_, keys, made) = inputs[0], inputs[1]
    scores = size((batch, queries, keys)) or 0
    forward = Work(2 * scores * (made or 0), (scores + (size(outputs[0]) or 0)) * element_bytes(layer))
    return [
        _by_number(layer, (scores, depth), cheap=False),
        _by_number(layer, (scores,), cheap=False),
        Part(PartKind.ATTENTION, forward, forward.times(2)),
    ]


@_formula_of("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU", "RNN")
def _recurrent(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    cells = [layer]
    if layer.children:
        inner = layer.children[0]
        cells = inner.children if inner.class_name == "StackedRNNCells" else layer.children
    given, found = inputs[0], []
    if len(given) != 3:
        return None
    for cell in cells:
        gates, units = _GATES.get(cell.class_name), whole(cell.config.get("units"))
        if gates is None or units is None:
            return None
        made: Shape = (*given[:2], units * gates)
        runs = size(given[:2]) or 0
        own, back = (given[-1] or 0) * units * gates, units * units * gates
        found += [
            _kernel(layer, PartKind.RECURRENT, 2 * runs * own, given, made, own),
            _kernel(layer, PartKind.RECURRENT, 2 * runs * back, (*given[:2], units), made, back),
            *_bias(cell, made, units * gates),
            _by_number(layer, made, cheap=False),
        ]
        given = (*given[:2], units)
    return found


@_formula_of("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def _recurrent_convolution(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    if not layer_is_convolutional(layer) or len(inputs[0]) < 4:
        return None
    batch, steps, *rest = inputs[0]
    _, spatial, channels = split((batch, *rest), layer.config)
    window = per_axis(layer.config.get("kernel_size"), len(spatial))
    filters = whole(layer.config.get("filters"))
    state = outputs[0][2:] if layer.config.get("return_sequences") else outputs[0][1:]
    _, moved, _ = split((batch, *state), layer.config)
    positions = size((batch, steps, *moved))
    if window is None or filters is None or channels is None or positions is None:
        return None
    made: Shape = (positions, 4 * filters)
    own, back = prod(window) * channels * 4 * filters, prod(window) * filters * 4 * filters
    return [
        _kernel(layer, PartKind.CONVOLUTION, 2 * own * positions, inputs[0], made, own),
        _kernel(layer, PartKind.CONVOLUTION, 2 * back * positions, (positions, filters), made, back),
        *_bias(layer, made, 4 * filters),
        _by_number(layer, made, cheap=False),
    ]


@_formula_of("Bidirectional")
def _bidirectional(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    inner = layer.children[0] if layer.children else None
    made = output_shapes(inner, list(inputs)) if inner is not None else None
    if inner is None or made is None:
        return None
    return [part.times(2) for part in parts_of(inner, inputs, made, in_training=True)]


@_formula_of("TimeDistributed")
def _time_distributed(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    inner = layer.children[0] if layer.children else None
    if inner is None:
        return None
    if inner.is_container:
        return [] if inner.kind is not LayerKind.SUBCLASSED else None
    given, made = time_steps_as_batch(inputs[0]), time_steps_as_batch(outputs[0])
    return parts_of(inner, [given], [made], in_training=inner.own_trainable is not False)


@_formula_of("Embedding")
def _embedding(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    rows, columns = whole(layer.config.get("input_dim")), whole(layer.config.get("output_dim"))
    if rows is None or columns is None:
        return None
    work = Work(0, 2 * (size(outputs[0]) or 0) * element_bytes(layer))
    return [Part(PartKind.LOOKUP, work, Work(), work, rows * columns)]


def _batchnorm(layer: Layer, given: Shape, *, live: bool) -> Part:
    count, width = size(given) or 0, element_bytes(layer)
    axis = layer.config.get("axis", -1)
    where = position(axis[0] if isinstance(axis, list) and axis else axis, len(given))
    channels = given[where] or 0 if where is not None else 0
    weights = channels * ((layer.config.get("scale") is not False) + (layer.config.get("center") is not False))
    if live:
        return Part(
            PartKind.LIVE_BATCHNORM,
            Work(8 * count, 4 * count * width),
            Work(8 * count, 5 * count * width),
            Work(3 * count, 2 * count * width),
            weights,
        )
    return Part(
        PartKind.FROZEN_BATCHNORM,
        Work(2 * count, 2 * count * width),
        Work(count, 2 * count * width),
        Work(3 * count, 2 * count * width),
        weights,
    )


def _normalization(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    count, width = size(inputs[0]) or 0, element_bytes(layer)
    axes = layer.config.get("axis", -1)
    places = [position(axis, len(inputs[0])) for axis in (axes if isinstance(axes, list) else [axes])]
    length = prod(inputs[0][place] or 0 for place in places if place is not None)
    terms = (layer.config.get("scale") is not False) + (layer.config.get("center") is not False)
    weights = 0 if layer.class_name == "UnitNormalization" else length * terms
    return [
        Part(
            PartKind.NORMALIZATION,
            Work(8 * count, 4 * count * width),
            Work(8 * count, 5 * count * width),
            Work(3 * count, 2 * count * width),
            weights,
        )
    ]


@_formula_of("Activation")
def _activation_layer(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return _activation(layer, outputs[0])


@_formula_of("Softmax", "ELU", "ReLU", "LeakyReLU", "ThresholdedReLU")
def _activation_class(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return [_by_number(layer, outputs[0], cheap=layer.class_name in _CHEAP_LAYERS)]


@_formula_of("PReLU", "LayerScale")
def _scaled(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    plain = _by_number(layer, outputs[0], cheap=True)
    weights = size(layer.weights[0].shape) if layer.weights else None
    if weights is None:
        shared = layer.config.get("shared_axes")
        kept = (
            []
            if layer.class_name == "LayerScale"
            else [
                length
                for axis, length in enumerate(outputs[0][1:], 1)
                if not (isinstance(shared, list) and axis in shared)
            ]
        )
        weights = size(tuple(kept)) if kept else outputs[0][-1] or 0
    return [Part(plain.kind, plain.forward, plain.input_gradient, plain.input_gradient, weights or 0)]


@_formula_of("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "CustomScaleLayer")
def _merge(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return [_by_number(layer, outputs[0], cheap=True, operands=len(inputs))]


@_formula_of("Dot")
def _dot(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    axes = layer.config.get("axes")
    axis = position(axes[0] if isinstance(axes, list) and axes else axes, len(inputs[0]))
    summed = inputs[0][axis] if axis else None
    if summed is None or len(inputs) != 2:
        return None
    elements = sum(size(item) or 0 for item in [*inputs, *outputs])
    forward = Work(2 * summed * (size(outputs[0]) or 0), elements * element_bytes(layer))
    return [Part(PartKind.ATTENTION, forward, forward.times(2))]


@_formula_of(*(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _pooling(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part] | None:
    window = per_axis(layer.config.get("pool_size"), len(inputs[0]) - 2)
    if window is None:
        return None
    taken, made, width = size(inputs[0]) or 0, size(outputs[0]) or 0, element_bytes(layer)
    forward = Work(prod(window) * made, (taken + made) * width)
    return [Part(PartKind.POOLING, forward, Work(prod(window) * made, (2 * taken + made) * width))]


@_formula_of(*(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _global_pooling(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    count = size(inputs[0]) or 0
    work = Work(count, count * element_bytes(layer))
    return [Part(PartKind.REDUCTION, work, work)]


@_formula_of(*_MOVES)
def _move(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return [_moved(layer, sum(size(item) or 0 for item in inputs), size(outputs[0]) or 0)]


@_formula_of(*_FREE)
def _free(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return []


@_formula_of("Rescaling", "Normalization")
def _rescaling(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return [_by_number(layer, outputs[0], cheap=True)]


def _elementwise(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    return [_by_number(layer, outputs[0], cheap=True)]


def _operation(layer: Layer, inputs: list[Shape], outputs: list[Shape]) -> list[Part]:
    name = operation_name(layer)
    if name in _FREE_OPERATIONS:
        return []
    return [_by_number(layer, outputs[0], cheap=name not in _CURVES, operands=len(inputs))]
