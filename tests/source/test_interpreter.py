"""What happens in a program, in order, along its paths."""

from __future__ import annotations

import pytest

from freezelint.source.interpreter import MAX_STEPS, OutOfBudget
from freezelint.source.timeline import AttributeSet, Called, Compiled, Predicted, SetTrainable, Trained
from freezelint.source.values import Model
from tests.source.programs import events, lines, run_of, runs, stories, story, trains

BASE = """
import keras
from keras import layers
base = keras.applications.VGG16(include_top=False, pooling="avg")
model = keras.Sequential([base, layers.Dense(1, name="head")])
"""
TWO_PHASES = ["freeze base", "compile model", "fit model", "thaw base", "compile model", "fit model"]


# Order


def test_two_phases_one_after_the_other() -> None:
    assert (
        story(
            BASE
            + """
base.trainable = False
model.compile("adam")
model.fit(x)
base.trainable = True
model.compile("adam")
model.fit(x)
"""
        )
        == TWO_PHASES
    )


def test_every_event_stands_at_its_line() -> None:
    run = run_of(
        "import keras\nmodel = keras.Sequential([keras.layers.Dense(1)])\nmodel.compile(\n    'adam')\n\nmodel.fit(x)\n"
    )
    assert lines(events(run.timeline, Compiled)) == [3]
    assert lines(events(run.timeline, Trained)) == [6]


def test_chained_and_nested_calls_run_from_the_inside() -> None:
    assert (
        story(
            BASE
            + """
def compiled(model):
    model.compile("adam")
    return model
compiled(model).fit(x)
history = compiled(model).fit(x).history["loss"]
"""
        )
        == ["compile model", "fit model"] * 2
    )


@pytest.mark.parametrize("call", ["fit(x)", "fit_generator(x)", "train_on_batch(x, y)"])
def test_ways_to_train(call: str) -> None:
    assert story(BASE + f"model.compile('adam')\nmodel.{call}\n") == [
        "compile model",
        f"{call.partition('(')[0]} model",
    ]


@pytest.mark.parametrize("call", ["predict(x)", "evaluate(x)", "predict_on_batch(x)", "test_on_batch(x)"])
def test_ways_to_predict(call: str) -> None:
    assert len(events(run_of(BASE + f"model.{call}\n").timeline, Predicted)) == 1


def test_a_model_that_is_compiled_and_never_trained_here_is_trained_elsewhere() -> None:
    assert story(BASE + "model.compile('adam')\n") == ["compile model", "fit model (implied)"]


def test_loading_weights_is_an_event() -> None:
    assert story(BASE + "base.load_weights('a.h5')\n") == ["load base"]


def test_a_call_says_how_it_was_made() -> None:
    run = run_of("""
import keras
layer = keras.layers.Dropout(0.1)
inputs = keras.Input((4,))
layer(inputs, training=True)
layer(x)
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = layer
    def call(self, inputs, training=None):
        return self.drop(inputs, training=training)
net = Net()
net(inputs)
""")
    called = [event for event in events(run.timeline, Called) if event.layer.known_as == "layer"]
    assert [event.where for event in called] == ["graph", "eager", "call"]
    assert [event.wired.pinned for event in called if event.wired] == [True, None, None]


# Functions


def test_a_function_that_returns_a_model() -> None:
    assert (
        story("""
import keras
def build(classes):
    backbone = keras.applications.VGG16(include_top=False, pooling="avg")
    backbone.trainable = False
    net = keras.Sequential([backbone, keras.layers.Dense(classes)])
    return net, backbone
model, base = build(10)
model.compile("adam")
model.fit(x)
base.trainable = True
model.compile("adam")
model.fit(x)
""")
        == TWO_PHASES
    )


def test_a_helper_that_freezes_compiles_and_trains() -> None:
    assert (
        story(
            BASE
            + """
def set_base(model, trainable):
    model.layers[0].trainable = trainable
def run(model, trainable, rate=1e-3):
    set_base(model, trainable)
    model.compile(keras.optimizers.Adam(rate))
    return model.fit(x)
run(model, False)
run(model, trainable=True, rate=1e-5)
"""
        )
        == TWO_PHASES
    )


