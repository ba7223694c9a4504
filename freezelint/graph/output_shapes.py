"""The shapes that a layer makes of the shapes it is given, from its configuration alone.

What each class does is in the documentation of Keras (https://keras.io/api/layers/); the rules are checked against
`compute_output_shape` and against built models of Keras 2 and Keras 3 in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from freezelint.graph import layer_kinds
from freezelint.graph.dimensions import (
    Shape,
    broadcast,
    join,
    per_axis,
    position,
    product,
    shape,
    split,
    whole,
)
from freezelint.graph.einsum import einsum
from freezelint.graph.model_graph import Layer, LayerKind
from freezelint.keras.names import Kind, words

Shapes = Sequence[Shape | None]
_Rule = Callable[[Layer, list[Shape]], "Shapes | None"]

_RULES: dict[str, _Rule] = {}
_SAME_KINDS = frozenset({Kind.BATCHNORM, Kind.NORMALIZATION, Kind.DROPOUT, Kind.ACTIVATION})
_SAME = words("""
    Identity Masking LayerScale RandomFlip RandomRotation RandomTranslation RandomZoom RandomContrast RandomBrightness
    RandomSharpness RandomSaturation RandomHue RandomShear RandomGrayscale RandomInvert RandomPosterization
    RandomPerspective RandomGaussianBlur RandomErasing RandomElasticTransform RandomColorJitter
    RandomColorDegeneration RandAugment AutoContrast Equalization Solarization Rescaling Normalization Hashing""")
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D")
_POOLINGS = tuple(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")

ELEMENTWISE_OPERATIONS = words("""
    absolute abs add ceil clip cos divide elu erf exp floor gelu hard_sigmoid hard_silu hard_swish leaky_relu log log1p
    maximum minimum mod multiply negative power pow reciprocal relu relu6 rsqrt selu sigmoid sign silu sin softmax
    softplus softsign sqrt square subtract swish tanh true_divide truediv sub mul neg realdiv cast identity
    stop_gradient bias_add add_v2""")
"""Raw operations that work number by number (softmax nearly so), as Keras 3 classes or Keras 2 functions call them."""


def output_shapes(layer: Layer, inputs: Shapes) -> list[Shape | None] | None:
    """The shapes of what `layer` makes of tensors with the shapes `inputs`; None if that cannot be said."""
    found: Shapes | None = None
    if layer.kind is LayerKind.OPERATION:
        return [broadcast(inputs)] if operation_name(layer) in ELEMENTWISE_OPERATIONS else None
    known = layer_kinds.traits(layer)
    first = inputs[0] if inputs else None
    if first is None or len(first) < 1:
        return None
    given = [item for item in inputs if item is not None]
    if known is None:
        return [first] if layer_kinds.is_batchnorm(layer) else None
    if known.kind in _SAME_KINDS or known.class_name in _SAME:
        found = [first]
    elif known.kind is Kind.MERGE and len(given) < len(inputs):
        return None
    elif known.class_name in _RULES:
        found = _RULES[known.class_name](layer, given)
    return None if found is None else list(found)


def operation_name(layer: Layer) -> str:
    """What a raw operation is called: `multiply`, whether Keras 2 or Keras 3 wrote it."""
    function = layer.config.get("function")
    name = function if isinstance(function, str) and function else _snake_case(layer.class_name)
    return name.rpartition(".")[2]


def _snake_case(name: str) -> str:
    return "".join(
        f"_{letter.lower()}" if at and letter.isupper() and not name[at - 1].isupper() else letter.lower()
        for at, letter in enumerate(name)
    )


def _rule(*names: str) -> Callable[[_Rule], _Rule]:
    def register(rule: _Rule) -> _Rule:
        _RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


def _window(layer: Layer, spatial: Shape, key: str, strides: object) -> list[int | None] | None:
    """The spatial axes after a window moved over them, as a convolution or a pooling does."""
    rank = len(spatial)
    window = per_axis(layer.config.get(key), rank)
    steps = per_axis(strides, rank)
    holes = per_axis(layer.config.get("dilation_rate", 1), rank)
    if window is None or steps is None or holes is None:
        return None
    padded = str(layer.config.get("padding", "valid")).lower() in ("same", "causal")
    return [
        _moved(length, (width - 1) * hole + 1, step, padded=padded)
        for length, width, step, hole in zip(spatial, window, steps, holes, strict=True)
    ]


def _moved(length: int | None, width: int, step: int, *, padded: bool) -> int | None:
    if length is None:
        return None
    return -(-length // step) if padded else max(0, (length - width) // step + 1)


@_rule(*_CONVOLUTIONS)
def _convolution(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, _ = split(inputs[0], layer.config)
    moved = _window(layer, spatial, "kernel_size", layer.config.get("strides", 1))
    return None if moved is None else [join(batch, moved, whole(layer.config.get("filters")), layer.config)]


@_rule("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    moved = _window(layer, spatial, "kernel_size", layer.config.get("strides", 1))
    wider = product((channels, whole(layer.config.get("depth_multiplier", 1))))
    return None if moved is None else [join(batch, moved, wider, layer.config)]


@_rule("LocallyConnected1D", "LocallyConnected2D")
def _locally_connected(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return _convolution(layer, inputs)


@_rule("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    config = layer.config
    batch, spatial, _ = split(inputs[0], config)
    rank = len(spatial)
    widths, steps = per_axis(config.get("kernel_size"), rank), per_axis(config.get("strides", 1), rank)
    holes = per_axis(config.get("dilation_rate", 1), rank)
    if widths is None or steps is None or holes is None:
        return None
    same = config.get("padding") == "same"
    extra = config.get("output_padding")
    extras = extra if isinstance(extra, list) and len(extra) == rank else [extra] * rank
    moved: list[int | None] = []
    for length, width, step, hole, more in zip(spatial, widths, steps, holes, extras, strict=True):
        reach = (width - 1) * hole + 1
        if length is None:
            moved.append(None)
        elif whole(more) is None:
            moved.append(length * step if same else length * step + max(reach - step, 0))
        else:
            moved.append((length - 1) * step + reach - 2 * (reach // 2 if same else 0) + (whole(more) or 0))
    return [join(batch, moved, whole(config.get("filters")), config)]


@_rule(*_POOLINGS)
def _pooling(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    strides = layer.config.get("strides")
    moved = _window(layer, spatial, "pool_size", layer.config.get("pool_size") if strides is None else strides)
    return None if moved is None else [join(batch, moved, channels, layer.config)]


@_rule(*(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _global_pooling(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    if layer.config.get("keepdims") is True:
        return [join(batch, [1] * len(spatial), channels, layer.config)]
    return [(batch, channels)]


@_rule(*(f"Adaptive{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _adaptive_pooling(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    target = per_axis(layer.config.get("output_size"), len(spatial))
    return None if target is None else [join(batch, target, channels, layer.config)]


@_rule("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    factors = per_axis(layer.config.get("size"), len(spatial))
    if factors is None:
        return None
    larger = [product(pair) for pair in zip(spatial, factors, strict=True)]
    return [join(batch, larger, channels, layer.config)]


@_rule("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _padding(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return _margins(layer, inputs, "padding", 1)


@_rule("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return _margins(layer, inputs, "cropping", -1)


def _margins(layer: Layer, inputs: list[Shape], key: str, sign: int) -> Shapes | None:
    batch, spatial, channels = split(inputs[0], layer.config)
    value = layer.config.get(key)
    items = value if isinstance(value, list) else [value] * len(spatial)
    if len(spatial) == 1 and len(items) == 2:
        items = [items]
    if len(items) != len(spatial):
        return None
    margins = [item if isinstance(item, list) and len(item) == 2 else [item, item] for item in items]
    changed = [
        _shifted(length, sign, whole(before), whole(after))
        for length, (before, after) in zip(spatial, margins, strict=True)
    ]
    return [join(batch, changed, channels, layer.config)]


def _shifted(length: int | None, sign: int, before: int | None, after: int | None) -> int | None:
    if length is None or before is None or after is None:
        return None
    return max(0, length + sign * (before + after))


@_rule("Dense")
def _dense(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return [(*inputs[0][:-1], whole(layer.config.get("units")))]


@_rule("EinsumDense")
def _einsum_dense(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    found = einsum(layer, inputs[0])
    return None if found is None else [found.output]


@_rule("Flatten")
def _flatten(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return [(inputs[0][0], product(inputs[0][1:]))]


@_rule("Reshape")
def _reshape(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    target = layer.config.get("target_shape")
    if not isinstance(target, list):
        return None
    numbers = [whole(item) for item in target]
    total = product(inputs[0][1:])
    if target.count(-1) == 1 and total is not None:
        rest = product(number for item, number in zip(target, numbers, strict=True) if item != -1)
        missing = total // rest if rest else None
        numbers = [missing if item == -1 else number for item, number in zip(target, numbers, strict=True)]
    return [(inputs[0][0], *numbers)]


@_rule("Permute")
def _permute(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    order = per_axis(layer.config.get("dims"), len(inputs[0]) - 1)
    if order is None or max(order, default=0) >= len(inputs[0]):
        return None
    return [(inputs[0][0], *(inputs[0][axis] for axis in order))]


@_rule("RepeatVector")
def _repeat(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return [(inputs[0][0], whole(layer.config.get("n")), *inputs[0][1:])]


@_rule("Resizing", "CenterCrop", "RandomCrop")
def _resized(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    _, spatial, channels = split(inputs[0], layer.config) if len(inputs[0]) == 4 else (None, (), None)
    target = (whole(layer.config.get("height")), whole(layer.config.get("width")))
    return [join(inputs[0][0], target, channels, layer.config)] if len(spatial) == 2 else None


@_rule("Embedding")
def _embedding(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return [(*inputs[0], whole(layer.config.get("output_dim")))]


@_rule(*_RECURRENT)
def _recurrent(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    given, config = inputs[0], layer.config
    if layer_is_convolutional(layer):
        step = _convolution(layer, [(given[0], *given[2:])]) if len(given) > 3 else None
        state = step[0] if step else None
    else:
        units = recurrent_units(layer)
        state = (given[0], units[-1]) if units else None
    if state is None or len(given) < 3:
        return None
    result = (state[0], given[1], *state[1:]) if config.get("return_sequences") else state
    if not config.get("return_state"):
        return [result]
    states = 2 if "LSTM" in layer.class_name else 1
    return [result, *([state] * states)]


def layer_is_convolutional(layer: Layer) -> bool:
    """Whether a recurrent layer convolves pictures."""
    return layer.class_name.startswith("ConvLSTM")


def recurrent_units(layer: Layer) -> list[int] | None:
    """The width of each cell of a recurrent layer, in order; None if one of them is not known."""
    own = whole(layer.config.get("units"))
    if own is not None:
        return [own]
    cells = layer.children
    if len(cells) == 1 and cells[0].class_name == "StackedRNNCells":
        cells = cells[0].children
    units = [whole(cell.config.get("units")) for cell in cells]
    return [unit for unit in units if unit is not None] if units and None not in units else None


@_rule("Bidirectional")
def _bidirectional(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    one = output_shapes(layer.children[0], inputs) if layer.children else None
    if not one or one[0] is None:
        return None
    first, states = one[0], one[1:]
    mode = layer.config.get("merge_mode", "concat")
    if mode is None:
        return [first, first, *states, *states]
    if mode == "concat":
        first = (*first[:-1], product((first[-1], 2)))
    return [first, *states, *states]


@_rule("TimeDistributed")
def _time_distributed(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    inner = time_steps_as_batch(inputs[0])
    made = output_shapes(layer.children[0], [inner]) if layer.children and inner is not None else None
    if not made or made[0] is None:
        return None
    return [(*inputs[0][:2], *made[0][1:])]


def time_steps_as_batch(of: Shape) -> Shape | None:
    """The shape a layer under `TimeDistributed` is given: every time step is a sample."""
    return (product(of[:2]), *of[2:]) if len(of) > 1 else None


@_rule("SpectralNormalization", "Wrapper")
def _wrapped(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return output_shapes(layer.children[0], inputs) if layer.children else None


@_rule("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "CustomScaleLayer")
def _merge(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    return [broadcast(inputs)]


@_rule("Concatenate")
def _concatenate(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    first = inputs[0]
    axis = position(layer.config.get("axis", -1), len(first))
    if axis is None or any(len(item) != len(first) for item in inputs):
        return None
    lengths = [item[axis] for item in inputs]
    total = None if None in lengths else sum(length for length in lengths if length is not None)
    return [(*first[:axis], total, *first[axis + 1 :])]


@_rule("Dot")
def _dot(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    axes = layer.config.get("axes")
    pair = axes if isinstance(axes, list) else [axes, axes]
    if len(inputs) != 2 or len(pair) != 2:
        return None
    left, right = (position(axis, len(item)) for axis, item in zip(pair, inputs, strict=True))
    if not left or not right:
        return None
    rest = [length for axis, length in enumerate(inputs[0]) if axis not in (0, left)]
    rest += [length for axis, length in enumerate(inputs[1]) if axis not in (0, right)]
    return [(inputs[0][0], *(rest or [1]))]


@_rule("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
def _attention_heads(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    target = layer.config.get("output_shape")
    if target is None:
        return [inputs[0]]
    wanted = shape(target if isinstance(target, list) else [target])
    return [(*inputs[0][:-1], *wanted)] if wanted else None


@_rule("Attention", "AdditiveAttention")
def _attention(layer: Layer, inputs: list[Shape]) -> Shapes | None:
    if len(inputs) < 2 or len(inputs[0]) != 3 or len(inputs[1]) != 3:
        return None
    return [(*inputs[0][:2], inputs[1][-1])]
