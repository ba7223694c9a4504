"""batchnorm-training-in-signature: a served answer that depends on who else asked."""

import numpy as np
import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


def trained(keras, base=None, **call):
    model = harness.with_head(keras, base or harness.tiny_base(keras), **call)
    harness.compile_anew(keras, model)
    harness.fit(model)
    return model


def save_with_mode(keras, model, mode, path):
    """A SavedModel whose one signature calls the model with `training=mode`."""
    import tensorflow as tf

    class Server(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32)])
        def __call__(self, inputs):
            return {"score": self.model(inputs, training=mode)}

    server = Server()
    tf.saved_model.save(server, str(path), signatures={"serving_default": server.__call__})


def test_an_answer_depends_on_its_batch_mates(keras, measured, tmp_path):
    save_with_mode(keras, trained(keras), True, tmp_path / "model")
    difference = harness.batch_mates_matter(harness.Served(tmp_path / "model"))
    measured(keras, "signature with training=True: same example in a batch of 64 and of 2 differs by", difference)
    assert difference > 0.1


def test_a_batch_of_one_gets_the_same_answer_whatever_is_asked(keras, measured, tmp_path):
    save_with_mode(keras, trained(keras), True, tmp_path / "model")
    answer = harness.Served(tmp_path / "model")
    inputs, _ = harness.examples()
    answers = np.concatenate([answer(inputs[row : row + 1]) for row in range(16)])
    measured(keras, "spread of 16 answers, asked one by one", float(np.ptp(answers)))
    measured(keras, "spread of 16 answers, asked as one batch", float(np.ptp(answer(inputs[:16]))))
    assert np.ptp(answers) < 1e-5
    assert np.ptp(answer(inputs[:16])) > 0.1


def test_asking_twice_in_the_same_batch_does_not_reveal_it(keras, tmp_path):
    save_with_mode(keras, trained(keras), True, tmp_path / "model")
    answer = harness.Served(tmp_path / "model")
    inputs, _ = harness.examples()
    assert np.max(np.abs(answer(inputs) - answer(inputs))) == 0


def test_serving_moves_the_statistics(keras, measured, tmp_path):
    save_with_mode(keras, trained(keras), True, tmp_path / "model")
    answer = harness.Served(tmp_path / "model")
    before = answer.statistics()
    answer(harness.examples(seed=1)[0])
    change = harness.moved(before, answer.statistics())
    measured(keras, "statistics moved by one request of 64 examples", change)
    assert change > 0.1


def test_a_wired_true_is_exported_even_where_predict_is_right(keras, measured, tmp_path):
    model = trained(keras, training=True)
    model.export(str(tmp_path / "model"))
    answer = harness.Served(tmp_path / "model")
    inputs, _ = harness.examples(count=4, seed=1)
    difference = float(np.max(np.abs(answer(inputs) - harness.predict(model, inputs))))
    measured(keras, "wired training=True: export() and predict() differ by", difference)
    assert harness.behaviour(keras).wired_training_reaches_export
    assert harness.batch_mates_matter(answer) > 0.1
    assert (difference < 1e-5) is harness.behaviour(keras).wired_training_holds


@pytest.mark.parametrize("how", ["export", "training=False", "frozen"])
def test_the_advice_makes_answers_independent(keras, how, measured, tmp_path):
    model = trained(keras)
    if how == "export":
        model.export(str(tmp_path / "model"))
    elif how == "training=False":
        save_with_mode(keras, model, False, tmp_path / "model")
    else:
        model.trainable = False
        save_with_mode(keras, model, True, tmp_path / "model")
    difference = harness.batch_mates_matter(harness.Served(tmp_path / "model"))
    measured(keras, f"advice ({how}): same example in a batch of 64 and of 2 differs by", difference)
    assert difference < 1e-5


@pytest.mark.parametrize("training", [True, None], ids=["training", "inference"])
def test_the_operations_that_give_it_away(keras, training, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inputs), training=training)
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)).export(str(tmp_path / "model"))
    operations = harness.Served(tmp_path / "model").operations()
    fused = any(kind.startswith("FusedBatchNorm") for kind in operations)
    assert fused is harness.behaviour(keras).batchnorm_is_fused_in_saved_model
    assert ("AssignVariableOp" in operations) is (training is True)
    if not fused:
        assert ("SquaredDifference" in operations) is (training is True)
