import pytest

from freezelint.graph.unrolled import ShapeMismatch, unroll
from tests.graph.build import call, functional, layer, model, sequential, source


def image(name="in", shape=(None, 32, 32, 3)):
    config = source(name)
    config["config"]["batch_shape"] = list(shape)
    return config


def conv(name, *calls, **config):
    return layer("Conv2D", name, *calls, **{"filters": 8, "kernel_size": [3, 3], "padding": "same", **config})


def shapes(unrolled):
    return {run.layer.path: unrolled.output_shapes(run)[0] for run in unrolled.runs}


def test_shapes_follow_from_the_input_and_the_configuration():
    graph = model(functional("m", image(), conv("a", "in", strides=[2, 2]), layer("Flatten", "f", "a")))
    assert shapes(unroll(graph, batch=4)) == {"a": (4, 16, 16, 8), "f": (4, 2048)}


def test_a_nested_model_is_written_out_at_each_of_its_calls():
    inner = functional("inner", image("x"), conv("c", "x"), calls=("left", "right"))
    merged = layer("Concatenate", "both", call(("inner", 0, 0), ("inner", 1, 0)))
    graph = model(
        functional("m", image("left"), image("right"), inner, merged, inputs=[["left", 0, 0], ["right", 0, 0]])
    )
    unrolled = unroll(graph)
    assert [run.layer.path for run in unrolled.runs] == ["inner/c", "inner/c", "both"]
    assert shapes(unrolled)["both"] == (1, 32, 32, 16)


def test_time_steps_of_a_wrapped_model_are_samples():
    inner = sequential("frame", conv("c"), layer("GlobalAveragePooling2D", "pool"))
    wrapper = layer("TimeDistributed", "each", "in", layer=inner)
    found = shapes(unroll(model(functional("m", image(shape=(None, 5, 16, 16, 3)), wrapper)), batch=2))
    assert found["each/frame/c"] == (10, 16, 16, 8)
    assert found["each"] == (2, 5, 8)


def test_what_a_raw_operation_makes_is_taken_from_the_call_behind_it():
    lambda_ = layer("Lambda", "f", "in")
    behind = layer("Dense", "d", "f", units=2)
    behind["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 9]
    assert shapes(unroll(model(functional("m", image(), lambda_, behind)), batch=3))["f"] == (3, 9)


def test_an_unknown_side_is_named_and_can_be_given():
    graph = model(functional("m", image("photo", (None, None, None, 3)), conv("a", "photo")))
    assert unroll(graph).unknown_inputs == {"photo": (1, None, None, 3)}
    assert shapes(unroll(graph, 2, {"photo": (64, 48, 3)}))["a"] == (2, 64, 48, 8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"foto": (32, 32, 3)}, "no input 'foto'; did you mean 'photo'"),
        ({"photo": (64, 64, 3)}, "takes \\(32, 32, 3\\)"),
        ({"photo": (32,)}, "leave the batch out"),
    ],
)
def test_a_shape_that_does_not_go_with_the_model_is_refused(given, words):
    graph = model(functional("m", image("photo"), conv("a", "photo")))
    with pytest.raises(ShapeMismatch, match=words):
        unroll(graph, input_shapes=given)


@pytest.mark.parametrize("key", ["kernel_size", "strides", "filters", "dilation_rate"])
@pytest.mark.parametrize("value", [None, -1, 0, "3", True, [[3]], [3, 3, 3], 1 << 80, {}])
def test_nonsense_in_a_configuration_is_unknown_and_no_error(key, value):
    found = unroll(model(functional("m", image(), conv("a", "in", **{key: value}), layer("Flatten", "f", "a"))))
    assert all(length is None or length >= 0 for shape in found.shapes for length in shape or ())


def test_a_file_that_describes_more_calls_than_anyone_would_make_is_cut_off(monkeypatch):
    monkeypatch.setattr("freezelint.graph.unrolled.MAX_RUNS", 50)
    inner = functional("m0", image("x"), conv("c", "x"), calls=("in",) * 10)
    outer = functional(
        "m1", image(), inner, layer("Add", "sum", call(*[("m0", n, 0) for n in range(10)])), calls=("in",) * 10
    )
    graph = model(functional("m2", image(), outer, layer("Add", "sum", call(*[("m1", n, 0) for n in range(10)]))))
    assert unroll(graph).is_complete is False