def test_star_arguments_defaults_and_keywords() -> None:
    assert (
        story(
            BASE
            + """
def phase(net, *parts, trainable=False, **options):
    for part in parts:
        part.trainable = trainable
    net.compile(**options)
    net.fit(x)
phase(model, base, optimizer="adam")
settings = {"trainable": True, "optimizer": "sgd"}
phase(model, *[base], **settings)
"""
        )
        == TWO_PHASES
    )


def test_a_closure_and_a_partial_and_a_lambda() -> None:
    assert (
        story(
            BASE
            + """
from functools import partial
def phases(model):
    def phase(value):
        base.trainable = value
        model.compile("adam")
        model.fit(x)
    return phase
run = phases(model)
run(False)
again = lambda: run(True)
again()
"""
        )
        == TWO_PHASES
    )


def test_a_global_is_assigned_by_a_function() -> None:
    assert story("""
import keras
base = None
def setup():
    global base
    base = keras.applications.VGG16()
setup()
base.trainable = False
""") == ["freeze base"]


def test_a_decorated_function_runs() -> None:
    assert story(
        BASE
        + """
@timed
def train():
    model.compile("adam")
    model.fit(x)
train()
"""
    ) == ["compile model", "fit model"]


def test_main_runs_behind_its_guard() -> None:
    assert story(
        BASE
        + """
def main():
    base.trainable = False
if __name__ == "__main__":
    main()
"""
    ) == ["freeze base"]


def test_a_function_may_be_used_before_its_definition_in_the_text() -> None:
    assert story(
        BASE
        + """
def main():
    freeze()
def freeze():
    base.trainable = False
main()
"""
    ) == ["freeze base"]


def test_recursion_ends() -> None:
    assert story(
        BASE
        + """
def freeze(model, depth=0):
    model.trainable = False
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            freeze(layer, depth + 1)
freeze(model)
"""
    ) == ["freeze model", "freeze base"]


@pytest.mark.parametrize(
    "text",
    [
        "def f(n):\n    return f(n + 1)\nf(0)\n",
        "def f():\n    g()\ndef g():\n    f()\nf()\n",
        "f = lambda x: x(x)\nf(f)\n",
        "class A:\n    def __init__(self):\n        self.next = A()\nA()\n",
        "class A:\n    @property\n    def x(self):\n        return self.x\nA().x\n",
        "class A(A):\n    pass\nA()\n",
        "a = []\na.append(a)\nfor x in a:\n    x.append(a)\n",
        "def f():\n    yield from f()\nlist(f())\n",
        "x = {}\nx['x'] = x\nx['x']['x'].trainable = False\n",
        "while True:\n    pass\n",
        "import program\nprogram.x()\n",
        "from program import *\n",
    ],
)
def test_a_program_without_end_ends(text: str) -> None:
    assert runs("import keras\n" + text)


def test_a_program_of_many_steps_is_given_up() -> None:
    loops = (
        "".join("    " * level + f"for x{level} in (1, 2, 3, 4, 5, 6, 7, 8):\n" for level in range(8))
        + "    " * 8
        + "f()\n"
    )
    with pytest.raises(OutOfBudget):
        run_of("def f():\n    pass\n" + loops)
    assert MAX_STEPS <= 20_000


# Classes


def test_a_class_keeps_its_model() -> None:
    assert story("""
import keras
class Trainer:
    def __init__(self, classes):
        self.base = keras.applications.VGG16(include_top=False, pooling="avg")
        self.base.trainable = False
        self.model = keras.Sequential([self.base, keras.layers.Dense(classes)])
    def compile(self, rate=1e-3):
        self.model.compile(keras.optimizers.Adam(rate))
    def run(self):
        self.compile()
        self.model.fit(x)
        return self
    def unfreeze(self):
        self.base.trainable = True
        return self
Trainer(3).run().unfreeze().run()
""") == [
        "freeze self.base", "compile self.model", "fit self.model",
        "thaw self.base", "compile self.model", "fit self.model",
    ]  # fmt: skip


def test_a_class_inherits_and_calls_its_parent() -> None:
    assert story("""
import keras
class Base:
    rate = 1e-3
    def __init__(self, trainable):
        self.net = keras.applications.VGG16()
        self.net.trainable = trainable
    def train(self):
        self.net.compile("adam")
        self.net.fit(x)
class Tuned(Base):
    def __init__(self):
        super().__init__(False)
    def train(self):
        self.net.trainable = True
        super().train()
Tuned().train()
""") == ["freeze self.net", "thaw self.net", "compile self.net", "fit self.net"]


