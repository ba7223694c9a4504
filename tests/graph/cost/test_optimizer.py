import pytest

from freezelint.graph.cost.optimizer import from_file, named


@pytest.mark.parametrize(
    ("written", "slots"),
    [
        ({"class_name": "Adam", "config": {}}, 2),
        ({"class_name": "Custom>Adam", "config": {"amsgrad": True}}, 3),
        ({"class_name": "rmsprop", "config": {"momentum": 0.0, "centered": False}}, 1),
        ({"class_name": "SGD", "config": {"momentum": 0.9}}, 1),
    ],
)
def test_slots_for_each_weight(written, slots):
    assert from_file(written).slots == slots


@pytest.mark.parametrize("written", [None, {}, {"class_name": 3}, {"class_name": "Mine", "config": {}}])
def test_an_unknown_optimizer_is_unknown(written):
    assert from_file(written) is None


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Nadam", "Adamax", "Ftrl", "Lion"]
)
def test_slots_are_those_that_keras_makes(name):
    import keras

    optimizer = getattr(keras.optimizers, name)()
    optimizer.build([keras.Variable([1.0, 2.0])])
    assert sum(variable.shape == (2,) for variable in optimizer.variables) == named(name).slots
