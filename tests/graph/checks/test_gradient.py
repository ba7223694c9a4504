from freezelint.graph.checks.gradient import frozen_on_gradient_path_
from freezelint.graph.model_graph import GradientHit, ModelGraph
from tests.graph.build import KERAS3, functional, layer, model, source


def test_one_finding_names_the_frozen_layers_and_what_trains_before_them():
    layers = [source(), layer("Dense", "stem", "in")]
    layers += [layer("Dense", f"d{n}", f"d{n - 1}" if n else "stem", own=False) for n in range(5)]
    [found] = frozen_on_gradient_path_(model(functional("m", *layers)), KERAS3)
    assert found.message.startswith("`d0`, `d1`, `d2` and 2 more are frozen, but `stem` before them trains")
    assert found.layer == "d0"


def test_batchnorm_frozen_between_trainable_layers_is_frozen_for_its_mode():
    layers = [
        source(),
        layer("Dense", "a", "in"),
        layer("BatchNormalization", "bn", "a", own=False),
        layer("Dense", "b", "bn"),
    ]
    assert not list(frozen_on_gradient_path_(model(functional("m", *layers)), KERAS3))


def test_without_a_graph_the_operations_speak():
    hits = (GradientHit("mid/kernel", "mid", "stem/kernel"), GradientHit("mid/bias", "mid", "stem/kernel"))
    graph = ModelGraph("m", "savedmodel", gradient_hits=hits)
    [found] = frozen_on_gradient_path_(graph, KERAS3)
    assert found.message.startswith("`mid` is frozen, but `stem` before it trains")
