"""BatchNormalization that is trained when it should not be, and pins that do not hold, as people write them."""

from __future__ import annotations

import textwrap

import pytest

from freezelint.finding import Confidence, Severity
from tests.source.programs import check, findings, variants

IMPORTS = """
import keras
from keras import layers
"""
PHASE_ONE = """
base.trainable = False
model.compile(keras.optimizers.Adam(1e-3), "mse")
model.fit(x, epochs=5)
"""
PHASE_TWO = """
model.compile(keras.optimizers.Adam(1e-5), "mse")
model.fit(x, epochs=5)
"""
MOBILENET = IMPORTS + "base = keras.applications.MobileNetV2(include_top=False, pooling='avg')\n"
NESTED = MOBILENET + "inputs = keras.Input((96, 96, 3))\nmodel = keras.Model(inputs, layers.Dense(1)(base(inputs)))\n"
PINNED = NESTED.replace("base(inputs)", "base(inputs, training=False)")
SEQUENTIAL = MOBILENET + "model = keras.Sequential([base, layers.Dense(1)])\n"
EXTENDED = MOBILENET + "model = keras.Model(base.input, layers.Dense(1)(base.output))\n"
SHAPES = pytest.mark.parametrize("model", [NESTED, SEQUENTIAL, EXTENDED], ids=["nested", "sequential", "extended"])

THAWS = variants("""
    # whole
    base.trainable = True  # error: unfrozen-batchnorm

    # first hundred frozen again
    base.trainable = True  # error: unfrozen-batchnorm
    for layer in base.layers[:100]:
        layer.trainable = False

    # all but the last frozen again
    base.trainable = True  # error: unfrozen-batchnorm
    for layer in base.layers[:-20]:
        layer.trainable = False

    # frozen again up to a number that is not known
    base.trainable = True  # error: unfrozen-batchnorm
    for layer in base.layers[:fine_tune_at]:
        layer.trainable = False

    # frozen again by index
    base.trainable = True  # error: unfrozen-batchnorm
    for i in range(100):
        base.layers[i].trainable = False

    # frozen again by a counter
    base.trainable = True  # error: unfrozen-batchnorm
    for i, layer in enumerate(base.layers):
        if i < 100:
            layer.trainable = False

    # one block frozen again by its name
    base.trainable = True  # error: unfrozen-batchnorm
    for layer in base.layers:
        if layer.name.startswith("block_1_"):
            layer.trainable = False

    # all but one block frozen again
    base.trainable = True  # error: unfrozen-batchnorm
    for layer in base.layers:
        layer.trainable = "block_16" in layer.name
""")
GUARDS = variants("""
    # isinstance
    base.trainable = True
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False

    # after a part was frozen
    base.trainable = True
    for layer in base.layers[:100]:
        layer.trainable = False
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False

    # not isinstance
    base.trainable = True
    for layer in base.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)

    # through the outer model
    base.trainable = True
    for layer in model.layers:
        for inner in layer.layers if hasattr(layer, "layers") else [layer]:
            if isinstance(inner, layers.BatchNormalization):
                inner.trainable = False

    # recursive helper
    def freeze_bn(m):
        for l in m.layers:
            if hasattr(l, "layers"):
                freeze_bn(l)
            elif isinstance(l, layers.BatchNormalization):
                l.trainable = False
    base.trainable = True
    freeze_bn(model)

    # two names
    base.trainable = True
    for layer in base.layers:
        if "BN" in layer.name or "bn" in layer.name:
            layer.trainable = False

    # name or class
    base.trainable = True
    for layer in base.layers:
        if layer.name.lower().endswith("bn") or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False

    # flattened
    base.trainable = True
    for layer in base._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False

    # comprehension
    base.trainable = True
    [setattr(l, "trainable", False) for l in base.layers if isinstance(l, layers.BatchNormalization)]

    # classes under a name
    base.trainable = True
    NORMALIZATION = (layers.BatchNormalization, layers.LayerNormalization)
    for layer in base.layers:
        if isinstance(layer, NORMALIZATION):
            layer.trainable = False

    # class names in a tuple
    base.trainable = True
    for layer in base.layers:
        if layer.__class__.__name__ in ("BatchNormalization", "Dropout"):
            layer.trainable = False

    # name in lower case
    base.trainable = True
    for layer in base.layers:
        if "bn" in layer.name.lower():
            layer.trainable = False

    # by index
    base.trainable = True
    for i in range(len(base.layers)):
        if isinstance(base.layers[i], layers.BatchNormalization):
            base.layers[i].trainable = False
""")


