"""Variables find their layers in both ways Keras writes them down."""

import pytest

from freezelint.graph.hdf5_tree import Dataset, Group
from freezelint.graph.keras_config import read_model_config
from freezelint.graph.weights import attach_checkpoint, attach_legacy, slots
from tests.graph.build import base, functional, layer, source, with_head


def tree(shapes, names=None, attribute="name"):
    """Groups for datasets given by their paths; `names` are attributes of groups."""
    root = Group("")
    for path, shape in shapes.items():
        group, done = root, ""
        *parents, last = path.split("/")
        for part in parents:
            done = f"{done}/{part}" if done else part
            group = group.groups.setdefault(part, Group(done))
        group.datasets[last] = Dataset(path, shape, "float32")
    for path, value in (names or {}).items():
        group = root
        for part in path.split("/"):
            group = group.groups[part]
        group.attributes[attribute] = value
    return root


def roles(root):
    return {one.path: [(weight.role, weight.shape) for weight in one.weights] for one in root.walk() if one.weights}


NUMBERED = {
    "layers/functional/layers/conv2d/vars/0": (3, 3, 3, 4),
    "layers/functional/layers/conv2d/vars/1": (4,),
    "layers/functional/layers/batch_normalization/vars/0": (4,),
    "layers/functional/layers/batch_normalization/vars/1": (4,),
    "layers/functional/layers/batch_normalization/vars/2": (4,),
    "layers/functional/layers/batch_normalization/vars/3": (4,),
    "layers/dense/vars/0": (4, 2),
    "layers/dense/vars/1": (2,),
    "optimizer/vars/0": (),
    "optimizer/vars/1": (4, 2),
}
EXPECTED = {
    "base/conv": [("kernel", (3, 3, 3, 4)), ("bias", (4,))],
    "base/bn": [("gamma", (4,)), ("beta", (4,)), ("moving_mean", (4,)), ("moving_variance", (4,))],
    "head": [("kernel", (4, 2)), ("bias", (2,))],
}


def test_groups_are_named_by_class_and_count():
    root = read_model_config(with_head(base())).root
    found = attach_checkpoint(root, tree(NUMBERED), keras3=True)
    assert roles(root) == EXPECTED
    assert len(found) == 8
    assert slots(tree(NUMBERED).groups["optimizer"]) == 1


def test_the_count_is_per_class_and_the_name_wins_over_it():
    config = functional("m", source(), layer("Dense", "a", "in"), layer("Dense", "b", "a"))
    shapes = {"layers/dense/vars/0": (1, 2), "layers/dense_1/vars/0": (2, 3)}
    root = read_model_config(config).root
    attach_checkpoint(root, tree(shapes), keras3=True)
    assert roles(root) == {"a": [("kernel", (1, 2))], "b": [("kernel", (2, 3))]}
    root = read_model_config(config).root
    attach_checkpoint(root, tree(shapes, {"layers/dense/vars": "b", "layers/dense_1/vars": "a"}), keras3=True)
    assert roles(root) == {"b": [("kernel", (1, 2))], "a": [("kernel", (2, 3))]}


def test_scale_and_centre_leave_out_their_variables():
    config = functional("m", source(), layer("BatchNormalization", "bn", "in", scale=False))
    root = read_model_config(config).root
    attach_checkpoint(root, tree({f"layers/batch_normalization/vars/{n}": (4,) for n in range(3)}), keras3=True)
    assert roles(root) == {"bn": [("beta", (4,)), ("moving_mean", (4,)), ("moving_variance", (4,))]}


def test_a_layer_of_ones_own_keeps_what_is_in_it():
    config = functional("m", source(), {**layer("Mine", "mine", "in"), "registered_name": "zoo>Mine", "module": None})
    shapes = {f"layers/mine/norm/vars/{n}": (4,) for n in range(4)} | {"layers/mine/seed_generator/vars/0": (2,)}
    root = read_model_config(config).root
    attach_checkpoint(root, tree(shapes), keras3=True)
    assert [role for role, _ in roles(root)["mine"]] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
        "seed_generator_state",
    ]


def test_legacy_files_name_the_weights():
    config = with_head(base())
    shapes = {f"base/{name}": (4,) for name in ("conv/kernel:0", "bn/gamma:0", "bn/moving_mean:0")}
    shapes |= {"head/head/kernel:0": (4, 2), "top_level_model_weights/scale:0": (1,)}
    names = {
        "base": ["conv/kernel:0", "bn/gamma:0", "bn/moving_mean:0", "bn/lost:0"],
        "head": ["head/kernel:0"],
        "top_level_model_weights": ["scale:0"],
    }
    root = read_model_config(config).root
    attach_legacy(root, tree(shapes, names, "weight_names"), keras3=False)
    assert roles(root) == {
        "": [("scale", (1,))],
        "base/conv": [("kernel", (4,))],
        "base/bn": [("gamma", (4,)), ("moving_mean", (4,))],
        "head": [("kernel", (4, 2))],
    }


@pytest.mark.parametrize(("keras3", "expected"), [(True, True), (False, False)])
def test_what_the_optimizer_sees_depends_on_the_generation(keras3, expected):
    root = read_model_config(with_head(base(own=False, bn=True))).root
    found = attach_checkpoint(root, tree(NUMBERED), keras3=keras3)
    flags = {weight.name: weight.trainable for weight in found}
    assert flags["base/bn/gamma"] is expected
    assert flags["base/bn/moving_mean"] is False
    assert flags["base/conv/kernel"] is False
    assert flags["head/kernel"] is True
