"""What single operations are taken for, on graphs of a few nodes."""

import pytest

from freezelint.graph.model_graph import Mode
from freezelint.graph.saved_model import read
from tests.graph.saved_model.encoder import attribute, node, number, part, serving, shape, variable_handle

STATISTICS = [
    *(variable_handle(f"bn/{name}") for name in ("gamma", "beta", "moving_mean", "moving_variance")),
    *(node(f"bn/read_{name}", "ReadVariableOp", f"bn/{name}") for name in ("gamma", "beta")),
    *(node(f"bn/read_{name}", "ReadVariableOp", f"bn/{name}") for name in ("moving_mean", "moving_variance")),
]
READS = ("bn/read_gamma", "bn/read_beta", "bn/read_moving_mean", "bn/read_moving_variance")


def only_signature(nodes, tmp_path, output="y:0"):
    return read(serving(nodes, output).save(tmp_path / "model")).signatures[0]


def fused(**attributes):
    return [*STATISTICS, node("y", "FusedBatchNormV3", "x", *READS, **attributes)]


def over(axes, *, name="moments", of="x"):
    """Mean and variance of a tensor, as `tf.nn.moments` computes them."""
    return [
        node(f"{name}/axes", "Const", value=axes),
        node(f"{name}/mean", "Mean", of, f"{name}/axes"),
        node(f"{name}/difference", "SquaredDifference", of, f"{name}/mean"),
        node(f"{name}/variance", "Mean", f"{name}/difference", f"{name}/axes"),
        node(f"{name}/epsilon", "Const", value=0.001),
        node(f"{name}/add", "AddV2", f"{name}/variance", f"{name}/epsilon"),
    ]


def test_a_fused_batchnorm_without_the_attribute_is_in_training_mode(tmp_path):
    (found,) = only_signature(fused(), tmp_path).batchnorms
    assert found.mode is Mode.TRAINING


def test_a_fused_batchnorm_with_the_attribute_false_is_in_inference_mode(tmp_path):
    (found,) = only_signature(fused(is_training=False), tmp_path).batchnorms
    assert found.mode is Mode.INFERENCE
    assert not found.updates_statistics


def test_moving_statistics_that_are_written_belong_to_their_batchnorm(tmp_path):
    nodes = [
        *fused()[:-1],
        node("bn/fused", "FusedBatchNormV3", "x", *READS),
        node("bn/write", "AssignVariableOp", "bn/moving_mean", "bn/fused:1"),
        node("y", "Identity", "bn/fused", "^bn/write"),
    ]
    signature = only_signature(nodes, tmp_path)
    assert [(write.variable, write.purpose) for write in signature.writes] == [("bn/moving_mean", "batchnorm")]
    assert signature.batchnorms[0].updates_statistics


def test_layer_normalization_through_a_fused_operation_is_no_batchnorm(tmp_path):
    nodes = [
        node("size", "Shape", "x"),
        node("one", "Const", value=1.0),
        node("zero", "Const", value=0.0),
        node("scale", "Fill", "size", "one"),
        node("offset", "Fill", "size", "zero"),
        node("empty", "Const", value=b""),
        node("y", "FusedBatchNormV3", "x", "scale", "offset", "empty", "empty"),
    ]
    assert only_signature(nodes, tmp_path).batchnorms == ()


def test_a_reciprocal_root_of_a_stored_variance_is_batchnorm_in_inference(tmp_path):
    nodes = [
        *STATISTICS,
        node("epsilon", "Const", value=0.001),
        node("bn/add", "AddV2", "bn/read_moving_variance", "epsilon"),
        node("bn/Rsqrt", "Rsqrt", "bn/add"),
        node("y", "Mul", "x", "bn/Rsqrt"),
    ]
    (found,) = only_signature(nodes, tmp_path).batchnorms
    assert found.mode is Mode.INFERENCE


