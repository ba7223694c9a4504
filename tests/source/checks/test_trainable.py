"""Flags that come too late, do nothing, or freeze what should not be frozen, as people write them."""

from __future__ import annotations

import pytest

from freezelint.finding import Applicability, Confidence, Severity
from tests.source.programs import check, findings, variants

BASE = """
import keras
from keras import layers
base = keras.applications.VGG16(include_top=False, pooling="avg")
model = keras.Sequential([base, layers.Dense(1)])
"""
COMPILE = "model.compile('adam', 'mse')\n"
FIT = "model.fit(x)\n"
LATE = "  # error: trainable-after-compile"
BOTH = pytest.mark.parametrize("keras", ["2", "3", "any"])


# trainable-after-compile


@BOTH
@pytest.mark.parametrize(
    "change",
    variants("""
    # base
    base.trainable = True  # error: trainable-after-compile

    # helper
    def unfreeze(part):
        part.trainable = True  # error: trainable-after-compile
    unfreeze(base)

    # get_layer
    model.get_layer("vgg16").trainable = True  # error: trainable-after-compile

    # index
    model.layers[0].trainable = True  # error: trainable-after-compile

    # setattr
    setattr(base, "trainable", True)  # error: trainable-after-compile

    # part frozen again
    base.trainable = True  # error: trainable-after-compile
    for layer in base.layers[:10]:
        layer.trainable = False

    # all but one block frozen again
    base.trainable = True  # error: trainable-after-compile
    for layer in base.layers:
        if "block5" not in layer.name:
            layer.trainable = False
    """),
)
def test_a_thaw_without_compile_is_told(change: str, keras: str) -> None:
    check(BASE + "base.trainable = False\n" + COMPILE + FIT + change + FIT, keras)


@BOTH
@pytest.mark.parametrize("epochs", ["range(20)", "range(epochs)", "range(5, 50)"])
def test_a_thaw_in_a_later_round_of_the_training_loop_is_told(epochs: str, keras: str) -> None:
    loop = f"""
for epoch in {epochs}:
    if epoch == 10:
        base.trainable = True{LATE}
    model.fit(x, epochs=1)
"""
    check(BASE + "base.trainable = False\n" + COMPILE + loop, keras)


@BOTH
@pytest.mark.parametrize("first", ["", FIT])
def test_a_thaw_in_a_function_that_nobody_is_seen_to_call_is_told(first: str, keras: str) -> None:
    function = """
def fine_tune():
    base.trainable = True{mark}
    model.fit(x)
"""
    late = keras != "3" or first
    program = BASE + "base.trainable = False\n" + COMPILE + first + function.format(mark=LATE if late else "")
    check(program, keras, "trainable-after-compile")


@BOTH
def test_a_loaded_model_that_has_trained_is_no_exception(keras: str) -> None:
    program = """
        import keras
        model = keras.models.load_model("m.keras")
        {first}
        model.trainable = False{mark}
        {then}
        model.fit(x)
        """
    check(program.format(first="model.fit(x)", mark=LATE, then=""), keras, "trainable-after-compile")
    for first, then in (("model.predict(x)", ""), ("model.fit(x)", "model.compile('adam', 'mse')")):
        check(program.format(first=first, mark="", then=then), keras, "trainable-after-compile")


def test_a_thaw_before_the_first_round_is_honoured_in_keras_3() -> None:
    loop = """
for epoch in range(20):
    if epoch == 0:
        base.trainable = True
    model.fit(x, epochs=1)
"""
    check(BASE + "base.trainable = False\n" + COMPILE + loop, "3")


@BOTH
@pytest.mark.parametrize(
    "change",
    variants("""
    # slice
    for layer in base.layers[-4:]:
        layer.trainable = True  # error: trainable-after-compile

    # name
    for layer in base.layers:
        if layer.name.startswith("block5"):
            layer.trainable = True  # error: trainable-after-compile

    # through the outer model
    for layer in model.layers[0].layers:
        layer.trainable = True  # error: trainable-after-compile

    # get_layer
    base.get_layer("block5_conv3").trainable = True  # error: trainable-after-compile
    """),
)
def test_layers_thawed_one_by_one_without_compile_are_told(change: str, keras: str) -> None:
    frozen = "for layer in base.layers:\n    layer.trainable = False\n"
    check(BASE + frozen + COMPILE + FIT + change + FIT, keras)


@BOTH
def test_a_freeze_without_compile_is_told(keras: str) -> None:
    check(BASE + COMPILE + FIT + f"base.trainable = False{LATE}\n" + FIT, keras)