# unfrozen-batchnorm


@SHAPES
@pytest.mark.parametrize("thaw", THAWS)
@pytest.mark.parametrize("keras", ["2", "3", "3.16"])
def test_a_thawed_base_is_told_at_the_line_that_thaws_its_batchnorm(model: str, thaw: str, keras: str) -> None:
    check(model + PHASE_ONE + thaw + PHASE_TWO, keras)


@pytest.mark.parametrize("layers", ["base.layers", "base.layers[-20:]", "base.layers[n:]"])
@pytest.mark.parametrize("keras", ["2", "3", "3.16"])
def test_layers_thawed_one_by_one(layers: str, keras: str) -> None:
    frozen = PHASE_ONE.replace("base.trainable = False", "for layer in base.layers:\n    layer.trainable = False")
    thaw = f"for layer in {layers}:\n    layer.trainable = True  # error: unfrozen-batchnorm\n"
    for model in (NESTED, SEQUENTIAL, EXTENDED):
        check(model + frozen + thaw + PHASE_TWO, keras)


@SHAPES
@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("keras", ["2", "3", "3.16"])
def test_a_guard_is_silent(model: str, guard: str, keras: str) -> None:
    check(model + PHASE_ONE + guard + PHASE_TWO, keras)


@SHAPES
def test_it_says_how_many_layers_and_where_they_were_frozen_and_trained(model: str) -> None:
    (finding,) = findings(model + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO)
    assert "52 BatchNormalization layers of `base` (MobileNetV2)" in finding.message
    assert [step.message for step in finding.related] == ["frozen here", "trained here"]
    assert finding.confidence is Confidence.CERTAIN


def test_it_is_a_warning_in_keras_2_and_an_error_in_keras_3() -> None:
    text = NESTED + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO
    assert [findings(text, keras)[0].severity for keras in ("2", "3", "any")] == [
        Severity.WARNING,
        Severity.ERROR,
        Severity.ERROR,
    ]


@pytest.mark.parametrize("name", ["VGG16", "VGG19", "ConvNeXtTiny"])
def test_a_base_without_batchnorm_is_silent(name: str) -> None:
    check((NESTED + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO).replace("MobileNetV2", name))


@SHAPES
def test_a_frozen_base_is_silent(model: str) -> None:
    check(model + PHASE_ONE + PHASE_TWO)


@SHAPES
def test_a_base_with_random_weights_is_silent(model: str) -> None:
    text = model.replace("include_top=False", "include_top=False, weights=None")
    check(text + "model.compile('adam', 'mse')\nmodel.fit(x)\n")


@SHAPES
def test_a_base_that_gets_weights_later_is_pretrained(model: str) -> None:
    text = model.replace("include_top=False", "include_top=False, weights=None")
    thaw = "base.trainable = True  # error: unfrozen-batchnorm\n"
    check(text + "base.load_weights('pretrained.h5')\n" + PHASE_ONE + thaw + PHASE_TWO, "3")


def test_a_base_without_a_name_is_called_by_its_architecture() -> None:
    text = IMPORTS + "model = keras.Sequential([keras.applications.ResNet50(include_top=False), layers.Dense(1)])\n"
    freeze, thaw = (f"for layer in model.layers[:1]:\n    layer.trainable = {value}\n" for value in (False, True))
    (finding,) = findings(text + freeze + PHASE_TWO + thaw + PHASE_TWO)
    assert "of the ResNet50" in finding.message


