"""Other libraries that build Keras models: does what they build contain BatchNorm?

Sources: keras_hub 0.32.0 and keras_cv 0.9.0 (which backbones use BatchNormalization), segmentation_models 1.0.1,
image_classifiers 1.0.0, efficientnet 1.1.1, keras_resnet 0.2.0, keras_vggface 0.6, vit_keras 0.2.0, and the TensorFlow
models of transformers 4.44.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A model builder of another library: whether what it builds contains BatchNorm (None = depends, not known)."""

    library: str
    batchnorm: bool | None


def _foreign(library: str, pattern: str, batchnorm: bool | None) -> tuple[re.Pattern[str], ForeignModel]:
    return re.compile(pattern), ForeignModel(library, batchnorm)


def _backbones(names: str) -> str:
    """A pattern for the backbones and tasks built on any of `names` (`ResNetBackbone`, `ResNetImageClassifier`)."""
    return rf"(?:{'|'.join(names.split())})(?=[A-Z]|\d*Backbone$|$)\w*$"


_TRANSFORMERS = r"^transformers\.(?:models\.[\w.]+\.)?"
_HUB = r"^(?:keras_hub|keras_nlp|keras_cv)\.(?:[a-z_]+\.)*"
_HUB_WITH_BATCHNORM = (
    "BASNet CSPDarkNet CSPNet DFine DeepLabV3 DeepLabV3Plus DenseNet EfficientNet EfficientNetLite EfficientNetV1"
    " EfficientNetV2 HGNetV2 MobileNet MobileNetV3 MobileNetV5 ResNet ResNetV1 ResNetV2 ResNetVd RetinaNet Xception"
    " YOLOV8"
)
_HUB_WITHOUT_BATCHNORM = (
    "Albert Bart Bert Blip2 Bloom CLIP DINOV2 DINOV3 DebertaV3 DeiT DistilBert Electra FNet Falcon GPT2 GPTNeoX Gemma"
    " Gemma3 Gemma4 Llama Llama3 MiT Mistral Mixtral Moonshine OPT PaliGemma Phi3 Qwen Qwen3 Roberta RoformerV2 SAM"
    " SigLIP StableDiffusion3 SwinTransformer T5 T5Gemma VGG VGG16 ViT ViTDet Whisper XLMRoberta XLNet"
)
_HUB_PRESETS = {
    "albert": False,
    "bart": False,
    "bert": False,
    "csp": True,
    "deeplab": True,
    "densenet": True,
    "distil": False,
    "efficientnet": True,
    "gemma": False,
    "gpt2": False,
    "hgnetv2": True,
    "llama3": False,
    "mit": False,
    "mobilenet": True,
    "mobilenetv3": True,
    "resnet": True,
    "retinanet": True,
    "roberta": False,
    "sam": False,
    "vgg": False,
    "vit": False,
    "whisper": False,
    "xception": True,
    "yolo": True,
}
_FOREIGN = (
    _foreign("tensorflow_hub", r"^tensorflow_hub\.(?:keras_layer\.)?KerasLayer$", None),
    _foreign("keras_hub", _HUB + _backbones(_HUB_WITH_BATCHNORM), True),
    _foreign("keras_hub", _HUB + _backbones(_HUB_WITHOUT_BATCHNORM), False),
    _foreign("keras_hub", _HUB + r"[A-Z]\w*$", None),
    _foreign("segmentation_models", r"^segmentation_models(?:\.[a-z_.]+)?\.(?:Unet|FPN|Linknet|PSPNet)$", True),
    _foreign("efficientnet", r"^efficientnet(?:\.(?:tfkeras|keras|model))?\.EfficientNet[BL]\d$", True),
    _foreign("classification_models", r"^classification_models(?:\.[a-z_.]+)?\.Classifiers\.get$", None),
    _foreign("classification_models", r"^classification_models\..*\b(?:SE)?(?:ResNet|ResNeXt|Net)\d+(?:V2)?$", True),
    _foreign("keras_resnet", r"^keras_resnet\.models(?:\.[a-z_.]+)?\.(?:ResNet|FPN)\w*$", True),
    _foreign("keras_vggface", r"^keras_vggface\.(?:vggface\.)?VGGFace$", None),
    _foreign("vit_keras", r"^vit_keras\.vit\.(?:vit_[bl](?:16|32)|build_model)$", False),
    _foreign(
        "transformers", _TRANSFORMERS + r"TF(?:Cvt|EfficientFormer|MobileViT|RegNet|ResNet|SwiftFormer)\w*$", True
    ),
    _foreign("transformers", _TRANSFORMERS + r"TF(?:Data2VecVision|GroupViT|Segformer)\w*$", None),
    _foreign("transformers", _TRANSFORMERS + r"TF[A-Z]\w*$", False),
)


def foreign_model(name: str, arguments: Mapping[str, object] | None = None) -> ForeignModel | None:
    """What is known of the model that the function or class called `name` builds; None for an unknown one.

    `arguments` are the literal arguments of the call by parameter name; None where they are not known. A trailing
    `.from_preset` or `.from_pretrained` is understood.
    """
    found = _named(re.sub(r"\.(?:from_preset|from_pretrained)$", "", name))
    if found is None or arguments is None:
        return found
    return ForeignModel(found.library, _BY_ARGUMENTS.get(found.library, _as_named)(found, arguments))


@lru_cache(maxsize=1024)
def _named(name: str) -> ForeignModel | None:
    return next((model for pattern, model in _FOREIGN if pattern.match(name)), None)


def _as_named(model: ForeignModel, arguments: Mapping[str, object]) -> bool | None:
    """For builders whose arguments change nothing."""
    return model.batchnorm


def _segmentation(model: ForeignModel, arguments: Mapping[str, object]) -> bool | None:
    """The decoder has BatchNorm unless it is told not to, and every encoder but VGG has it."""
    plain_decoder = any(key.endswith("use_batchnorm") and value is False for key, value in arguments.items())
    return not (plain_decoder and str(arguments.get("backbone_name", "vgg16")).startswith("vgg"))


def _vggface(model: ForeignModel, arguments: Mapping[str, object]) -> bool | None:
    return arguments.get("model", "vgg16") != "vgg16"


def _classifier(model: ForeignModel, arguments: Mapping[str, object]) -> bool | None:
    chosen = arguments.get("name")
    return not chosen.startswith("vgg") if isinstance(chosen, str) else model.batchnorm


def _preset(model: ForeignModel, arguments: Mapping[str, object]) -> bool | None:
    chosen = arguments.get("preset")
    if model.batchnorm is None and isinstance(chosen, str):
        return _HUB_PRESETS.get(chosen.split("_")[0])
    return model.batchnorm


_BY_ARGUMENTS = {
    "classification_models": _classifier,
    "keras_hub": _preset,
    "keras_vggface": _vggface,
    "segmentation_models": _segmentation,
}