@pytest.mark.parametrize(("keras", "mark"), [("2", LATE), ("3", "")])
def test_a_freeze_between_compile_and_the_first_fit_is_late_in_keras_2_only(keras: str, mark: str) -> None:
    check(BASE + COMPILE + f"base.trainable = False{mark}\n" + FIT, keras)
    check(BASE + COMPILE + f"for layer in base.layers:\n    layer.trainable = False{mark}\n" + FIT, keras)


@BOTH
@pytest.mark.parametrize(
    "between",
    [
        "base.trainable = True\n" + COMPILE,
        "base.trainable = False\n",
        "base.trainable = True\nbase.trainable = False\n",
        "base.trainable = True\nmodel.evaluate(x)\nbase.trainable = False\n",
        "base.load_weights('best.h5')\n",
        "base.trainable = True\nmodel = keras.Sequential([base, layers.Dense(2)])\n" + COMPILE,
        "from tools import recompile\nbase.trainable = True\nrecompile(model)\n",
        "layers.Dense(3).trainable = False\n",
        "other = keras.applications.VGG16()\nother.trainable = False\n",
        "def prepare(m, value):\n    base.trainable = value\n    m.compile('adam')\nprepare(model, True)\n",
    ],
)
def test_what_is_compiled_again_or_changes_nothing_is_silent(between: str, keras: str) -> None:
    check(BASE + "base.trainable = False\n" + COMPILE + FIT + between + FIT, keras)


@BOTH
def test_a_change_after_the_last_training_is_silent(keras: str) -> None:
    check(
        BASE + COMPILE + FIT + "base.trainable = False\nmodel.evaluate(x)\nmodel.predict(x)\nmodel.save('a')\n", keras
    )


@BOTH
def test_a_change_in_a_training_loop_counts_from_the_next_step(keras: str) -> None:
    check(
        BASE
        + "base.trainable = False\n"
        + COMPILE
        + "for step, batch in enumerate(data):\n    model.train_on_batch(batch)\n    if step == 100:\n"
        + f"        base.trainable = True{LATE}\n",
        keras,
    )


@BOTH
def test_a_trainer_whose_method_compiles_is_silent(keras: str) -> None:
    check("""
    import keras
    class Trainer:
        def __init__(self):
            self.base = keras.applications.VGG16(include_top=False)
            self.base.trainable = False
            self.model = keras.Sequential([self.base, keras.layers.Dense(1)])
            self.compile(1e-3)
        def compile(self, rate):
            self.model.compile(keras.optimizers.Adam(rate))
        def fit(self, x):
            self.model.fit(x)
        def fine_tune(self, x):
            self.base.trainable = True
            self.compile(1e-5)
            self.fit(x)
    trainer = Trainer()
    trainer.fit(x)
    trainer.fine_tune(x)
    """, keras)  # fmt: skip


@BOTH
def test_a_trainer_whose_method_does_not_compile_is_told(keras: str) -> None:
    check("""
    import keras
    class Trainer:
        def __init__(self):
            self.base = keras.applications.VGG16(include_top=False)
            self.base.trainable = False
            self.model = keras.Sequential([self.base, keras.layers.Dense(1)])
            self.model.compile("adam")
        def fit(self, x):
            self.model.fit(x)
            return self
        def unfreeze(self):
            self.base.trainable = True  # error: trainable-after-compile
            return self
    Trainer().fit(x).unfreeze().fit(x)
    """, keras)  # fmt: skip


@BOTH
def test_a_gan_with_a_flag_before_every_step_is_silent(keras: str) -> None:
    check("""
    import keras
    from keras import layers
    critic = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    critic.compile("adam", "mse")
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
    noise = keras.Input((4,))
    critic.trainable = False
    gan = keras.Model(noise, critic(generator(noise)))
    gan.compile("adam", "mse")
    for step in range(1000):
        critic.trainable = True
        critic.train_on_batch(a, b)
        critic.trainable = False
        gan.train_on_batch(c, d)
    """, keras)  # fmt: skip


def test_a_gan_that_freezes_the_discriminator_after_its_compile_is_right_in_keras_2() -> None:
    check("""
    import keras
    from keras import layers
    critic = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    critic.compile("adam", "mse")
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
    critic.trainable = False
    gan = keras.Sequential([generator, critic])
    gan.compile("adam", "mse")
    for step in range(1000):
        critic.train_on_batch(a, b)
        gan.train_on_batch(c, d)
    """, "2")  # fmt: skip


def test_another_model_that_trains_the_layers_is_compiled() -> None:
    check("""
    import keras
    from keras import layers
    body = keras.applications.VGG16(include_top=False)
    model = keras.Model(body.input, layers.Dense(3)(body.output))
    model.compile("adam", "mse")
    model.fit(x)
    body.trainable = False
    other = keras.Model(body.input, layers.Dense(5)(body.output))
    other.compile("adam", "mse")
    other.fit(x)
    """)