@pytest.mark.parametrize(("axes", "expected"), [((0,), 1), ((0, 1, 2), 1), ((1,), 0), ((2, 3), 0), ((-1,), 0)], ids=str)
def test_moments_over_the_batch_are_batchnorm_in_training(axes, expected, tmp_path):
    nodes = [*over(axes), node("root", "Rsqrt", "moments/add"), node("y", "Mul", "x", "root")]
    found = only_signature(nodes, tmp_path).batchnorms
    assert [one.mode for one in found] == [Mode.TRAINING] * expected


def test_moments_over_everything_are_no_batchnorm(tmp_path):
    everything = part(1, part(7, shape()))
    nodes = [
        node("axes", "Const", value=(0, 1)),
        node("mean", "Mean", "x", "axes"),
        node("difference", "SquaredDifference", "x", "mean"),
        node("variance", "Mean", "difference", "axes", _output_shapes=everything),
        node("root", "Rsqrt", "variance"),
        node("y", "Mul", "x", "root"),
    ]
    assert only_signature(nodes, tmp_path).batchnorms == ()


def test_moments_of_a_weight_are_no_batchnorm(tmp_path):
    nodes = [
        variable_handle("kernel"),
        node("read", "ReadVariableOp", "kernel"),
        *over((0, 1, 2), of="read"),
        node("root", "Rsqrt", "moments/add"),
        node("standardized", "Mul", "read", "root"),
        node("y", "Conv2D", "x", "standardized"),
    ]
    assert only_signature(nodes, tmp_path).batchnorms == ()


def test_a_division_by_the_deviation_of_the_batch_is_batchnorm(tmp_path):
    nodes = [
        *over((0,)),
        node("root", "Sqrt", "moments/add"),
        node("centred", "Sub", "x", "moments/mean"),
        node("y", "RealDiv", "centred", "root"),
    ]
    (found,) = only_signature(nodes, tmp_path).batchnorms
    assert found.mode is Mode.TRAINING


def test_axes_that_are_only_known_at_run_time_are_a_gap(tmp_path):
    nodes = [
        node("axes", "Range", "x", "x", "x"),
        node("mean", "Mean", "x", "axes"),
        node("difference", "SquaredDifference", "x", "mean"),
        node("variance", "Mean", "difference", "axes"),
        node("root", "Rsqrt", "variance"),
        node("y", "Mul", "x", "root"),
    ]
    model = read(serving(nodes).save(tmp_path / "model"))
    assert model.signatures[0].batchnorms == ()
    assert any("cannot be told" in gap for gap in model.gaps)


UNIFORM = [node("size", "Shape", "x"), node("draw", "RandomUniform", "size"), node("rate", "Const", value=0.5)]
NORMAL = [
    node("size", "Shape", "x"),
    node("draw", "RandomStandardNormal", "size"),
    node("deviation", "Const", value=0.1),
    node("scaled", "Mul", "draw", "deviation"),
]


@pytest.mark.parametrize(
    ("nodes", "purpose"),
    [
        pytest.param(
            [
                *UNIFORM,
                node("mask", "GreaterEqual", "draw", "rate"),
                node("zero", "Const", value=0.0),
                node("y", "SelectV2", "mask", "x", "zero"),
            ],
            "dropout",
            id="select against zero",
        ),
        pytest.param(
            [
                *UNIFORM,
                node("mask", "GreaterEqual", "draw", "rate"),
                node("ones", "Cast", "mask"),
                node("y", "Mul", "x", "ones"),
            ],
            "dropout",
            id="product with a mask",
        ),
        pytest.param(
            [
                *UNIFORM,
                node("sum", "AddV2", "draw", "rate"),
                node("keep", "Floor", "sum"),
                node("y", "Mul", "x", "keep"),
            ],
            "dropout",
            id="drop path",
        ),
        pytest.param(
            [
                *UNIFORM,
                node("mask", "Less", "draw", "rate"),
                node("axis", "Const", value=(2,)),
                node("flipped", "ReverseV2", "x", "axis"),
                node("y", "SelectV2", "mask", "flipped", "x"),
            ],
            "augmentation",
            id="flip",
        ),
        pytest.param(
            [*UNIFORM, node("turn", "Pack", "draw"), node("y", "ImageProjectiveTransformV3", "x", "turn")],
            "augmentation",
            id="rotation",
        ),
        pytest.param([*NORMAL, node("y", "AddV2", "x", "scaled")], "noise", id="added noise"),
        pytest.param(
            [
                *NORMAL,
                node("one", "Const", value=1.0),
                node("factor", "AddV2", "scaled", "one"),
                node("y", "Mul", "x", "factor"),
            ],
            "dropout",
            id="gaussian dropout",
        ),
        pytest.param(
            [
                *NORMAL,
                node("width", "Exp", "x"),
                node("spread", "Mul", "scaled", "width"),
                node("y", "AddV2", "x", "spread"),
            ],
            "unknown",
            id="sampling, as in a variational autoencoder",
        ),
    ],
)
def test_what_random_numbers_are_for(nodes, purpose, tmp_path):
    (found,) = only_signature(nodes, tmp_path).random
    assert (found.scope, found.purpose) == ("draw", purpose)