def test_a_thawed_base_that_is_only_evaluated_is_silent() -> None:
    check(NESTED + PHASE_ONE + "base.trainable = True\nmodel.evaluate(x)\nmodel.save('model.keras')\n")


def test_a_loop_over_the_outer_model_does_not_reach_the_nested_batchnorm() -> None:
    check(
        NESTED
        + PHASE_ONE
        + "base.trainable = True  # error: unfrozen-batchnorm\n"
        + "for layer in model.layers:\n"
        + "    if isinstance(layer, layers.BatchNormalization):  # error: freeze-misses-nested-batchnorm\n"
        + "        layer.trainable = False\n"
        + PHASE_TWO
    )


def test_a_guard_that_is_undone_by_a_later_thaw_does_not_protect() -> None:
    check(
        NESTED
        + PHASE_ONE
        + "for layer in base.layers:\n"
        + "    if isinstance(layer, layers.BatchNormalization):\n        layer.trainable = False\n"
        + "base.trainable = True  # error: batchnorm-freeze-undone\n"
        + PHASE_TWO,
        "3",
    )


def test_freezing_all_but_batchnorm_is_the_inverted_guard() -> None:
    check(
        EXTENDED
        + "for layer in base.layers:\n    if not isinstance(layer, layers.BatchNormalization):\n"
        + "        layer.trainable = False  # error: unfrozen-batchnorm\n"
        + PHASE_TWO,
        "3",
        "unfrozen-batchnorm",
    )


@pytest.mark.parametrize(
    ("made", "title"),
    [
        ("keras.applications.ResNet50(include_top=False)", "ResNet50"),
        ("keras.applications.EfficientNetB3(include_top=False)", "EfficientNetB3"),
        ("keras.applications.Xception(include_top=False)", "Xception"),
        ("keras.applications.InceptionV3(include_top=False)", "InceptionV3"),
        ("keras.applications.DenseNet201(weights='imagenet', include_top=False)", "DenseNet201"),
        ("keras.applications.NASNetMobile(input_shape=(96, 96, 3), include_top=False)", "NASNetMobile"),
    ],
)
def test_backbones_with_batchnorm(made: str, title: str) -> None:
    text = IMPORTS + f"base = {made}\nmodel = keras.Sequential([base, layers.Dense(1)])\n"
    found = findings(text + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO)
    (finding,) = [item for item in found if item.name == "unfrozen-batchnorm"]
    assert (finding.name, f"`base` ({title})" in finding.message) == ("unfrozen-batchnorm", True)


def test_a_base_inside_a_wrapper_is_seen() -> None:
    text = MOBILENET + "model = keras.Sequential([layers.TimeDistributed(base), layers.LSTM(8), layers.Dense(1)])\n"
    check(text + PHASE_ONE + "base.trainable = True  # error: unfrozen-batchnorm\n" + PHASE_TWO)


def test_a_base_inside_a_model_inside_a_model_is_seen() -> None:
    text = (
        MOBILENET
        + "encoder = keras.Sequential([base, layers.Dense(8)])\nmodel = keras.Sequential([encoder, layers.Dense(1)])\n"
    )
    check(text + PHASE_ONE + "base.trainable = True  # error: unfrozen-batchnorm\n" + PHASE_TWO)


def test_two_bases_are_two_findings() -> None:
    text = """
    import keras
    from keras import layers
    one = keras.applications.MobileNetV2(include_top=False, pooling="avg")
    two = keras.applications.ResNet50(include_top=False, pooling="avg")
    one.trainable = two.trainable = False
    inputs = keras.Input((96, 96, 3))
    both = layers.Concatenate()([one(inputs), two(inputs)])
    model = keras.Model(inputs, layers.Dense(1)(both))
    model.compile("adam", "mse")
    model.fit(x)
    one.trainable = True  # error: unfrozen-batchnorm
    two.trainable = True  # error: unfrozen-batchnorm
    model.compile("adam", "mse")
    model.fit(x)
    """
    check(text)