def test_its_story_is_told_in_order() -> None:
    text = BASE + "base.trainable = False\n" + COMPILE + FIT + "base.trainable = True\n" + FIT
    (finding,) = findings(text, "2")
    assert [step.message for step in finding.related] == ["compiled here", "trained here with the old flags"]
    assert "Keras 2 reads the flags in `compile`" in finding.message
    (finding,) = findings(text, "3")
    assert [step.message for step in finding.related] == [
        "compiled here",
        "first trained here",
        "trained here with the old flags",
    ]
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)


def test_a_thaw_that_comes_too_late_is_one_mistake_not_two() -> None:
    text = BASE.replace("VGG16", "MobileNetV2")
    check(text + "base.trainable = False\n" + COMPILE + FIT + f"base.trainable = True{LATE}\n" + FIT)


def test_a_fragment_of_a_notebook_is_likely() -> None:
    text = """
    from tensorflow import keras
    base_model.trainable = False
    model = keras.Sequential([base_model, keras.layers.Dense(1)])
    model.compile("adam")
    model.fit(x)
    base_model.trainable = True  # error: trainable-after-compile
    model.fit(x)
    """
    check(text)
    assert findings(text)[0].confidence is Confidence.LIKELY


# unfreeze-under-frozen-parent

FREEZE = "base.trainable = False\n"
GATED = "  # error: unfreeze-under-frozen-parent"


@pytest.mark.parametrize(
    "thaw",
    variants("""
    # slice
    for layer in base.layers[-4:]:
        layer.trainable = True  # error: unfreeze-under-frozen-parent

    # name
    for layer in base.layers:
        if layer.name.startswith("block5"):
            layer.trainable = True  # error: unfreeze-under-frozen-parent

    # all
    for layer in base.layers:
        layer.trainable = True  # error: unfreeze-under-frozen-parent

    # index
    base.layers[-3].trainable = True  # error: unfreeze-under-frozen-parent

    # get_layer
    base.get_layer("block5_conv3").trainable = True  # error: unfreeze-under-frozen-parent

    # indices
    for i in range(15, 19):
        base.layers[i].trainable = True  # error: unfreeze-under-frozen-parent
    """),
)
def test_layers_thawed_in_a_frozen_base_do_not_train_in_keras_2(thaw: str) -> None:
    check(BASE + FREEZE + thaw + COMPILE + FIT, "2")
    check(BASE + FREEZE + thaw.replace(GATED, "") + COMPILE + FIT, "3")


@BOTH
def test_nothing_trains_in_a_model_that_is_frozen_itself(keras: str) -> None:
    text = """
    import keras
    model = keras.applications.VGG16()
    model.trainable = False
    for layer in model.layers[-3:]:
        layer.trainable = True  # error: unfreeze-under-frozen-parent
    model.compile("adam")
    model.fit(x)
    """
    check(text, keras, "unfreeze-under-frozen-parent")
    assert {one.severity for one in findings(text, keras)} == {Severity.ERROR}


def test_a_loaded_model_that_is_frozen_and_thawed_inside() -> None:
    check("""
    from tensorflow import keras
    model = keras.models.load_model("detector.h5")
    model.trainable = False
    seen = False
    for layer in model.layers:
        if layer.name == "dense_1":
            seen = True
        layer.trainable = seen  # error: unfreeze-under-frozen-parent
    model.compile("adam")
    model.fit(x)
    """)


@BOTH
@pytest.mark.parametrize(
    "thaw",
    [
        "base.trainable = True\nfor layer in base.layers[:-4]:\n    layer.trainable = False\n",
        "for layer in base.layers[:-4]:\n    layer.trainable = False\n",
        "for layer in base.layers[-4:]:\n    layer.trainable = True\nbase.trainable = False\n",
    ],
)
def test_a_base_that_is_thawed_itself_is_silent(thaw: str, keras: str) -> None:
    check(BASE + (FREEZE if "[-4:]" not in thaw else "") + thaw + COMPILE + FIT, keras)


def test_thawing_the_model_around_a_frozen_base_does_nothing_in_keras_3() -> None:
    check(BASE + FREEZE + "model.trainable = True\n" + COMPILE + FIT, "2")
    check(BASE + FREEZE + "model.trainable = True  # error: reassignment-without-effect\n" + COMPILE + FIT, "3")


@BOTH
def test_layers_of_a_frozen_base_train_in_a_graph_extension(keras: str) -> None:
    check(
        BASE.replace(
            "keras.Sequential([base, layers.Dense(1)])", "keras.Model(base.input, layers.Dense(1)(base.output))"
        )
        + FREEZE
        + "for layer in base.layers[-4:]:\n    layer.trainable = True\n"
        + COMPILE
        + FIT,
        keras,
    )