def test_static_class_and_property_methods() -> None:
    assert story("""
import keras
class Zoo:
    def __init__(self, net):
        self._net = net
    @staticmethod
    def freeze(net):
        net.trainable = False
    @classmethod
    def make(cls):
        return cls(keras.applications.VGG16(name="vgg"))
    @property
    def net(self):
        return self._net
zoo = Zoo.make()
Zoo.freeze(zoo.net)
zoo.net.trainable = True
""") == ["freeze self._net", "thaw self._net"]


def test_a_dataclass_that_is_called() -> None:
    assert story(
        BASE
        + """
class Phase:
    def __init__(self, trainable):
        self.trainable = trainable
    def __call__(self, part):
        part.trainable = self.trainable
Phase(False)(base)
"""
    ) == ["freeze base"]


def test_a_subclassed_model_has_its_attributes_as_parts() -> None:
    run = run_of("""
import keras
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.base = keras.applications.VGG16()
        self.blocks = [keras.layers.Dense(4, name="one"), keras.layers.Dense(4, name="two")]
    def call(self, x, training=None):
        return self.blocks[1](self.blocks[0](self.base(x)))
net = Net()
net.base.trainable = False
net.compile("adam")
net.fit(x)
""")
    (trained,) = events(run.timeline, Trained)
    assert trains(trained) == {"self.base": False, "one": True, "two": True}


def test_a_subclass_of_sequential_and_of_a_layer() -> None:
    run = run_of("""
import keras
class Net(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(1, name="only")])
class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, name="inner")
    def call(self, x):
        return self.dense(x)
model = keras.Sequential([Net(), Block()])
model.compile("adam")
model.fit(x)
""")
    (trained,) = events(run.timeline, Trained)
    assert trains(trained) == {"only": True, "inner": True}


def test_an_attribute_that_a_class_declares_is_its_own() -> None:
    run = run_of("""
import keras
class Net(keras.Model):
    pass
net = Net()
net.trainble = False
layer = keras.layers.Dense(1)
layer.trainble = False
""")
    assert [event.declared for event in events(run.timeline, AttributeSet)] == [True, False]


# Branches


def test_both_sides_of_an_unknown_condition_are_walked() -> None:
    assert stories(
        BASE + "import sys\nif sys.argv[1]:\n    base.trainable = False\nelse:\n    model.trainable = False\n"
    ) == {
        ("freeze base",),
        ("freeze model",),
    }


def test_the_same_condition_twice_is_one_case() -> None:
    text = (
        BASE
        + """
from config import args
if args.freeze:
    base.trainable = False
model.compile("adam")
if args.freeze:
    base.trainable = True
model.fit(x)
"""
    )
    assert stories(text) == {
        ("freeze base", "compile model", "thaw base", "fit model"),
        ("compile model", "fit model"),
    }


def test_a_condition_and_its_opposite_are_one_case() -> None:
    text = (
        BASE
        + """
from config import args
if args.freeze:
    base.trainable = False
if not args.freeze:
    base.trainable = True
"""
    )
    assert stories(text) == {("freeze base",), ("thaw base",)}


def test_a_phase_is_one_of_its_values() -> None:
    text = (
        BASE
        + """
import argparse
args = argparse.ArgumentParser().parse_args()
if args.phase == "head":
    base.trainable = False
elif args.phase == "all":
    base.trainable = True
model.compile("adam")
if args.phase == "head":
    model.fit(x)
"""
    )
    assert stories(text) == {
        ("freeze base", "compile model", "fit model"),
        ("thaw base", "compile model", "fit model (implied)"),
        ("compile model", "fit model (implied)"),
    }


def test_a_known_condition_is_no_branch() -> None:
    text = BASE + "FINE_TUNE = False\nif FINE_TUNE:\n    base.trainable = True\nelse:\n    base.trainable = False\n"
    assert story(text) == ["freeze base"]


def test_a_condition_that_does_not_matter_is_no_path() -> None:
    text = BASE + "import sys\nif sys.argv[1] == 'v':\n    print('hello')\nbase.trainable = False\n"
    assert story(text) == ["freeze base"]


