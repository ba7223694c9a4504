"""freeze-slice-splits-block: which layers of a block a bound by number separates."""

import pytest

from freezelint.keras.applications import backbone

pytestmark = pytest.mark.keras


def test_layer_one_hundred_of_mobilenetv2_lies_beside_a_shortcut(keras, measured):
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))
    generation = "keras3" if keras.__version__.startswith("3") else "keras2"
    block = backbone("MobileNetV2").layout(generation).block_around(100)
    names = [layer.name for layer in model.layers]
    assert (names[block.start], names[block.stop - 1]) == ("block_11_expand", "block_11_add")
    add = model.get_layer("block_11_add")
    sources = {names.index(layer.name) for layer in _inbound(add)}
    measured(keras, "layers that feed the Add on both sides of the cut", len(sources))
    assert min(sources) < 100 <= max(sources)


def _inbound(layer):
    (node,) = layer._inbound_nodes
    parents = getattr(node, "parent_nodes", None)
    if parents is not None:
        return [parent.operation if hasattr(parent, "operation") else parent.layer for parent in parents]
    return node.inbound_layers
