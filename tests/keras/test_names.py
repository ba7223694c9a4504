import pytest

from freezelint.keras.names import Kind, canonical, class_traits, optimizer, traits


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.keras.layers.Dense", "keras.layers.Dense"),
        ("tf.keras.layers.Dense", "keras.layers.Dense"),
        ("tf_keras.layers.Dense", "keras.layers.Dense"),
        ("tf_keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
        ("tensorflow.python.keras.layers.core.Dense", "keras.layers.Dense"),
        ("tensorflow.python.keras.api._v2.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.contrib.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.contrib.keras.python.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.compat.v1.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.compat.v2.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow._api.v2.compat.v2.keras.layers.Dense", "keras.layers.Dense"),
        ("keras.api.layers.Dense", "keras.layers.Dense"),
        ("keras.api._v2.keras.layers.Dense", "keras.layers.Dense"),
        ("keras._tf_keras.keras.layers.Dense", "keras.layers.Dense"),
        ("keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
        ("keras_core.layers.Dense", "keras.layers.Dense"),
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("keras.layers.Dense.from_config", "keras.layers.Dense.from_config"),
        ("keras.layers.convolutional.Convolution2D", "keras.layers.Conv2D"),
        ("keras.layers.normalization.BatchNormalization", "keras.layers.BatchNormalization"),
        ("keras.layers.normalization_v2.BatchNormalization", "keras.layers.BatchNormalization"),
        ("keras.layers.experimental.SyncBatchNormalization", "keras.layers.SyncBatchNormalization"),
        ("keras.layers.experimental.preprocessing.Rescaling", "keras.layers.Rescaling"),
        ("keras.layers.MaxPool2D", "keras.layers.MaxPooling2D"),
        ("keras.layers.merge.concatenate", "keras.layers.concatenate"),
        ("keras.engine.topology.Layer", "keras.layers.Layer"),
        ("keras.engine.base_layer.Layer", "keras.layers.Layer"),
        ("keras.Layer", "keras.layers.Layer"),
        ("keras.Layer.build", "keras.layers.Layer.build"),
        ("keras.models.Model.fit", "keras.Model.fit"),
        ("keras.Model", "keras.Model"),
        ("keras.models.Model", "keras.Model"),
        ("keras.engine.training.Model", "keras.Model"),
        ("keras.src.models.functional.Functional", "keras.Model"),
        ("keras.models.Sequential", "keras.Sequential"),
        ("keras.engine.sequential.Sequential", "keras.Sequential"),
        ("keras.layers.Input", "keras.Input"),
        ("keras.engine.input_layer.Input", "keras.Input"),
        ("keras.saving.load_model", "keras.models.load_model"),
        ("keras.saving.save.load_model", "keras.models.load_model"),
        ("keras.applications.mobilenet_v2.MobileNetV2", "keras.applications.MobileNetV2"),
        ("keras.src.applications.resnet.ResNet50", "keras.applications.ResNet50"),
        ("keras.applications.mobilenet_v2.preprocess_input", "keras.applications.mobilenet_v2.preprocess_input"),
        ("keras_applications.resnet50.ResNet50", "keras.applications.ResNet50"),
        ("keras.optimizers.adam_v2.Adam", "keras.optimizers.Adam"),
        ("keras.optimizers.experimental.Adam", "keras.optimizers.Adam"),
        ("keras.optimizers.legacy.Adam", "keras.optimizers.legacy.Adam"),
        ("keras.optimizers.schedules.ExponentialDecay", "keras.optimizers.schedules.ExponentialDecay"),
        ("tensorflow.optimizers.Adam", "keras.optimizers.Adam"),
        ("tensorflow.train.AdamOptimizer", "tensorflow.compat.v1.train.AdamOptimizer"),
        ("tensorflow.compat.v1.train.AdamOptimizer", "tensorflow.compat.v1.train.AdamOptimizer"),
        ("tensorflow.train.Checkpoint", "tensorflow.train.Checkpoint"),
        ("keras.callbacks.callbacks.EarlyStopping", "keras.callbacks.EarlyStopping"),
        ("keras.backend.tensorflow_backend.set_learning_phase", "keras.backend.set_learning_phase"),
        ("tensorflow.python.keras.backend.learning_phase", "keras.backend.learning_phase"),
        ("tensorflow.keras", "keras"),
        ("tensorflow", "tensorflow"),
        ("tf.GradientTape", "tensorflow.GradientTape"),
        ("tensorflow.compat.v2.function", "tensorflow.function"),
        ("keras_tuner.RandomSearch", "keras_tuner.RandomSearch"),
        ("my.keras.layers.Dense", "my.keras.layers.Dense"),
    ],
)
def test_one_name_for_every_import_path(written, name):
    assert canonical(written) == name
    assert canonical(name) == name