def test_own_models_trained_here_are_not_pretrained() -> None:
    check("""
    import keras
    from keras import layers
    encoder = keras.Sequential([layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU()])
    model = keras.Sequential([encoder, layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x)
    """)


def test_a_loaded_model_without_sign_of_batchnorm_is_silent() -> None:
    check("""
    import keras
    model = keras.models.load_model("mine.keras")
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("adam", "mse")
    model.fit(x)
    model.trainable = True
    model.compile("adam", "mse")
    model.fit(x)
    """)


def test_a_subclassed_model_that_runs_the_base_in_inference_mode_is_silent() -> None:
    net = """
    import keras
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
            self.head = keras.layers.Dense(1)
        def call(self, x, training=None):
            return self.head(self.base(x{mode}))
    net = Net()
    net.base.trainable = False
    net.compile("adam", "mse")
    net.fit(x)
    net.base.trainable = True{mark}
    net.compile("adam", "mse")
    net.fit(x)
    """
    check(net.format(mode=", training=False", mark=""))
    check(net.format(mode=", training=training", mark="  # error: unfrozen-batchnorm"))


def test_a_helper_that_is_told_to_thaw_is_told_at_its_line() -> None:
    check(
        NESTED
        + "def set_trainable(part, value):\n    part.trainable = value  # error: unfrozen-batchnorm\n"
        + "set_trainable(base, False)\n"
        + PHASE_TWO
        + "set_trainable(base, True)\n"
        + PHASE_TWO
    )


def test_a_base_that_an_unknown_function_may_have_guarded_is_silent() -> None:
    check(NESTED + PHASE_ONE + "from tools import freeze_bn\nbase.trainable = True\nfreeze_bn(base)\n" + PHASE_TWO)


def test_a_model_trained_in_a_loop_is_told_once() -> None:
    check(
        NESTED
        + PHASE_ONE
        + "base.trainable = True  # error: unfrozen-batchnorm\nmodel.compile('adam', 'mse')\n"
        + "for epoch in range(10):\n    for batch in data:\n        model.train_on_batch(batch)\n"
    )


# pinned-training-ignored


PINS = {"2": "", "3": "  # error: pinned-training-ignored", "3.15": "  # error: pinned-training-ignored", "3.16": ""}


@pytest.mark.parametrize("keras", PINS)
def test_a_pin_holds_in_keras_2_and_from_3_16_on(keras: str) -> None:
    check(PINNED + PHASE_ONE + f"base.trainable = True{PINS[keras]}\n" + PHASE_TWO, keras)


def test_without_a_known_version_it_is_a_finding_of_keras_3() -> None:
    (finding,) = findings(PINNED + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO, "any")
    assert finding.message.startswith("Keras 3: ")
    assert (finding.keras, finding.confidence) == (("3",), Confidence.LIKELY)


def test_the_pin_is_part_of_its_story() -> None:
    (finding,) = findings(PINNED + PHASE_ONE + "base.trainable = True\n" + PHASE_TWO, "3")
    assert [step.message for step in finding.related] == [
        "frozen here",
        "`training=False` pinned here",
        "trained here",
    ]


@pytest.mark.parametrize("guard", GUARDS[:5])
def test_a_pinned_base_with_frozen_batchnorm_is_silent(guard: str) -> None:
    check(PINNED + PHASE_ONE + guard + PHASE_TWO)


def test_a_pinned_base_that_stays_frozen_is_silent() -> None:
    check(PINNED + PHASE_ONE + PHASE_TWO)


def test_a_pin_that_follows_the_argument_is_no_pin() -> None:
    check(PINNED.replace("training=False", "training=None") + PHASE_ONE + PHASE_TWO)


def test_a_pin_on_one_layer() -> None:
    check(
        """
        import keras
        from keras import layers
        inputs = keras.Input((8, 8, 3))
        base = keras.applications.MobileNetV2(include_top=False, input_tensor=inputs)
        x = layers.BatchNormalization()(base.output, training=False)  # error: pinned-training-ignored
        model = keras.Model(inputs, layers.Dense(1)(x))
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x)
        """,
        "3",
    )