def test_the_frozen_parent_is_named_and_placed() -> None:
    (finding,) = findings(
        BASE + FREEZE + "for layer in base.layers[-4:]:\n    layer.trainable = True\n" + COMPILE + FIT, "2"
    )
    assert "Set `base.trainable = True` first" in finding.message
    assert [step.message for step in finding.related] == ["frozen here", "trained here"]


# trainable-typo


@pytest.mark.parametrize(
    "name",
    [
        "trainble",
        "trianable",
        "tranable",
        "trainabe",
        "trainabel",
        "Trainable",
        "trainables",
        "is_trainable",
        "_trainble",
    ],
)
def test_a_letter_too_few_or_too_many_is_a_typo(name: str) -> None:
    check(BASE + f"base.{name} = False  # error: trainable-typo\n")


def test_a_typo_in_a_loop_is_told_once() -> None:
    check(BASE + "for layer in base.layers:\n    layer.trainble = False  # error: trainable-typo\n")


def test_a_typo_is_mended_by_a_safe_edit() -> None:
    (finding,) = findings("import keras\nbase = keras.applications.VGG16()\nbase.trianable = False\n")
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    assert (finding.fix.applicability, edit.text) == (Applicability.SAFE, "trainable")
    assert (edit.span.start.line, edit.span.start.column, edit.span.end.column) == (3, 6, 15)


@pytest.mark.parametrize(
    "line",
    [
        "base.trainable = False",
        "base._trainable = False",
        "base.trained = True",
        "base.training = False",
        "base.tunable = True",
        "base.table = 3",
        "settings.trainble = False",
        "class Settings:\n    trainble = True\nSettings().trainble = False",
        "import torch_like\nnet = torch_like.Net()\nnet.trainble = False",
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.trainble = True\n"
        "net = Net()\nnet.trainble = False",
        "print(base.trainble)",
        "trainble = False",
        "parameters['trainble'] = False",
    ],
)
def test_what_is_no_typo_or_on_no_layer_is_silent(line: str) -> None:
    check(BASE + line + "\nmodel.trainable = True\n", rule="trainable-typo")


# random-base-frozen

RANDOM = "  # error: random-base-frozen"


def random_base(mark: str = RANDOM, before: str = "") -> str:
    return f"""
import keras
from keras import layers
base = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg"){mark}
{before}
base.trainable = False
model = keras.Sequential([base, layers.Dense(1)])
model.compile("adam", "mse")
"""


@BOTH
def test_a_frozen_base_with_random_weights_is_told_where_it_is_made(keras: str) -> None:
    check(random_base() + FIT, keras)


@BOTH
def test_it_is_told_for_a_base_frozen_layer_by_layer(keras: str) -> None:
    check(
        random_base().replace("base.trainable = False", "for layer in base.layers:\n    layer.trainable = False") + FIT,
        keras,
    )


@BOTH
@pytest.mark.parametrize(
    "before",
    [
        "base.load_weights('weights.h5')",
        "base.set_weights(other.get_weights())",
        "from tools import restore\nrestore(base)",
        "for layer, source in zip(base.layers, other.layers):\n    layer.set_weights(source.get_weights())",
    ],
)
def test_a_base_that_is_given_weights_is_silent(before: str, keras: str) -> None:
    check(random_base("", before) + FIT, keras)


@BOTH
def test_weights_loaded_into_the_whole_model_count(keras: str) -> None:
    check(random_base("") + "model.load_weights('all.h5')\n" + FIT, keras)


@BOTH
def test_a_base_that_was_trained_before_it_was_frozen_is_silent(keras: str) -> None:
    check("""
    import keras
    base = keras.applications.MobileNetV2(weights=None, classes=10)
    base.compile("adam", "mse")
    base.fit(x)
    base.trainable = False
    model = keras.Sequential([base, keras.layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(y)
    """, keras, "random-base-frozen")  # fmt: skip


@pytest.mark.parametrize(
    "weights", ["'imagenet'", "path", "'own.h5'", "args.weights", "'imagenet' if pretrained else None"]
)
def test_weights_that_are_or_may_be_there_are_silent(weights: str) -> None:
    check(random_base("").replace("weights=None", f"weights={weights}") + FIT, rule="random-base-frozen")


@BOTH
def test_a_random_base_that_is_only_used_to_predict_is_silent(keras: str) -> None:
    check(random_base("").replace('model.compile("adam", "mse")', "") + "model.predict(x)\n", keras)


def test_a_random_base_of_which_a_part_is_frozen_is_silent() -> None:
    check(
        random_base("").replace("base.trainable = False", "for l in base.layers[:10]:\n    l.trainable = False") + FIT,
        "2",
    )
