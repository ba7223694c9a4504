"""Which flags a program sets, in Keras 2 and in Keras 3."""

from __future__ import annotations

import pytest

from freezelint.source.selection import Interior
from freezelint.source.timeline import SetTrainable, Trained
from freezelint.source.values import Model, Place
from tests.source.programs import events, lines, model_of, run_of, trains, variants

BASE = """
import keras
from keras import layers
base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
"""
NESTED = BASE + "model = keras.Sequential([base, layers.Dense(1, name='head')])\n"
"""Program whose line numbers start at 6 after this."""


def interior(text: str, keras: str) -> Interior[Place]:
    found = model_of(text, "base", keras).interior
    assert found is not None
    return found


def flags(text: str, keras: str) -> dict[str, bool | None]:
    """What trains in the last training call of a program."""
    return trains(events(run_of(text + "model.compile('adam')\nmodel.fit(x)\n", keras).timeline, Trained)[-1])


def frozen_in_both(text: str) -> bool:
    return all(interior(text, keras).all_are(False) for keras in ("2", "3"))


FREEZES = variants("""
    # flag of the base
    base.trainable = False

    # zero
    base.trainable = 0

    # loop
    for layer in base.layers:
        layer.trainable = False

    # indices
    for i in range(len(base.layers)):
        base.layers[i].trainable = False

    # enumerate
    for i, layer in enumerate(base.layers):
        layer.trainable = False

    # setattr
    setattr(base, "trainable", False)

    # lambda
    freeze = lambda model, value: setattr(model, "trainable", value)
    freeze(base, False)

    # comprehension
    [setattr(layer, "trainable", False) for layer in base.layers]

    # two slices
    for layer in base.layers[:80]:
        layer.trainable = False
    for layer in base.layers[80:]:
        layer.trainable = False

    # reversed
    for layer in reversed(base.layers):
        layer.trainable = False

    # list
    for layer in list(base.layers):
        layer.trainable = False

    # flattened
    for layer in base._flatten_layers():
        layer.trainable = False

    # helper
    def freeze(model):
        for layer in model.layers:
            layer.trainable = False
    freeze(base)
""")
GUARDS = variants("""
    # isinstance
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False

    # both sides
    for layer in base.layers:
        if not isinstance(layer, layers.BatchNormalization):
            layer.trainable = True
        else:
            layer.trainable = False

    # not isinstance
    for layer in base.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)

    # type
    for layer in base.layers:
        if type(layer) == layers.BatchNormalization:
            layer.trainable = False

    # name of the class
    for layer in base.layers:
        if layer.__class__.__name__ == "BatchNormalization":
            layer.trainable = False

    # name of the type
    for layer in base.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.trainable = False

    # text of the type
    for layer in base.layers:
        if "BatchNormalization" in str(type(layer)):
            layer.trainable = False

    # two classes
    for layer in base.layers:
        if isinstance(layer, (layers.LayerNormalization, layers.BatchNormalization)):
            layer.trainable = False

    # picked first
    norms = [layer for layer in base.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in norms:
        layer.trainable = False

    # continue
    for layer in base.layers:
        if not isinstance(layer, layers.BatchNormalization):
            continue
        layer.trainable = False

    # helper
    def freeze(model):
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
    freeze(base)

    # filter
    for layer in filter(lambda item: isinstance(item, layers.BatchNormalization), base.layers):
        layer.trainable = False
""")


@pytest.mark.parametrize("freeze", FREEZES)
def test_a_base_is_frozen_in_many_words(freeze: str) -> None:
    assert frozen_in_both(BASE + freeze)


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("keras", ["2", "3"])
def test_batchnorm_is_guarded_in_many_words(guard: str, keras: str) -> None:
    inner = interior(BASE + "base.trainable = False\nbase.trainable = True\n" + guard, keras)
    assert inner.thawed_batchnorms() == []
    assert inner.any_is(True)


def test_the_inverted_guard_leaves_batchnorm_thawed() -> None:
    inner = interior(
        BASE + "for layer in base.layers:\n    if not isinstance(layer, layers.BatchNormalization):\n"
        "        layer.trainable = False\n",
        "3",
    )
    assert [thaw.count for thaw in inner.thawed_batchnorms()] == [52]


