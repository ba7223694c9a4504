import pytest

from freezelint.keras.libraries import foreign_model


@pytest.mark.parametrize(
    ("name", "arguments", "batchnorm"),
    [
        ("tensorflow_hub.KerasLayer", {}, None),
        ("segmentation_models.Unet", {"backbone_name": "vgg16"}, True),
        ("segmentation_models.Unet", {"backbone_name": "vgg16", "decoder_use_batchnorm": False}, False),
        ("segmentation_models.PSPNet", {"backbone_name": "resnet34", "psp_use_batchnorm": False}, True),
        ("efficientnet.tfkeras.EfficientNetB3", {}, True),
        ("classification_models.tfkeras.Classifiers.get", {"name": "resnet18"}, True),
        ("classification_models.tfkeras.Classifiers.get", {"name": "vgg16"}, False),
        ("classification_models.keras.models.resnet.ResNet18", {}, True),
        ("keras_vggface.vggface.VGGFace", {"model": "resnet50"}, True),
        ("keras_vggface.vggface.VGGFace", {}, False),
        ("keras_vggface.vggface.VGGFace", None, None),
        ("vit_keras.vit.vit_b16", {}, False),
        ("transformers.TFBertModel.from_pretrained", {}, False),
        ("transformers.TFResNetModel.from_pretrained", {}, True),
        ("keras_hub.models.ResNetBackbone.from_preset", {"preset": "resnet_50_imagenet"}, True),
        ("keras_hub.models.ImageClassifier.from_preset", {"preset": "resnet_50_imagenet"}, True),
        ("keras_hub.models.Backbone.from_preset", {"preset": "vgg_16_imagenet"}, False),
        ("keras_hub.models.Backbone.from_preset", {}, None),
        ("keras_nlp.models.BertClassifier.from_preset", {"preset": "bert_tiny_en_uncased"}, False),
        ("keras_hub.models.ViTImageClassifier", {}, False),
        ("keras_cv.models.MobileNetV3Backbone", {}, True),
    ],
)
def test_models_of_other_libraries(name, arguments, batchnorm):
    found = foreign_model(name, arguments)
    assert found is not None
    assert found.batchnorm is batchnorm


def test_a_function_of_nobody_is_no_model():
    assert foreign_model("my_project.build_model") is None
    assert foreign_model("keras_hub.samplers.top_k") is None
