"""signature-traced-in-training: what a serving function says about the mode is traced into the file."""

import pytest

from tests.proofs import harness

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("training", [True, False])
def test_requests_share_their_statistics(keras, training, tmp_path, measured):
    import tensorflow as tf

    model = harness.with_head(keras, harness.tiny_base(keras))

    @tf.function(input_signature=[tf.TensorSpec([None, 8])])
    def serve(inputs):
        return {"scores": model(inputs, training=training)}

    module = tf.Module()
    module.model, module.serve = model, serve
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": serve})
    served = harness.Served(tmp_path)
    apart = harness.batch_mates_matter(served)
    measured(keras, f"training={training}: answers differ by", apart)
    assert apart > 0.05 if training else apart < 1e-5
