"""What things are called: one canonical name for the many import paths of Keras, and what kind of layer a class is.

`canonical` knows names only, no versions: `tf.keras`, `tf_keras`, `keras.src` and the modules of old releases all
lead to the name that the current documentation uses. Two families stay apart on purpose, because they behave
differently: `keras.optimizers.legacy.*` and the TensorFlow 1 optimizers and layers (`tensorflow.compat.v1.*`).

Sources: the public API of Keras 3.15.1 and tf_keras 2.21.0 (`keras/layers/__init__.py` and its neighbours) and the
module layout of keras 2.0 to 2.15.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

_KERAS_ROOTS = re.compile(
    r"""^(?:
        (?:tf|tensorflow|tensorflow_core|tensorflow\._api\.v2)
            (?:\.(?:_api\.v\d|compat\.v[12]|python|contrib|api))*\.keras(?:\.(?:api|python\.keras|_v[12]\.keras))*
      | keras\._tf_keras\.keras
      | tf_keras(?:\.(?:src|api))?(?:\._v[12]\.keras)?
      | keras_core(?:\.src)?
      | keras\.(?:src|api)(?:\._v[12]\.keras)?
      | keras
    )(?=\.|$)""",
    re.VERBOSE,
)
_TENSORFLOW_ROOTS = re.compile(r"^(?:tf|tensorflow_core|tensorflow)(?=\.|$)")

_CLASS = re.compile(r"^_?[A-Z]")


def words(text: str) -> frozenset[str]:
    """The words of a text, for long lists of names."""
    return frozenset(text.split())


class Kind(Enum):
    """The family a layer class belongs to; every class is in exactly one."""

    INPUT = "input"
    BATCHNORM = "batch normalization"
    NORMALIZATION = "normalization without a training mode"
    DROPOUT = "dropout or noise"
    AUGMENTATION = "random augmentation"
    PREPROCESSING = "preprocessing"
    DENSE = "dense, convolution or other layer with a kernel"
    ATTENTION = "attention"
    EMBEDDING = "embedding"
    RECURRENT = "recurrent"
    WRAPPER = "wrapper around a layer"
    MERGE = "merge"
    ACTIVATION = "activation"
    SHAPE = "pooling, padding, reshaping"
    LAMBDA = "lambda"
    FOREIGN = "model of another framework"


_LAYERS = {
    Kind.INPUT: "InputLayer",
    Kind.BATCHNORM: "BatchNormalization SyncBatchNormalization",
    Kind.NORMALIZATION: """
        LayerNormalization GroupNormalization UnitNormalization RMSNormalization InstanceNormalization""",
    Kind.DROPOUT: """
        Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout GaussianNoise""",
    Kind.AUGMENTATION: """
        AugMix CutMix MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
        RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight
        RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
        RandomShear RandomTranslation RandomWidth RandomZoom""",
    Kind.PREPROCESSING: """
        AutoContrast CategoryEncoding CenterCrop ContrastLimitedAdaptiveHistogramEqualization Discretization
        Equalization HashedCrossing Hashing IntegerLookup MaxNumBoundingBoxes MelSpectrogram Normalization Pipeline
        PreprocessingLayer Rescaling Resizing STFTSpectrogram Solarization StringLookup TextVectorization""",
    Kind.DENSE: """
        Dense DenseFeatures EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
        DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D LocallyConnected1D LocallyConnected2D
        Maxout Highway RandomFourierFeatures LayerScale""",
    Kind.ATTENTION: "AdditiveAttention Attention GroupQueryAttention MultiHeadAttention",
    Kind.EMBEDDING: "Embedding ReversibleEmbedding",
    Kind.RECURRENT: """
        AbstractRNNCell ConvLSTM1D ConvLSTM2D ConvLSTM3D ConvRNN2D CuDNNGRU CuDNNLSTM GRU GRUCell LSTM LSTMCell
        PeepholeLSTMCell RNN SimpleRNN SimpleRNNCell StackedRNNCells""",
    Kind.WRAPPER: "Bidirectional SpectralNormalization TimeDistributed Wrapper",
    Kind.MERGE: "Add Average Concatenate CustomScaleLayer Dot Maximum Merge Minimum Multiply Subtract",
    Kind.ACTIVATION: "Activation ActivityRegularization ELU LeakyReLU PReLU ReLU Softmax ThresholdedReLU",
    Kind.SHAPE: """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
        AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D Cropping1D
        Cropping2D Cropping3D Flatten GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
        GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Identity Masking MaxPooling1D MaxPooling2D
        MaxPooling3D Permute RepeatVector Reshape UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
        ZeroPadding3D""",
    Kind.LAMBDA: "Lambda",
    Kind.FOREIGN: "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
}

_KIND_OF = {name: kind for kind, names in _LAYERS.items() for name in names.split()}

_WEIGHTED_KINDS = frozenset({
    Kind.BATCHNORM,
    Kind.NORMALIZATION,
    Kind.DENSE,
    Kind.EMBEDDING,
    Kind.RECURRENT,
    Kind.WRAPPER,
    Kind.FOREIGN,
})
_WITH_WEIGHTS = frozenset({"PReLU", "MultiHeadAttention", "GroupQueryAttention", "AdditiveAttention"})
_WITHOUT_WEIGHTS = frozenset({"UnitNormalization", "DenseFeatures"})

_CALL_DEFAULTS_TO_TRAINING = words("""
    AutoContrast CenterCrop ContrastLimitedAdaptiveHistogramEqualization Equalization MaxNumBoundingBoxes
    Pipeline Resizing Solarization""")

_LAYER_FUNCTIONS = words("""
    add average concatenate deserialize dot maximum minimum multiply serialize subtract""")

_LAYER_SPELLINGS = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "GroupedQueryAttention": "GroupQueryAttention",
    "RandomColorDegradation": "RandomColorDegeneration",
    "CLAHE": "ContrastLimitedAdaptiveHistogramEqualization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
}

_MODEL_NAMES = {
    "Model": "keras.Model",
    "Functional": "keras.Model",
    "Network": "keras.Model",
    "Container": "keras.Model",
    "Sequential": "keras.Sequential",
    "Input": "keras.Input",
    "InputLayer": "keras.layers.InputLayer",
    "InputSpec": "keras.layers.InputSpec",
    "Layer": "keras.layers.Layer",
    "clone_model": "keras.models.clone_model",
    "load_model": "keras.models.load_model",
    "save_model": "keras.models.save_model",
    "model_from_json": "keras.models.model_from_json",
    "model_from_config": "keras.models.model_from_config",
    "model_from_yaml": "keras.models.model_from_yaml",
}
"""Names that several modules offer (`keras`, `keras.models`, `keras.engine.*`, `keras.saving`, …)."""

_MODEL_MODULES = frozenset({"models", "engine", "saving", "legacy"})

_SECTIONS_WITH_MODULES = frozenset({
    "layers",
    "optimizers",
    "callbacks",
    "losses",
    "metrics",
    "applications",
    "initializers",
    "regularizers",
})
"""Sections whose public classes live in a module of their own (`keras.layers.core.Dense`)."""

_V1_OPTIMIZERS = words("""
    AdadeltaOptimizer AdagradDAOptimizer AdagradOptimizer AdamOptimizer FtrlOptimizer GradientDescentOptimizer
    MomentumOptimizer Optimizer ProximalAdagradOptimizer ProximalGradientDescentOptimizer RMSPropOptimizer
    SyncReplicasOptimizer""")


@lru_cache(maxsize=4096)
def canonical(dotted: str) -> str:
    """The one name of what `dotted` (a full import path, aliases of imports resolved) stands for.

    Keras names come back as `keras.…`, TensorFlow names as `tensorflow.…`; what is not known comes back as it is.

    >>> canonical("tensorflow.keras.layers.Convolution2D")
    'keras.layers.Conv2D'
    >>> canonical("keras.engine.training.Model")
    'keras.Model'
    """
    if dotted.startswith("keras_applications"):
        return _section(("applications", *dotted.split(".")[1:]))
    v1 = _v1_keras(dotted)
    if v1 is not None:
        return v1
    root = _KERAS_ROOTS.match(dotted)
    if root is None:
        return _tensorflow(dotted)
    parts = tuple(part for part in dotted[root.end() :].split(".") if part)
    if parts and parts[0] == "src":
        parts = parts[1:]
    return _section(parts)


def _section(parts: tuple[str, ...]) -> str:
    """The canonical name of `keras.` followed by `parts`."""
    if not parts:
        return "keras"
    head, last = parts[0], parts[-1]
    if head in _MODEL_NAMES or head in _MODEL_MODULES:
        for index, part in enumerate(parts):
            if part in _MODEL_NAMES:
                return ".".join((_MODEL_NAMES[part], *parts[index + 1 :]))
    if head in {"backend", "ops"} and len(parts) > 2 and parts[1] in {"tensorflow_backend", "common"}:
        return ".".join(("keras", head, *parts[2:]))
    if head == "legacy" and len(parts) > 1 and parts[1] == "backend":
        return ".".join(("keras", *parts[1:]))
    if head not in _SECTIONS_WITH_MODULES:
        return ".".join(("keras", *parts))
    at = next((index for index, part in enumerate(parts) if index and _CLASS.match(part)), None)
    if at is None:
        if head == "layers" and last in _LAYER_FUNCTIONS:
            return f"keras.layers.{last}"
        return ".".join(("keras", *parts))
    return ".".join(("keras", *_without_modules(head, parts[:at], parts[at]), *parts[at + 1 :]))


def _without_modules(section: str, modules: tuple[str, ...], name: str) -> tuple[str, ...]:
    """`section.name` without the modules between them, except the ones that change what the name means."""
    if section == "layers":
        if name == "Input":
            return ("Input",)
        return (section, _LAYER_SPELLINGS.get(name, name))
    if section == "optimizers" and ("legacy" in modules or "schedules" in modules):
        return (section, "legacy" if "legacy" in modules else "schedules", name)
    return (section, name)


def _v1_keras(dotted: str) -> str | None:
    """The TensorFlow 1 BatchNormalization, whose statistics keep moving when it is frozen; None for anything else."""
    if re.search(
        r"(?:compat\.v1\.keras\..*|batch_normalization_v1)\.BatchNormalization$|\bBatchNormalizationV1$", dotted
    ):
        return "tensorflow.compat.v1.keras.layers.BatchNormalization"
    return None


def _tensorflow(dotted: str) -> str:
    """The canonical name of something in TensorFlow outside its Keras; other names unchanged."""
    root = _TENSORFLOW_ROOTS.match(dotted)
    if root is None:
        return dotted
    rest = dotted[root.end() + 1 :]
    rest = rest.removeprefix("_api.v2.").removeprefix("compat.v2.")
    v1, rest = rest.startswith("compat.v1."), rest.removeprefix("compat.v1.")
    head, _, name = rest.partition(".")
    if head == "train" and name in _V1_OPTIMIZERS:
        return f"tensorflow.compat.v1.train.{name}"
    if head == "layers":
        return f"tensorflow.compat.v1.layers.{name}"
    if v1:
        return f"tensorflow.compat.v1.{rest}"
    if head in {"optimizers", "losses", "metrics", "initializers"} and name:
        return _section((head, *name.split(".")))
    return f"tensorflow.{rest}" if rest else "tensorflow"


class LayerTraits(NamedTuple):
    """What a layer class is.

    `name` is canonical. `has_weights`: holds trainable weights when built with default arguments (a wrapper: those
    of the layer it wraps). `inference_when_frozen`: `trainable = False` puts it into inference mode.
    """

    name: str
    kind: Kind
    has_weights: bool
    inference_when_frozen: bool = False

    @property
    def class_name(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def is_batchnorm(self) -> bool:
        """Whether it normalises with batch statistics in training mode."""
        return self.kind is Kind.BATCHNORM

    @property
    def is_dropout(self) -> bool:
        """Whether it is random in training mode and the identity otherwise (Dropout and noise layers)."""
        return self.kind is Kind.DROPOUT

    @property
    def is_augmentation(self) -> bool:
        """Whether it changes images at random in training mode."""
        return self.kind is Kind.AUGMENTATION

    @property
    def depends_on_training(self) -> bool:
        """Whether its output differs between training and inference with default arguments.

        Recurrent and attention layers do too once they are given a dropout rate: see `dropout_arguments`.
        """
        return (
            self.kind in (Kind.BATCHNORM, Kind.DROPOUT, Kind.AUGMENTATION) or self.class_name == "SpectralNormalization"
        )

    @property
    def dropout_arguments(self) -> tuple[str, ...]:
        """The constructor arguments that make it random in training mode if they are not 0."""
        if self.kind is Kind.RECURRENT:
            return ("dropout", "recurrent_dropout")
        return ("dropout",) if self.kind is Kind.ATTENTION else ()

    @property
    def call_defaults_to_training(self) -> bool:
        """Whether its `call` has `training=True` as its default in Keras 3, which a plain `model(x)` hands on.

        Random augmentation has had it in all of Keras 3, the other image layers have it since 3.6.
        """
        return self.kind is Kind.AUGMENTATION or self.class_name in _CALL_DEFAULTS_TO_TRAINING


@lru_cache(maxsize=1024)
def traits(name: str) -> LayerTraits | None:
    """What is known of the layer class called `name` (a dotted name, canonical or not); None for an unknown one."""
    known = canonical(name)
    if known in _V1_LAYERS:
        return _V1_LAYERS[known]
    section, _, class_name = known.rpartition(".")
    kind = _KIND_OF.get(class_name)
    if known == "keras.Input":
        return LayerTraits(known, Kind.INPUT, has_weights=False)
    if section != "keras.layers" or kind is None:
        return None
    weighted = class_name in _WITH_WEIGHTS or (kind in _WEIGHTED_KINDS and class_name not in _WITHOUT_WEIGHTS)
    return LayerTraits(known, kind, weighted, inference_when_frozen=kind is Kind.BATCHNORM)


_V1_LAYERS = {
    name: LayerTraits(name, kind, has_weights=kind is not Kind.DROPOUT)
    for name, kind in (
        ("tensorflow.compat.v1.keras.layers.BatchNormalization", Kind.BATCHNORM),
        ("tensorflow.compat.v1.layers.BatchNormalization", Kind.BATCHNORM),
        ("tensorflow.compat.v1.layers.batch_normalization", Kind.BATCHNORM),
        ("tensorflow.compat.v1.layers.Dropout", Kind.DROPOUT),
        ("tensorflow.compat.v1.layers.dropout", Kind.DROPOUT),
    )
}


def class_traits(class_name: str, module: str | None = None) -> LayerTraits | None:
    """The traits of a class as an artifact names it: `class_name` and, where it says so, the module it comes from.

    A class of a module outside Keras is unknown, whatever its name; without a module, Keras is meant. The names
    that saved models of Keras 2 give their layers (`BatchNormalizationV1`) are understood.
    """
    if module and _KERAS_ROOTS.match(module) is None:
        return None
    if class_name == "BatchNormalizationV1":
        return traits("tensorflow.compat.v1.keras.layers.BatchNormalization")
    return traits(f"keras.layers.{class_name.rpartition('>')[2]}")


class OptimizerName(NamedTuple):
    """An optimizer class: the class (`Adam`) and the programming interface it belongs to.

    `interface` is "keras" (`tf.keras` ≥ 2.11 and Keras 3: knows only the variables it was built with), "legacy"
    (`keras.optimizers.legacy`: takes new variables silently) or "v1" (`tf.train`: `minimize` trains every variable
    that it is not told to leave out).
    """

    name: str
    interface: str


_V1_TO_KERAS = {"GradientDescentOptimizer": "SGD", "MomentumOptimizer": "SGD", "RMSPropOptimizer": "RMSprop"}
_OPTIMIZER_CLASSES = words("""
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam Optimizer RMSprop
    SGD""")


def optimizer(name: str) -> OptimizerName | None:
    """The optimizer class called `name` (a dotted name, canonical or not, or Keras's short "adam"); None if unknown."""
    if "." not in name:
        found = next((known for known in _OPTIMIZER_CLASSES if known.lower() == name.lower()), None)
        return OptimizerName(found, "keras") if found else None
    known = canonical(name)
    section, _, class_name = known.rpartition(".")
    if section == "tensorflow.compat.v1.train" and class_name in _V1_OPTIMIZERS:
        return OptimizerName(_V1_TO_KERAS.get(class_name, class_name.removesuffix("Optimizer")) or "Optimizer", "v1")
    if class_name not in _OPTIMIZER_CLASSES:
        return None
    if section == "keras.optimizers":
        return OptimizerName(class_name, "keras")
    return OptimizerName(class_name, "legacy") if section == "keras.optimizers.legacy" else None
