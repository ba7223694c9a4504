import pytest

from freezelint.graph.checks.trainable import nothing_trainable
from tests.graph.build import KERAS2, KERAS3, base, functional, layer, model, source, with_head


def frozen(**facts):
    head = layer("Dense", "head", "base", own=False)
    return model(functional("outer", source(), base(own=False, bn=False), head, own=False), **facts)


@pytest.mark.parametrize("keras", [KERAS2, KERAS3])
def test_a_compiled_model_in_which_everything_is_frozen(keras):
    [found] = nothing_trainable(frozen(compiled=True), keras)
    assert "all 3 layers with weights are frozen" in found.message


@pytest.mark.parametrize(
    "graph",
    [
        frozen(compiled=False),
        frozen(compiled=None),
        frozen(compiled=True, optimizer_slots=4),
        model(with_head(base(own=False, bn=False)), compiled=True),
        model(functional("m", source(), layer("Flatten", "f", "in"), own=False), compiled=True),
    ],
)
def test_backbones_deliveries_and_models_that_train_are_fine(graph):
    assert not list(nothing_trainable(graph, KERAS3))


@pytest.mark.parametrize(("keras", "count"), [(KERAS2, 1), (KERAS3, 0)])
def test_a_thawed_layer_under_a_frozen_parent_trains_in_keras_3(keras, count):
    graph = model(functional("m", source(), base(own=False, bn=True)), compiled=True)
    assert len(list(nothing_trainable(graph, keras))) == count