def test_the_statement_that_thaws_is_remembered() -> None:
    inner = interior(NESTED + "base.trainable = False\nbase.trainable = True\n", "3")
    assert [thaw.at and thaw.at.span.start.line for thaw in inner.thawed_batchnorms()] == [7]


def test_freezing_the_first_hundred_after_a_thaw_leaves_the_others() -> None:
    inner = interior(
        BASE
        + "base.trainable = False\nbase.trainable = True\n"
        + "for layer in base.layers[:100]:\n    layer.trainable = False\n",
        "3",
    )
    (thaw,) = inner.thawed_batchnorms()
    assert thaw.count is not None and 0 < thaw.count < 52


# Parents and children


@pytest.mark.parametrize(("keras", "trained"), [("2", False), ("3", True)])
def test_a_thawed_layer_under_a_frozen_parent_trains_in_keras_3_only(keras: str, trained: bool) -> None:
    text = NESTED + "base.trainable = False\nfor layer in base.layers[-20:]:\n    layer.trainable = True\n"
    assert flags(text, keras) == {"base": trained, "head": True}


@pytest.mark.parametrize("keras", ["2", "3"])
def test_a_thawed_layer_in_a_graph_extension_trains_whatever_the_flag_of_the_base(keras: str) -> None:
    text = BASE + (
        "model = keras.Model(base.input, layers.Dense(1, name='head')(base.output))\n"
        "base.trainable = False\nfor layer in base.layers[-20:]:\n    layer.trainable = True\n"
    )
    assert flags(text, keras) == {"base": True, "head": True}


@pytest.mark.parametrize("keras", ["2", "3"])
def test_nothing_trains_in_a_frozen_model(keras: str) -> None:
    text = NESTED + "model.trainable = False\nfor layer in base.layers:\n    layer.trainable = True\n"
    assert flags(text, keras) == {"base": False, "head": False}


@pytest.mark.parametrize("keras", ["2", "3"])
def test_freezing_a_model_freezes_what_is_in_it(keras: str) -> None:
    assert interior(NESTED + "model.trainable = False\n", keras).all_are(False)


@pytest.mark.parametrize(("keras", "thawed"), [("2", True), ("3", False)])
def test_saying_true_again_reaches_the_children_in_keras_2_only(keras: str, thawed: bool) -> None:
    text = NESTED + "for layer in base.layers:\n    layer.trainable = False\nbase.trainable = True\n"
    assert interior(text, keras).any_is(True) is thawed
    assert [event.propagated for event in events(run_of(text, keras).timeline, SetTrainable)][-1] is thawed


@pytest.mark.parametrize("keras", ["2", "3"])
def test_false_and_true_thaws_everything(keras: str) -> None:
    text = (
        NESTED
        + "for layer in base.layers:\n    layer.trainable = False\nbase.trainable = False\nbase.trainable = True\n"
    )
    assert interior(text, keras).all_are(True)


def test_a_wrapper_passes_its_flag_on() -> None:
    text = BASE + "wrapper = layers.TimeDistributed(base)\nwrapper.trainable = False\n"
    assert interior(text, "3").all_are(False)


def test_a_flag_that_is_not_known_is_not_known() -> None:
    inner = interior(BASE + "import config\nbase.trainable = config.train_base\n", "3")
    assert not inner.all_are(True)
    assert not inner.all_are(False)


def test_changes_are_told_from_repetitions() -> None:
    text = NESTED + "base.trainable = False\nbase.trainable = False\nbase.trainable = True\n"
    assert [bool(event.changed) for event in events(run_of(text, "3").timeline, SetTrainable)] == [True, False, True]


def test_every_assignment_is_an_event_at_its_line() -> None:
    text = NESTED + "base.trainable = False\nfor layer in base.layers[-5:]:\n    layer.trainable = True\n"
    assert lines(events(run_of(text, "3").timeline, SetTrainable)) == [6, 8]


def test_pieces_of_a_known_model_have_flags_of_their_own() -> None:
    text = """
import keras
from keras import layers
model = keras.Sequential([
    layers.Dense(4, name="one"), layers.BatchNormalization(name="two"), layers.Dense(1, name="three")
])
for layer in model.layers[:-1]:
    layer.trainable = False
"""
    assert flags(text, "3") == {"one": False, "two": False, "three": True}


