import importlib

import pytest

from freezelint.keras.applications import backbone, backbones
from freezelint.keras.names import Kind


def test_backbones_are_found_under_every_name():
    assert backbone("ResNet50") is backbone("tf.keras.applications.resnet50.ResNet50")
    assert backbone("keras.applications.mobilenet_v2.MobileNetV2").name == "MobileNetV2"
    assert backbone("keras.applications.resnet50.preprocess_input") is None
    assert backbone("my_models.ResNet50") is None
    assert backbone("Dense") is None


def test_what_a_backbone_holds():
    resnet = backbone("ResNet50")
    assert resnet.has_batchnorm
    assert (resnet.channels, resnet.parameters, resnet.momentum) == (2048, 23_587_712, 0.99)
    assert len(resnet.layers("keras3")) == 175
    assert len(resnet.layers("keras3", top=True)) == 177
    assert len(resnet.batchnorm_indices("keras3")) == 53
    assert resnet.dropout_count("keras3") == 0
    assert resnet.preprocessing("keras3") == ()


def test_which_layers_a_slice_selects():
    resnet = backbone("ResNet50")
    assert resnet.batchnorm_indices("keras2")[:3] == (3, 8, 11)
    assert resnet.batchnorm_in_slice("keras3", False, -20, None) == 6
    assert resnet.batchnorm_in_slice("keras3", False, None, -20) == 47
    assert resnet.batchnorm_in_slice("keras3", False, 0, 10_000) == 53
    assert resnet.batchnorm_in_slice("keras3", False, 300, None) == 0


def test_vgg_and_convnext_have_no_batchnorm():
    without = {found.name for found in backbones() if not found.has_batchnorm}
    assert without == {"VGG16", "VGG19"} | {f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")}
    assert backbone("VGG16").batchnorm_indices("keras3") == ()


def test_the_same_model_has_other_layers_in_another_keras():
    mobilenet = backbone("MobileNetV3Large")
    assert len(mobilenet.layers("keras2")) == 263
    assert len(mobilenet.layers("keras3")) == len(mobilenet.layers("keras3_16")) == 187


def test_a_backbone_of_one_generation_is_known_in_the_other():
    regnet = backbone("RegNetX002")
    assert regnet.generations == ("keras2",)
    assert regnet.layers("keras3") == regnet.layers("keras2")


def test_the_pretrained_efficientnet_has_one_layer_more():
    efficientnet = backbone("EfficientNetB0")
    pretrained = efficientnet.layout_for("keras3", {"include_top": False})
    random = efficientnet.layout_for("keras3", {"include_top": False, "weights": None})
    assert (len(pretrained), len(random)) == (238, 237)
    assert pretrained.preprocessing == ("rescaling", "normalization", "rescaling")
    assert len(pretrained.dropout_indices()) == 9


def test_the_arguments_of_the_call_decide_what_is_built():
    layouts = {
        "default": backbone("ResNet50").layout_for("keras3", {}),
        "no top": backbone("ResNet50").layout_for("keras3", {"include_top": False}),
        "pooling": backbone("ResNet50").layout_for("keras3", {"include_top": False, "pooling": "avg"}),
        "pooling and top": backbone("ResNet50").layout_for("keras3", {"pooling": "avg"}),
    }
    assert {name: len(layout) for name, layout in layouts.items()} == {
        "default": 177,
        "no top": 175,
        "pooling": 176,
        "pooling and top": 177,
    }
    v2 = backbone("EfficientNetV2B0")
    assert len(v2.layout_for("keras3", {"include_preprocessing": False})) == len(v2.layout_for("keras3", {})) - 2
    assert backbone("MobileNetV3Small").layout_for("keras3", {"minimalistic": True}) is None


def test_layers_are_found_by_name_unless_keras_numbers_them():
    layout = backbone("VGG16").layout("keras3")
    assert layout.index("block5_conv1") == 15
    assert layout.layers[15].block == "block5"
    assert layout.index("no_such_layer") is None
    assert backbone("InceptionV3").layout("keras3").index("batch_normalization") is None


def test_batchnorm_that_is_not_called_bn():
    missed = {
        name: sum(layer.is_batchnorm and "bn" not in layer.name for layer in backbone(name).layers("keras3"))
        for name in ("ResNet50", "InceptionV3", "InceptionResNetV2", "Xception")
    }
    assert missed == {"ResNet50": 0, "InceptionV3": 94, "InceptionResNetV2": 203, "Xception": 4}


def test_where_a_slice_separates_a_residual_block():
    layout = backbone("ResNet50").layout("keras3")
    end = layout.index("conv5_block2_out") + 1
    assert layout.block_around(end) is None
    inside = layout.block_around(end + 3)
    assert [layout.layers[at].block for at in (inside.start, inside.stop - 1)] == ["conv5_block3", "conv5_block3"]
    assert layout.block_around(end + 3 - len(layout)) == inside
    assert all(backbone("VGG16").layout("keras3").block_around(cut) is None for cut in range(1, 19))


def test_every_layout_of_every_backbone_can_be_read():
    for found in backbones():
        for generation in found.generations:
            for top in (False, True):
                layout = found.layout(generation, top)
                assert len(layout) > 15
                assert layout.layers[0].kind is Kind.INPUT
                assert bool(layout.batchnorm_indices()) is found.has_batchnorm
                assert all("$" not in layer.name and layer.name for layer in layout.layers)
                assert all(len(block) < len(layout) / 3 for block in layout.blocks)


@pytest.mark.keras
@pytest.mark.parametrize(("library", "generation"), [("keras", "keras3"), ("tf_keras", "keras2")])
@pytest.mark.parametrize(
    "name", ["VGG16", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny", "ResNet50"]
)
def test_the_installed_keras_builds_what_is_written_down(library, generation, name):
    keras = pytest.importorskip(library)
    model = getattr(keras.applications, name)(weights=None, include_top=False)
    layout = backbone(name).layout_for(generation, {"include_top": False, "weights": None})
    assert len(layout) == len(model.layers)
    for written, layer in zip(layout.layers, model.layers, strict=True):
        assert written.is_batchnorm is (type(layer).__name__ == "BatchNormalization")
        assert (written.kind is Kind.DROPOUT) is ("Dropout" in type(layer).__name__)
        assert layer.name.startswith(written.name) if written.numbered else layer.name == written.name
        assert written.has_weights is (bool(layer.weights) and written.kind is not Kind.PREPROCESSING)
    assert importlib.import_module(backbone(name).module.replace("keras", library, 1)) is not None
