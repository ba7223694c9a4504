from freezelint.freeze_map import NodeKind, State
from freezelint.graph.stretches import stretches
from freezelint.mapping import drawn
from tests.graph.build import functional, layer, model, sequential, source


def given(*shape):
    config = source()
    config["config"]["batch_shape"] = [None, *shape]
    return config


def dense(name, before, own=True):
    return layer("Dense", name, before, units=4, own=own)


def states(found):
    return {node.name: node.state for node in found.nodes if node.kind is NodeKind.LAYER}


def wires(found):
    names = [node.name for node in found.nodes]
    return {(names[edge.source], names[edge.target]): edge.gradient for edge in found.edges}


def test_the_gradient_comes_back_from_the_loss_to_the_first_layer_that_trains():
    graph = model(
        functional("m", given(4), dense("a", "in", False), dense("b", "a"), dense("c", "b", False), dense("d", "c"))
    )
    found = drawn(graph)
    assert states(found) == {"a": State.FROZEN, "b": State.TRAINS, "c": State.ON_PATH, "d": State.TRAINS}
    assert wires(found) == {
        ("in", "a"): False,
        ("a", "b"): False,
        ("b", "c"): True,
        ("c", "d"): True,
        ("d", "loss"): True,
    }


def test_batchnorm_that_runs_in_training_mode_stands_out():
    graph = model(
        functional(
            "m",
            given(4),
            layer("BatchNormalization", "live", "in"),
            layer("BatchNormalization", "still", "live", own=False),
        )
    )
    assert states(drawn(graph)) == {"live": State.LIVE_BATCHNORM, "still": State.ON_PATH}


def test_nested_models_are_boxes_around_their_layers_and_wires_lead_into_them():
    inner = sequential("base", layer("Dense", "one", units=4), layer("Dense", "two", units=4), calls=("in",))
    found = drawn(model(functional("m", given(4), inner, dense("head", "base"))))
    base = next(number for number, node in enumerate(found.nodes) if node.name == "base")
    assert found.nodes[base].kind is NodeKind.MODEL
    assert {node.name for node in found.nodes if node.parent == base} == {"one", "two"}
    assert {("in", "one"), ("one", "two"), ("two", "head"), ("head", "loss")} == set(wires(found))


def test_a_model_without_calls_is_drawn_as_a_list():
    found = drawn(model({"class_name": "Mine", "config": {"layer": dense("d", "x")}}))
    assert not found.is_graph
    assert not found.edges
    assert any("does not record" in gap for gap in found.gaps)


def named(*names):
    found = model(functional("m", source(), *(layer("Dense", name, "in") for name in names)))
    return [one for one in found.layers() if one.class_name == "Dense"]


def test_long_models_are_put_together_by_the_names_of_their_blocks():
    names = [
        f"conv{stage}_block{block}_{part}"
        for stage in (2, 3)
        for block in (1, 2)
        for part in ("conv", "bn", "relu", "2_conv", "2_bn", "out")
    ]
    found = stretches(named("conv1", "pool", *names, "gap", "head"))
    assert [one.name for one in found] == ["", "conv2_block1", "conv2_block2", "conv3_block1", "conv3_block2", ""]
    assert sum(len(one.layers) for one in found) == len(names) + 4


def test_a_layer_without_a_name_of_its_own_inside_a_block_belongs_to_it():
    names = [f"stage_0_block_{block}_{part}" for block in range(8) for part in "abc"]
    names.insert(5, "add")
    found = stretches(named(*names))
    assert [len(one.layers) for one in found] == [3, 4, 3, 3, 3, 3, 3, 3]


def test_short_models_are_left_as_they_are():
    assert [one.name for one in stretches(named("block1_a", "block1_b", "block1_c"))] == [""]