def test_a_path_that_gives_up_is_left_out() -> None:
    text = (
        BASE
        + """
import sys, os
if not os.path.exists("data"):
    sys.exit("no data")
if len(sys.argv) < 2:
    raise SystemExit(1)
base.trainable = False
"""
    )
    assert story(text) == ["freeze base"]


def test_an_early_return_is_a_path_of_its_own() -> None:
    text = (
        BASE
        + """
def train(resume):
    model.compile("adam")
    if resume:
        return
    model.fit(x)
import os
train(os.path.exists("checkpoint"))
"""
    )
    assert stories(text) == {("compile model", "fit model (implied)"), ("compile model", "fit model")}


def test_a_choice_of_backbone_is_a_path_for_each() -> None:
    found = runs("""
import keras, sys
name = sys.argv[1]
base = keras.applications.VGG16() if name == "vgg" else keras.applications.MobileNetV2()
base.trainable = False
""")
    frozen = [event.target for run in found for event in events(run.timeline, SetTrainable)]
    assert {target.title for target in frozen if isinstance(target, Model)} == {"VGG16", "MobileNetV2"}


def test_match_is_a_branch() -> None:
    text = (
        BASE
        + """
from config import phase
match phase:
    case "head":
        base.trainable = False
    case "all":
        base.trainable = True
    case _:
        raise ValueError(phase)
"""
    )
    assert {("freeze base",), ("thaw base",)} <= stories(text)


def test_try_runs_its_body_and_goes_on() -> None:
    text = (
        BASE
        + """
try:
    base.load_weights("a.h5")
except OSError:
    raise SystemExit
finally:
    base.trainable = False
model.compile("adam")
"""
    )
    assert story(text) == ["load base", "freeze base", "compile model", "fit model (implied)"]


def test_with_runs_its_body() -> None:
    text = """
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy()
with strategy.scope():
    base = tf.keras.applications.VGG16()
    base.trainable = False
    base.compile("adam")
base.fit(x)
"""
    assert story(text) == ["freeze base", "compile base", "fit base"]


# Loops


def test_a_loop_over_layers_is_one_statement_about_them() -> None:
    assert story(BASE + "for layer in base.layers[:10]:\n    layer.trainable = False\n") == ["freeze part of base"]


def test_a_loop_over_layers_that_are_known_is_walked_for_each() -> None:
    text = BASE + "for layer in model.layers:\n    layer.trainable = False\n"
    assert len(events(run_of(text).timeline, SetTrainable)) == 2


def test_a_training_loop_is_walked_twice() -> None:
    loop = "for epoch in range(100):\n    model.fit(x)\n    base.trainable = True\n"
    assert story(BASE + "model.compile('adam')\n" + loop) == [
        "compile model", "fit model", "thaw base", "fit model", "thaw base",
    ]  # fmt: skip


def test_a_loop_over_constants_is_walked_for_each() -> None:
    text = (
        BASE
        + """
for trainable, rate in [(False, 1e-3), (True, 1e-5)]:
    base.trainable = trainable
    model.compile(keras.optimizers.Adam(rate))
    model.fit(x)
"""
    )
    assert story(text) == TWO_PHASES


def test_a_short_range_is_walked_as_often_as_it_says() -> None:
    text = (
        BASE + "for phase in range(2):\n    base.trainable = phase > 0\n    model.compile('adam')\n    model.fit(x)\n"
    )
    assert story(text) == TWO_PHASES


def test_break_and_continue() -> None:
    text = (
        BASE
        + """
for value in (False, True):
    if value:
        continue
    base.trainable = value
for value in (False, True):
    base.trainable = value
    break
"""
    )
    assert story(text) == ["freeze base", "freeze base"]


def test_while_runs_and_a_false_one_does_not() -> None:
    assert story(BASE + "while False:\n    base.trainable = False\n") == []
    assert story(BASE + "while step < 10:\n    model.fit(x)\n    step += 1\n") == ["fit model", "fit model"]


def test_a_comprehension_has_its_effects() -> None:
    assert story(BASE + "[model.fit(x) for model in [model]]\n") == ["fit model"]


