import time

import pytest

from freezelint.keras.signs import backend_in_source, from_source


def generations(text):
    return sorted({piece.version.major for piece in from_source(text)})


@pytest.mark.parametrize(
    "text",
    [
        "import tf_keras as keras",
        "from tf_keras.layers import Dense",
        'import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"',
        "os.environ.setdefault('TF_USE_LEGACY_KERAS', 'True')",
        "model.fit_generator(batches, epochs=2)",
        "from keras.layers.normalization import BatchNormalization",
        "from keras.engine.topology import Layer",
        "from keras.layers.advanced_activations import LeakyReLU",
        "import keras_contrib",
        "model.fit(x, y,\n    nb_epoch=10)",
        "import keras\nmodel.compile(keras.optimizers.Adam(lr=1e-4))",
        "from keras.optimizers import SGD\nsgd = SGD(momentum=0.9, lr=0.01)",
        "opt = tf.keras.optimizers.legacy.Adam(1e-4)",
        "K.set_learning_phase(0)",
        "!pip install tensorflow==2.15",
        "%pip install -q 'tensorflow<2.16'",
        "!pip install -q \\\n  tensorflow==2.12.0",
    ],
)
def test_signs_of_keras_2(text):
    assert generations(text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "import keras\ny = keras.ops.mean(x)",
        "from keras import layers, ops",
        "from keras import (\n    layers,\n    ops as K,\n)",
        "from keras.random import SeedGenerator",
        "self.alpha = keras.Variable(0.0)",
        "import keras_hub",
        "layer.enable_lora(4)",
        'os.environ["KERAS_BACKEND"] = "jax"',
        "!pip install keras==3.4.1",
    ],
)
def test_signs_of_keras_3(text):
    assert generations(text) == [3]


@pytest.mark.parametrize(
    "text",
    [
        "import keras",
        "from tensorflow import keras\nkeras.layers.Dense(1)",
        "from keras import layers, models",
        "# import tf_keras",
        '"""\nimport tf_keras\n"""',
        "print('keras.ops')",
        'os.environ["TF_USE_LEGACY_KERAS"] = "0"',
        'os.environ["KERAS_BACKEND"] = "tensorflow"',
        "import torch\nfrom torch.optim import Adam\nimport tensorflow\nopt = Adam(params, lr=1e-3)",
        "import keras\nopt = torch.optim.Adam(params, lr=1e-3)",
        "import keras\ndef build(lr=1e-3): ...",
        "!pip install tensorflow",
        "!pip install tensorflow>=2.4",
        "keras.saving.register_keras_serializable()",
        "",
    ],
)
def test_what_says_nothing(text):
    assert from_source(text) == ()


def test_the_place_of_a_sign_is_its_line():
    text = '"""Train.\n\nimport tf_keras\n"""\nimport os\n\nimport tf_keras\n'
    (piece,) = from_source(text, "train.py")
    assert (piece.path, piece.line) == ("train.py", 7)
    assert str(piece) == "train.py:7: imports tf_keras (import tf_keras)"


def test_a_pinned_release_in_a_notebook_cell_is_precise():
    (piece,) = from_source("import os\n!pip install keras==3.4.1 matplotlib\n")
    assert (str(piece.version), piece.line) == ("3.4", 2)


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ('os.environ["KERAS_BACKEND"] = "jax"', "jax"),
        ("os.environ.setdefault('KERAS_BACKEND', 'torch')", "torch"),
        ("keras.config.set_backend('jax')", "jax"),
        ("# KERAS_BACKEND = 'jax'", None),
        ("import keras", None),
    ],
)
def test_the_backend_that_a_file_sets(text, backend):
    assert backend_in_source(text) == backend


@pytest.mark.parametrize(
    "text",
    [
        '"\\' * 200_000,
        "'\\" * 200_000,
        "'''\\" + '"""' * 100_000,
        '"""\\' * 100_000,
        "'''" * 100_001,
        "from keras import (" * 20_000,
        "\n" * 500_000,
        "Adam(" * 100_000,
        "!" * 300_000 + "install",
        "keras." * 100_000,
        "import keras\n" + "a" * 500_000,
    ],
)
def test_hostile_text_is_read_in_time(text):
    started = time.monotonic()
    from_source(text)
    assert time.monotonic() - started < 5
