"""augmentation-active-in-signature: a served model flips what it is asked about."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def images():
    return np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype("float32")


def network(keras):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


def with_augmentation(keras, inner):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, inner(keras.layers.RandomFlip("horizontal")(inputs)))


def asked_twice(answer):
    return float(np.max(np.abs(answer(images()) - answer(images()))))


def test_export_keeps_augmentation_active(keras, measured, tmp_path):
    model = with_augmentation(keras, network(keras))
    model.export(str(tmp_path / "model"))
    answer = harness.Served(tmp_path / "model")
    measured(keras, "RandomFlip in an exported model: the same request asked twice differs by", asked_twice(answer))
    assert asked_twice(answer) > 0.1


def test_predict_does_not_show_it(keras, measured):
    difference = asked_twice(lambda inputs: harness.predict(with_augmentation(keras, network(keras)), inputs))
    measured(keras, "the same model in predict", difference)
    assert difference == 0


def test_keras_2_saves_it_switched_off(keras2, measured, tmp_path):
    with_augmentation(keras2, network(keras2)).save(str(tmp_path / "model"), save_format="tf")
    difference = asked_twice(harness.Served(tmp_path / "model"))
    measured(keras2, "the same model saved with model.save(folder)", difference)
    assert difference == 0


def test_the_advice_without_augmentation(keras, measured, tmp_path):
    network(keras).export(str(tmp_path / "model"))
    difference = asked_twice(harness.Served(tmp_path / "model"))
    measured(keras, "as advised, the model inside exported: differs by", difference)
    assert difference == 0


def test_the_advice_with_training_false(keras, measured, tmp_path):
    import tensorflow as tf

    model = with_augmentation(keras, network(keras))

    class Server(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
        def __call__(self, inputs):
            return {"score": self.model(inputs, training=False)}

    if keras.__version__.startswith("2"):
        server = Server()
        tf.saved_model.save(server, str(tmp_path / "model"), signatures={"serving_default": server.__call__})
    else:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "serve",
            lambda inputs: model(inputs, training=False),
            input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)],
        )
        archive.write_out(str(tmp_path / "model"), verbose=False)
    difference = asked_twice(harness.Served(tmp_path / "model"))
    measured(keras, "as advised, called with training=False: differs by", difference)
    assert difference == 0