def test_a_switch_in_a_loop_turns_at_the_named_layer() -> None:
    text = (
        BASE
        + """
trainable = False
for layer in base.layers:
    if layer.name == "block5_conv1":
        trainable = True
    layer.trainable = trainable
model.compile("adam")
model.fit(x)
"""
    )
    (trained,) = events(run_of(text).timeline, Trained)
    assert trains(trained) == {"base": True, "head": True}
    (leaf,) = [leaf for leaf in trained.state.leaves if leaf.model.title == "VGG16"]
    assert leaf.frozen_at and leaf.thawed_at


# Fragments


def test_a_fragment_with_undefined_names_is_read_as_far_as_it_goes() -> None:
    assert story("""
from tensorflow import keras
base_model.trainable = True
for layer in base_model.layers[:100]:
    layer.trainable = False
model.compile(keras.optimizers.Adam(1e-5))
model.fit(train_ds)
""") == ["thaw base_model", "freeze part of base_model", "compile model", "fit model"]


def test_a_fragment_without_keras_is_not_about_models() -> None:
    assert story("model.trainable = True\nmodel.fit(x)\n") == []


def test_a_file_of_another_framework_is_not_about_keras() -> None:
    assert (
        story("import torch\nfrom tensorflow.keras.utils import to_categorical\nmodel.trainable = True\nmodel.fit(x)\n")
        == []
    )


def test_classes_of_keras_are_known_without_an_import_in_a_fragment() -> None:
    assert story("""
from tensorflow.keras import *
base = MobileNetV2(include_top=False)
base.trainable = False
net = Sequential([base, Dense(1)])
net.compile("adam")
net.fit(x)
""") == ["freeze base", "compile net", "fit net"]


@pytest.mark.parametrize(
    "text",
    [
        "return 5",
        "break",
        "def f(): pass\nf(1, 2, 3, a=4, *x, **y)",
        "class A: pass\nA().b.c.d = 1\nA.e()",
        "a = b = c = d.e = f[0] = 1",
        "(a, *b), [c, d] = x",
        "for a.b in x: pass",
        "with a as (b, c): pass",
        "x[1:2][::3][...] = y",
        "lambda: (yield)",
        "del base, x[0]",
        "import a.b.c.d as e\ne.f()",
        "from . import x\nfrom .. import y\nfrom .z import *",
        "assert base, 'no'",
        "async def f():\n    async for x in y:\n        await z",
        "print(f'{base.trainable = }')",
        "base.layers[-1].trainable, model.layers[0].trainable = False, True",
        "base.trainable |= True",
        "base.layers[0:5].trainable = False",
        "[l.__setattr__('trainable', False) for l in base.layers]",
        "map(lambda l: setattr(l, 'trainable', False), base.layers)",
        "keras.Model()",
        "keras.Sequential(3)",
        "keras.Model(inputs=None, outputs=None)",
        "model.add()",
        "model.get_layer()",
        "model.get_layer(index='a')",
        "model.layers['a'].trainable = False",
        "model.layers[0][1].trainable = False",
        "model.layers[99].trainable = False",
        "model.compile(*[1, 2], **{'a': 1})",
        "keras.applications.VGG16(*x, **y)",
        "layers.Dense()()()()",
        "layers.TimeDistributed()",
        "model.pop()\nmodel.pop()\nmodel.pop()\nmodel.fit(x)",
        "model.layers.pop()\nmodel.layers[-1].trainable = False",
        "model.layers.append(3)",
        "super().__init__()",
        "base.layers.sort()\nbase.layers.reverse()",
        "model.add(model)\nmodel.trainable = False\nmodel.fit(x)",
        "for layer in enumerate(base.layers):\n    layer.trainable = False",
        "for i, (j, layer) in enumerate(enumerate(base.layers)):\n    layer.trainable = i < 5 < j",
    ],
)
def test_odd_statements_do_no_harm(text: str) -> None:
    assert runs(BASE + text + "\n")


def test_a_model_that_is_only_evaluated_is_not_trained_elsewhere() -> None:
    program = "import keras\nmodel = keras.models.load_model('mine.keras')\nmodel.compile('rmsprop', 'mse')\n"
    assert story(program)[-1] == "fit model (implied)"
    assert story(program + "model.evaluate(x, y)\n") == ["compile model"]