@pytest.mark.parametrize(
    "written",
    [
        "tensorflow.compat.v1.keras.layers.BatchNormalization",
        "tf_keras.src.layers.normalization.batch_normalization_v1.BatchNormalization",
    ],
)
def test_freezing_the_batchnorm_of_tensorflow_1_does_not_stop_its_statistics(written):
    layer = traits(written)
    assert layer is not None
    assert layer.is_batchnorm
    assert not layer.inference_when_frozen


def test_batchnorm_is_told_from_the_normalizations_without_a_mode():
    stock, sync = (
        traits("tf.keras.layers.BatchNormalization"),
        traits("keras.layers.experimental.SyncBatchNormalization"),
    )
    assert stock.is_batchnorm and stock.inference_when_frozen and stock.depends_on_training
    assert sync.is_batchnorm
    for other in ("LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization"):
        found = traits(f"keras.layers.{other}")
        assert found.kind is Kind.NORMALIZATION
        assert not found.depends_on_training
    assert traits("keras.layers.Normalization").kind is Kind.PREPROCESSING


@pytest.mark.parametrize(
    ("name", "kind", "has_weights"),
    [
        ("Dropout", Kind.DROPOUT, False),
        ("GaussianNoise", Kind.DROPOUT, False),
        ("RandomFlip", Kind.AUGMENTATION, False),
        ("Rescaling", Kind.PREPROCESSING, False),
        ("Conv2DTranspose", Kind.DENSE, True),
        ("Embedding", Kind.EMBEDDING, True),
        ("LSTM", Kind.RECURRENT, True),
        ("MultiHeadAttention", Kind.ATTENTION, True),
        ("Attention", Kind.ATTENTION, False),
        ("TimeDistributed", Kind.WRAPPER, True),
        ("Add", Kind.MERGE, False),
        ("ReLU", Kind.ACTIVATION, False),
        ("PReLU", Kind.ACTIVATION, True),
        ("GlobalAveragePooling2D", Kind.SHAPE, False),
        ("Lambda", Kind.LAMBDA, False),
        ("InputLayer", Kind.INPUT, False),
    ],
)
def test_kinds_of_layers(name, kind, has_weights):
    layer = traits(f"keras.layers.{name}")
    assert (layer.kind, layer.has_weights) == (kind, has_weights)


def test_layers_that_put_a_plain_call_into_training_mode():
    assert traits("keras.layers.Resizing").call_defaults_to_training
    assert traits("keras.layers.RandomRotation").call_defaults_to_training
    assert not traits("keras.layers.Rescaling").call_defaults_to_training
    assert not traits("keras.layers.Dropout").call_defaults_to_training


def test_recurrent_layers_are_random_once_they_have_a_dropout_rate():
    assert traits("keras.layers.GRU").dropout_arguments == ("dropout", "recurrent_dropout")
    assert traits("keras.layers.Dense").dropout_arguments == ()


def test_an_unknown_class_is_unknown():
    assert traits("my_project.layers.BatchNormalization") is None
    assert traits("keras.layers.Frobnicate") is None
    assert class_traits("BatchNormalization", module="my_project.layers") is None


def test_classes_as_artifacts_name_them():
    assert class_traits("BatchNormalization").is_batchnorm
    assert class_traits("BatchNormalization", module="keras.layers").is_batchnorm
    assert class_traits("SyncBatchNormalization", module="keras.src.layers.normalization").is_batchnorm
    assert not class_traits("BatchNormalizationV1").inference_when_frozen


@pytest.mark.parametrize(
    ("written", "name", "interface"),
    [
        ("tf.keras.optimizers.Adam", "Adam", "keras"),
        ("keras.optimizers.legacy.SGD", "SGD", "legacy"),
        ("tensorflow.train.GradientDescentOptimizer", "SGD", "v1"),
        ("tf.compat.v1.train.AdamOptimizer", "Adam", "v1"),
        ("adam", "Adam", "keras"),
        ("RMSprop", "RMSprop", "keras"),
    ],
)
def test_optimizers(written, name, interface):
    found = optimizer(written)
    assert (found.name, found.interface) == (name, interface)


def test_what_is_no_optimizer():
    assert optimizer("keras.optimizers.schedules.ExponentialDecay") is None
    assert optimizer("keras.layers.Dense") is None


@pytest.mark.keras
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_every_layer_of_the_installed_keras_is_known(library):
    layers = pytest.importorskip(library).layers
    classes = {
        name
        for name in dir(layers)
        if name[0].isupper()
        and isinstance(getattr(layers, name), type)
        and issubclass(getattr(layers, name), layers.Layer)
    }
    assert [name for name in sorted(classes - {"Layer"}) if traits(f"{library}.layers.{name}") is None] == []
