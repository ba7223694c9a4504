"""Shapes, as they are inferred from a configuration, against those of built models of Keras 2 and 3."""

import importlib
import json

import pytest

from freezelint.graph.keras_config import read_model_config
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.unrolled import unroll

pytestmark = pytest.mark.keras

CASES = {
    "convolutions": (
        (21, 20, 6),
        [
            lambda k: k.Conv2D(8, (3, 5), strides=(2, 1), padding="valid"),
            lambda k: k.Conv2D(8, 3, dilation_rate=2, padding="same", groups=2),
            lambda k: k.SeparableConv2D(5, 3, strides=2, depth_multiplier=2),
            lambda k: k.DepthwiseConv2D(3, depth_multiplier=3, padding="same"),
            lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="valid"),
            lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same"),
            lambda k: k.Conv2DTranspose(4, 4, strides=3, padding="same", output_padding=1),
        ],
    ),
    "pictures": (
        (21, 20, 6),
        [
            lambda k: k.ZeroPadding2D(((1, 0), (2, 3))),
            lambda k: k.MaxPooling2D(3, strides=2, padding="same"),
            lambda k: k.AveragePooling2D(2),
            lambda k: k.Cropping2D(1),
            lambda k: k.UpSampling2D((2, 3)),
            lambda k: k.Resizing(7, 9),
            lambda k: k.CenterCrop(5, 6),
            lambda k: k.Permute((3, 1, 2)),
            lambda k: k.Reshape((-1, 6)),
            lambda k: k.GlobalMaxPooling1D(keepdims=True),
            lambda k: k.Flatten(),
            lambda k: k.RepeatVector(3),
        ],
    ),
    "sequences": (
        (10,),
        [
            lambda k: k.Embedding(50, 8),
            lambda k: k.Conv1D(6, 3, padding="causal", dilation_rate=2),
            lambda k: k.Bidirectional(k.LSTM(5, return_sequences=True)),
            lambda k: k.GRU(4, return_sequences=True),
            lambda k: k.TimeDistributed(k.Dense(3)),
            lambda k: k.EinsumDense("abc,cd->abd", output_shape=(10, 7)),
            lambda k: k.EinsumDense("...x,xy->...y", output_shape=5),
            lambda k: k.EinsumDense("abd,dyz->abyz", output_shape=(10, 2, 3)),
            lambda k: k.Reshape((10, 6)),
            lambda k: k.MaxPooling1D(2),
            lambda k: k.RNN([k.LSTMCell(3), k.LSTMCell(4)]),
            lambda k: k.BatchNormalization(),
        ],
    ),
    "films": (
        (6, 9, 9, 2),
        [
            lambda k: k.ConvLSTM2D(4, 3, return_sequences=True),
            lambda k: k.Conv3D(3, (2, 3, 3), padding="same"),
            lambda k: k.MaxPooling3D((1, 2, 2)),
            lambda k: k.ConvLSTM2D(4, 2),
        ],
    ),
}


def graph_of(built) -> ModelGraph:
    found = read_model_config(json.loads(built.to_json()))
    return ModelGraph("m", "keras", root=found.root, calls=found.calls, inputs=found.inputs, outputs=found.outputs)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_layer_after_layer(name, case):
    keras = importlib.import_module(name)
    given, layers = CASES[case]
    built = keras.Sequential([keras.Input(given), *(make(keras.layers) for make in layers)])
    unrolled = unroll(graph_of(built), batch=2)
    for run, layer in zip(unrolled.runs, built.layers, strict=True):
        assert unrolled.output_shapes(run) == [(2, *layer.output.shape[1:])], layer


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_layers_with_several_inputs(name):
    keras = importlib.import_module(name)
    k = keras.layers
    query, value = keras.Input((5, 8)), keras.Input((7, 8))
    made = [
        k.Attention()([query, value]),
        k.AdditiveAttention()([query, value]),
        k.MultiHeadAttention(2, 4)(query, value),
        k.MultiHeadAttention(2, 4, output_shape=3)(query, value),
        k.Dot(axes=2)([query, value]),
        k.Concatenate(axis=1)([query, value]),
        k.Add()([query, k.GlobalAveragePooling1D(keepdims=True)(value)]),
        *k.LSTM(3, return_state=True)(query),
        *k.Bidirectional(k.GRU(3, return_state=True, return_sequences=True), merge_mode="sum")(value),
        query * 2 + 1,
    ]
    unrolled = unroll(graph_of(keras.Model([query, value], made)), batch=2)
    found = [unrolled.shapes[number] for number in unrolled.outputs]
    assert found == [(2, *tensor.shape[1:]) for tensor in made]


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
@pytest.mark.parametrize("backbone", ["MobileNetV2", "EfficientNetB0", "ConvNeXtTiny", "NASNetMobile"])
def test_every_layer_of_a_backbone(name, backbone):
    keras = importlib.import_module(name)
    built = getattr(keras.applications, backbone)(weights=None, input_shape=(224, 224, 3))
    unrolled = unroll(graph_of(built), batch=2)
    assert all(None not in shape for shape in unrolled.shapes)
    assert unrolled.shapes[unrolled.outputs[0]] == (2, 1000)