def test_a_layer_by_name_and_by_index() -> None:
    text = """
import keras
from keras import layers
model = keras.Sequential([layers.Dense(4, name="one"), layers.Dense(4, name="two"), layers.Dense(1, name="three")])
model.get_layer("two").trainable = False
model.layers[0].trainable = False
model.get_layer(index=2).trainable = True
"""
    assert flags(text, "3") == {"one": False, "two": False, "three": True}


def test_layers_without_weights_do_not_train() -> None:
    text = "import keras\nmodel = keras.Sequential([keras.layers.Dropout(0.1, name='drop')])\n"
    assert flags(text, "3") == {"drop": False}


def test_the_layers_of_a_loaded_model_may_train() -> None:
    text = "import keras\nmodel = keras.models.load_model('a.keras')\n"
    assert flags(text, "3") == {"model": None}


def test_a_model_in_a_model_in_a_model() -> None:
    text = BASE + (
        "encoder = keras.Sequential([base])\nmodel = keras.Sequential([encoder, layers.Dense(1, name='head')])\n"
        "encoder.trainable = False\n"
    )
    assert flags(text, "2") == flags(text, "3") == {"base": False, "head": True}


def test_a_model_can_be_told_from_its_flag() -> None:
    assert isinstance(model_of(NESTED, "model"), Model)
    assert model_of(NESTED + "model.trainable = False\n", "model").flag.value is False


# Layers made in loops


def deep(rounds: str, cut: str) -> str:
    """A program that stacks layers in a loop, and freezes some of them by their number."""
    return f"""
import keras
from keras import layers
x = inputs = keras.Input((8,))
for i in {rounds}:
    x = layers.Dense(8, name=f"dense_{{i}}")(x)
model = keras.Model(inputs, layers.Dense(1, name="head")(x))
for layer in model.layers[{cut}]:
    layer.trainable = False
"""


@pytest.mark.parametrize("cut", [":10", ":31", ":-1", "1:12"])
def test_the_layers_of_a_loop_are_counted_one_by_one(cut: str) -> None:
    first, last = slice(*(int(part) if part else None for part in cut.split(":"))).indices(32)[:2]
    run = run_of(deep("range(30)", cut) + "model.compile('adam')\nmodel.fit(x)\n")
    found = [leaf.trains for leaf in events(run.timeline, Trained)[-1].state.weighted]
    assert found == [not first <= number < last for number in range(1, 32)]


@pytest.mark.parametrize("cut", [":20", ":590", "5:"])
def test_where_a_loop_of_unknown_length_is_cut_is_not_known(cut: str) -> None:
    assert flags(deep("range(depth)", cut), "3")["head"] is not True
    assert flags(deep("range(depth)", ":20"), "3")["head"] is None


@pytest.mark.parametrize(
    "list_of_them",
    [
        "list(filter(lambda layer: layer.name != 'x', model.layers[:20]))",
        "[layer for layer in model.layers[:20]]",
        "model.layers[:20] + model.layers[:1]",
        "list(reversed(model.layers[:20]))",
    ],
)
def test_what_is_not_known_to_be_in_a_slice_is_not_in_a_list_made_of_it_either(list_of_them: str) -> None:
    program = deep("range(depth)", ":20").replace("model.layers[:20]", list_of_them)
    assert flags(program, "3")["head"] is None


def test_what_lies_before_and_behind_a_loop_of_unknown_length_is_counted_from_its_side() -> None:
    assert flags(deep("range(depth)", ":-1"), "3")["head"] is True
    assert flags(deep("range(depth)", "-1:"), "3")["head"] is False
    assert flags(deep("range(depth)", ":1"), "3")["head"] is True


def test_all_the_layers_of_a_loop_of_unknown_length_are_frozen_with_the_list() -> None:
    assert not any(flags(deep("range(depth)", ":"), "3").values())
    assert flags(deep("names", ":"), "3")["head"] is False


def test_a_layer_by_number_behind_a_loop_of_unknown_length_is_any() -> None:
    program = deep("range(depth)", ":0").replace("for layer in model.layers[:0]:\n    layer", "model.layers[2]")
    assert flags(program, "3")["head"] is True
