import pytest

from freezelint.graph import layer_kinds
from freezelint.graph.model_graph import Layer, LayerKind, Weight


def layer(class_name, weights=(), module=None, registered=None, **config):
    made = Layer("x", "x", class_name, LayerKind.LAYER, module=module, registered_name=registered, config=config)
    made.weights = [Weight(role, (4,), role=role) for role in weights]
    return made


def test_batchnorm_is_known_by_class_and_a_subclass_by_its_configuration():
    mine = {"moving_mean_initializer": "zeros", "moving_variance_initializer": "ones"}
    assert layer_kinds.is_batchnorm(layer("BatchNormalization", module="keras.layers"))
    assert layer_kinds.is_batchnorm(layer("SyncBatchNormalization"))
    assert layer_kinds.is_batchnorm(layer("MyNorm", registered="mine>MyNorm", **mine))
    assert not layer_kinds.is_batchnorm(layer("LayerNormalization"))
    assert not layer_kinds.is_batchnorm(layer("BatchNormalization", registered="mine>BatchNormalization"))


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("Dropout", {"rate": 0.5}, True),
        ("Dropout", {"rate": 0.0}, False),
        ("GaussianNoise", {"stddev": 0.1}, True),
        ("LSTM", {"dropout": 0.2}, True),
        ("LSTM", {"dropout": 0.0, "recurrent_dropout": 0.0}, False),
        ("Dense", {"rate": 0.5}, False),
    ],
)
def test_a_layer_is_random_as_it_is_configured(class_name, config, expected):
    assert layer_kinds.is_dropout(layer(class_name, **config)) is expected


def test_weights_decide_whether_there_is_anything_to_train():
    assert layer_kinds.has_trainable_weights(layer("Dense"))
    assert not layer_kinds.has_trainable_weights(layer("Flatten"))
    assert not layer_kinds.has_trainable_weights(layer("Mine", registered="mine>Mine"))
    assert layer_kinds.has_trainable_weights(layer("Mine", weights=["kernel"]))
    assert not layer_kinds.has_trainable_weights(
        layer("BatchNormalization", weights=["moving_mean", "moving_variance"])
    )
    assert not layer_kinds.has_trainable_weights(layer("Dropout", weights=["seed_generator_state"]))
    assert not layer_kinds.has_trainable_weights(layer("RandomFlip", weights=["StateVar"]))


def test_whole_numbers_are_not_trained():
    counter = layer("Mine", registered="mine>Mine")
    counter.weights = [Weight("x/seen", (), dtype="int64")]
    assert not layer_kinds.has_trainable_weights(counter)


@pytest.mark.parametrize(
    ("class_name", "config"), [("StopGradient", {}), ("TFOpLambda", {"function": "stop_gradient"})]
)
def test_stop_gradient_is_known_in_both_generations(class_name, config):
    operation = Layer("x", "x", class_name, LayerKind.OPERATION, config=config)
    assert layer_kinds.is_stop_gradient(operation)