def test_numbers_drawn_as_a_seed_are_not_counted(tmp_path):
    nodes = [
        node("size", "Shape", "x"),
        node("split", "StatelessRandomUniformFullIntV2", "size", "size"),
        node("draw", "StatelessRandomNormalV2", "size", "split"),
        node("y", "AddV2", "x", "draw"),
    ]
    assert [found.scope for found in only_signature(nodes, tmp_path).random] == ["draw"]


def test_every_layer_of_dropouts_in_a_row_is_found(tmp_path):
    nodes, before = [], "x"
    for step in range(4):
        nodes += [
            node(f"{step}/size", "Shape", before),
            node(f"{step}/draw", "RandomUniform", f"{step}/size"),
            node(f"{step}/rate", "Const", value=0.5),
            node(f"{step}/mask", "GreaterEqual", f"{step}/draw", f"{step}/rate"),
            node(f"{step}/ones", "Cast", f"{step}/mask"),
            node(f"{step}/out", "Mul", before, f"{step}/ones"),
        ]
        before = f"{step}/out"
    found = only_signature(nodes, tmp_path, "3/out:0").random
    assert sorted((one.scope, one.purpose) for one in found) == [(f"{step}/draw", "dropout") for step in range(4)]


def test_other_state_that_is_written_is_named(tmp_path):
    nodes = [
        variable_handle("requests"),
        variable_handle("seed_generator/seed_generator_state"),
        node("one", "Const", value=1.0),
        node("count", "AssignAddVariableOp", "requests", "one"),
        node("advance", "AssignVariableOp", "seed_generator/seed_generator_state", "one"),
        node("y", "Identity", "x", "^count", "^advance"),
    ]
    found = {write.variable: write.purpose for write in only_signature(nodes, tmp_path).writes}
    assert found == {"requests": "other", "seed_generator/seed_generator_state": "seed"}


def test_an_average_over_the_batch_kept_by_hand_is_not_a_batchnorm(tmp_path):
    nodes = [
        variable_handle("average"),
        node("axes", "Const", value=(0,)),
        node("mean", "Mean", "x", "axes"),
        node("write", "AssignVariableOp", "average", "mean"),
        node("y", "Identity", "x", "^write"),
    ]
    signature = only_signature(nodes, tmp_path)
    assert signature.batchnorms == ()
    assert [write.purpose for write in signature.writes] == ["other"]


def test_what_no_output_needs_is_not_part_of_the_signature(tmp_path):
    nodes = [*fused(), node("z", "Identity", "x")]
    assert only_signature(nodes, tmp_path, "z:0").batchnorms == ()


def test_an_attribute_of_the_wrong_kind_is_not_believed(tmp_path):
    (found,) = only_signature(fused(is_training=part(2, "no")), tmp_path).batchnorms
    assert found.mode is Mode.TRAINING
    assert attribute(False) == number(5, 0)