@pytest.mark.parametrize("keras", PINS)
@pytest.mark.parametrize("layer", ["Dropout(0.5)", "SpatialDropout1D(0.2)", "GaussianDropout(0.3)"])
def test_monte_carlo_dropout_through_predict(layer: str, keras: str) -> None:
    check(
        f"""
        import keras
        from keras import layers
        inputs = keras.Input((8,))
        x = layers.{layer}(layers.Dense(8)(inputs), training=True){PINS[keras]}
        model = keras.Model(inputs, layers.Dense(1)(x))
        model.compile("adam", "mse")
        model.fit(x)
        samples = [model.predict(x) for _ in range(100)]
        """,
        keras,
    )


@pytest.mark.parametrize(
    "use",
    ["samples = [model(x, training=True) for _ in range(100)]", "model.save('risk.keras')", "other = model.predict"],
)
def test_monte_carlo_dropout_without_predict_is_silent(use: str) -> None:
    text = """
    import keras
    from keras import layers
    inputs = keras.Input((8,))
    outputs = layers.Dense(1)(layers.Dropout(0.5)(inputs, training=True))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    model.fit(x)
    """
    check(textwrap.dedent(text) + use)


def test_a_monte_carlo_layer_of_its_own_is_silent() -> None:
    check("""
    import keras
    from keras import layers
    class MonteCarloDropout(layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(1)(MonteCarloDropout(0.5)(inputs)))
    model.compile("adam", "mse")
    model.fit(x)
    samples = [model.predict(x) for _ in range(100)]
    """, "3")  # fmt: skip


# batchnorm-live-under-frozen-parent


@pytest.mark.parametrize("keras", ["2", "3"])
def test_a_base_whose_layers_are_the_models_own_is_no_frozen_parent(keras: str) -> None:
    check(
        """
        import keras
        base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
        base.trainable = False
        model = keras.Model(base.input, keras.layers.Dense(1)(base.output))
        for layer in base.layers[-30:]:
            layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x)
        """,
        keras,
        "batchnorm-live-under-frozen-parent",
    )


# pinned-training-ignored


@pytest.mark.parametrize(
    "net",
    [
        "keras.layers.Dropout(0.5)",
        "keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])",
    ],
)
def test_monte_carlo_sampling_that_keras_3_switches_off_is_told(net: str) -> None:
    program = f"""
        import keras
        net = {net}
        inputs = keras.Input((4,))
        model = keras.Model(inputs, net(inputs, training=True))  # error: pinned-training-ignored
        samples = [model.predict(x) for _ in range(100)]
        """
    check(program, "3", "pinned-training-ignored")
    check(program.replace("  # error: pinned-training-ignored", ""), "2", "pinned-training-ignored")


@pytest.mark.parametrize(
    "net",
    [
        "keras.Sequential([keras.layers.Dense(8)])",
        "keras.Sequential([keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)])",
    ],
)
def test_a_pinned_model_that_draws_nothing_or_is_pinned_for_its_batchnorm_is_not(net: str) -> None:
    check(
        f"""
        import keras
        net = {net}
        inputs = keras.Input((4,))
        model = keras.Model(inputs, net(inputs, training=True))
        model.predict(x)
        """,
        "3",
        "pinned-training-ignored",
    )


# unfrozen-batchnorm


@pytest.mark.parametrize("keras", ["2", "3"])
def test_a_layer_that_is_made_trainable_was_not_thawed(keras: str) -> None:
    check(
        """
        import keras
        inputs = keras.Input((8,))
        x = keras.layers.BatchNormalization(trainable=True)(keras.layers.Dense(8)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(1)(x))
        model.load_weights("imagenet.h5")
        model.compile("sgd", "mse")
        model.fit(x, y)
        """,
        keras,
        "unfrozen-batchnorm",
    )
