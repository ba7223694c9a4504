"""What is read against what TensorFlow does: real models, saved in every way, and executed."""

import json
import shutil
from importlib import import_module

import pytest

from freezelint.graph.model_graph import LayerKind, Mode
from freezelint.graph.saved_model import read
from tests.graph.saved_model.zoo import CASES, save

pytestmark = pytest.mark.keras

SEEDED = ("monte_carlo", "augmented", "recurrent_dropout")
WAYS = [
    *(("tf_keras", name, way) for name in CASES for way in ("save", "export")),
    *(("keras", name, "export") for name in CASES),
    *(("keras", name, "tf.saved_model.save") for name in CASES if name not in SEEDED),
    *(("tf_keras", name, "tf.saved_model.save") for name in ("frozen_base", "pinned_true", "monte_carlo")),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Saves a case once and gives its folder."""
    done = {}

    def get(library, name, way):
        key = (library, name, way)
        if key not in done:
            folder = tmp_path_factory.mktemp("saved") / f"{name}.{way}"
            done[key] = save(import_module(library), name, way, folder)
        return done[key]

    return get


def run(folder, name):
    """Whether a signature changes state, answers differently to the same question, and mixes samples of a batch."""
    import numpy
    import tensorflow

    loaded = tensorflow.saved_model.load(str(folder))
    served = loaded.signatures[name]
    dice = numpy.random.default_rng(0)
    batch = {
        key: tensorflow.constant(dice.normal(0, 3, [4, *spec.shape.as_list()[1:]]).astype("float32"))
        for key, spec in served.structured_input_signature[1].items()
    }

    def answer(rows):
        return [tensor.numpy() for tensor in served(**{key: value[:rows] for key, value in batch.items()}).values()]

    def differ(first, second):
        return any(not numpy.allclose(a[:1], b[:1], atol=1e-4, rtol=1e-3) for a, b in zip(first, second, strict=True))

    before = [variable.numpy().copy() for variable in served.variables]
    first = answer(4)
    changed = any(not numpy.array_equal(a, b) for a, b in zip(before, served.variables, strict=True))
    # Dropout over a few values may draw the same twice, hardly ever ten times.
    is_random = any(differ(first, answer(4)) for _ in range(10))
    return changed, is_random, differ(first, answer(1))


@pytest.mark.parametrize(("library", "name", "way"), WAYS, ids=["-".join(way) for way in WAYS])
def test_signatures_do_what_was_read(library, name, way, saved):
    folder = saved(library, name, way)
    model = read(folder)
    assert model.signatures
    assert not model.not_read
    assert not model.inconsistencies
    for signature in model.signatures:
        changes, is_random, mixes = run(folder, signature.name)
        assert bool(signature.writes) == changes
        assert bool(signature.random) == is_random
        in_training = any(found.mode is Mode.TRAINING for found in signature.batchnorms)
        assert in_training == (mixes and not is_random)


@pytest.mark.parametrize(("library", "way"), [("tf_keras", "save"), ("tf_keras", "export"), ("keras", "export")])
def test_random_layers_are_told_apart_one_by_one(library, way, saved):
    signature = read(saved(library, "monte_carlo", way)).signatures[-1]
    assert sorted(found.purpose for found in signature.random) == ["dropout"] * 4 + ["noise"]
    signature = read(saved(library, "augmented", way)).signatures[-1]
    assert {found.purpose for found in signature.random} == {"augmentation"}
    assert len(signature.random) == 3
    signature = read(saved(library, "recurrent_dropout", way)).signatures[-1]
    assert {found.purpose for found in signature.random} == {"dropout"}


@pytest.mark.parametrize(("library", "way"), [("tf_keras", "save"), ("tf_keras", "export"), ("keras", "export")])
def test_a_frozen_layer_between_two_that_train_is_on_the_path(library, way, saved):
    hits = read(saved(library, "frozen_middle", way)).gradient_hits
    assert {hit.layer for hit in hits} == {"middle", "middle_bn"}
    assert read(saved(library, "frozen_base", way)).gradient_hits == ()


@pytest.mark.parametrize("name", [name for name in CASES if name not in SEEDED])
def test_the_training_trace_of_keras_2_says_what_fit_moves(name, saved):
    import numpy
    import tf_keras

    model = read(saved("tf_keras", name, "save"))
    live = {found.layer for found in model.training_trace.batchnorms if found.mode is Mode.TRAINING}
    loaded = CASES[name](tf_keras)
    loaded.compile("sgd", "mse")
    statistics = {weight.name: weight.numpy() for weight in loaded.non_trainable_weights if "moving_" in weight.name}
    data = [numpy.random.default_rng(1).normal(3, 2, [8, *tensor.shape[1:]]) for tensor in loaded.inputs]
    loaded.fit(data[0] if len(data) == 1 else data, numpy.zeros((8, 2)), verbose=0)
    moved = {
        weight.name.split("/")[0]
        for weight in loaded.non_trainable_weights
        if weight.name in statistics and not numpy.array_equal(statistics[weight.name], weight.numpy())
    }
    assert {layer.split("/")[-1] for layer in live} == moved


@pytest.mark.parametrize("name", list(CASES))
def test_layers_flags_and_weights_are_those_of_the_model_that_was_saved(name, saved):
    import tf_keras

    model = read(saved("tf_keras", name, "save"))
    tf_keras.backend.clear_session()
    original = CASES[name](tf_keras)
    flags = {}

    def collect(layer, path):
        for child in getattr(layer, "layers", None) or [getattr(layer, "layer", None)]:
            if child is not None:
                flags[f"{path}{child.name}"] = child.trainable
                collect(child, f"{path}{child.name}/")

    collect(original, "")
    own = {layer.path: layer.own_trainable for layer in model.layers() if layer.kind is not LayerKind.INPUT}
    assert {path: flag for path, flag in own.items() if path in flags} == {
        path: flag for path, flag in flags.items() if path in own
    }
    assert {path for path in flags if path in own or "/" not in path} <= own.keys() | {
        layer.path for layer in model.layers()
    }
    assert sorted(model.trainable_variables) == sorted(w.name.split(":")[0] for w in original.trainable_weights)
    assert {weight.name: weight.shape for weight in model.variables} == {
        weight.name.split(":")[0]: tuple(weight.shape) for weight in original.weights
    }
    held = {weight.name for layer in model.layers() for weight in layer.weights}
    assert {weight.name.split(":")[0] for weight in original.trainable_weights} <= held


def test_without_metadata_names_and_flags_come_from_what_is_left(saved):
    model = read(saved("tf_keras", "frozen_base", "tf.saved_model.save"))
    assert model.writer == "tf.saved_model.save of a Keras 2 model"
    flags = {layer.path: layer.own_trainable for layer in model.layers() if layer.weights}
    assert flags == {"base/base_conv": False, "base/base_bn": False, "head": True}
    assert model.layer("base/base_bn").class_name == "BatchNormalization"
    assert model.training_trace is not None


def test_without_traces_nothing_is_claimed_of_signatures(saved):
    model = read(saved("tf_keras", "live_batchnorm", "save_traces=False"))
    assert model.signatures == []
    assert model.training_trace is None
    assert not model.not_read
    assert model.layer("base/base_bn").own_trainable is True


def test_metadata_inside_the_graph_is_read_like_metadata_beside_it(saved, tmp_path):
    """Keras 2.1 to 2.4 wrote it there; made here from what later versions write."""
    from tensorflow.core.protobuf import saved_model_pb2

    source = saved("tf_keras", "live_batchnorm", "save")
    folder = shutil.copytree(source, tmp_path / "model")
    document = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for number, text in _metadata(folder / "keras_metadata.pb"):
        document.meta_graphs[0].object_graph_def.nodes[number].user_object.metadata = text
    (folder / "saved_model.pb").write_bytes(document.SerializeToString())
    (folder / "keras_metadata.pb").unlink()
    beside, inside = read(source), read(folder)
    assert [(layer.path, layer.own_trainable) for layer in inside.layers()] == [
        (layer.path, layer.own_trainable) for layer in beside.layers()
    ]
    assert inside.calls == beside.calls
    assert inside.keras_version == beside.keras_version


def _metadata(path):
    from tf_keras.protobuf import saved_metadata_pb2

    found = saved_metadata_pb2.SavedMetadata.FromString(path.read_bytes())
    for entry in found.nodes:
        assert json.loads(entry.metadata)
        yield entry.node_id, entry.metadata


def test_a_compiled_and_fitted_model_shows_its_optimizer(tmp_path):
    import numpy
    import tf_keras

    model = CASES["frozen_base"](tf_keras)
    model.compile("adam", "mse")
    model.fit(numpy.zeros((2, 8, 8, 3)), numpy.zeros((2, 2)), verbose=0)
    model.save(tmp_path / "model", save_format="tf")
    found = read(tmp_path / "model")
    assert found.compiled is True
    assert found.optimizer_slots == 4
    assert len(found.variables) == 7


def test_a_mode_that_keras_of_tensorflow_1_kept_in_a_placeholder(tmp_path):
    import tensorflow

    v1 = tensorflow.compat.v1
    with tensorflow.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tensorflow.float32, (None, 4, 4, 3), name="x")
        phase = v1.placeholder_with_default(False, (), name="keras_learning_phase")
        gamma, beta = (v1.get_variable(name, (3,), use_resource=False) for name in ("gamma", "beta"))
        mean = v1.get_variable("moving_mean", (3,), trainable=False, use_resource=False)
        variance = v1.get_variable("moving_variance", (3,), trainable=False, use_resource=False)

        def live():
            return tensorflow.nn.dropout(v1.nn.fused_batch_norm(x, gamma, beta, is_training=True)[0], rate=0.5)

        def still():
            return v1.nn.fused_batch_norm(x, gamma, beta, mean, variance, is_training=False)[0]

        y = tensorflow.cond(phase, live, still)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "default"), {"x": x}, {"y": y})
        v1.saved_model.simple_save(session, str(tmp_path / "chosen"), {"x": x, "phase": phase}, {"y": y})
    (served,) = read(tmp_path / "default").signatures
    assert [found.mode for found in served.batchnorms] == [Mode.INFERENCE]
    assert served.random == ()
    chosen = read(tmp_path / "chosen")
    assert any("chooses what runs" in gap for gap in chosen.gaps)


@pytest.mark.parametrize(("library", "way"), [("tf_keras", "save"), ("keras", "export")])
def test_the_wire_reader_sees_what_the_protobuf_runtime_sees(library, way, saved):
    from tensorflow.core.protobuf import saved_model_pb2

    from freezelint.graph.saved_model.messages import Nodes, function, meta_graphs
    from freezelint.graph.saved_model.objects import object_graph
    from freezelint.graph.saved_model.wire import Budget, Message

    data = (saved(library, "wrapped", way) / "saved_model.pb").read_bytes()
    (theirs,) = saved_model_pb2.SavedModel.FromString(data).meta_graphs
    document = Message(data, 0, len(data), Budget())
    (ours,) = meta_graphs(document)
    assert ours.tags == list(theirs.meta_info_def.tags)
    assert ours.tensorflow_version == theirs.meta_info_def.tensorflow_version
    assert _nodes(Nodes(document, ours.nodes)) == _proto_nodes(theirs.graph_def.node)
    assert {one.name for one in ours.signatures} == set(theirs.signature_def)
    for expected in theirs.graph_def.library.function:
        found = function(ours.functions[expected.signature.name])
        assert found.arguments == tuple(argument.name for argument in expected.signature.input_arg)
        outputs = [expected.ret[argument.name] for argument in expected.signature.output_arg]
        assert [output.written for output in found.outputs] == outputs
        assert sorted(found.controls) == sorted(expected.control_ret.values())
        assert _nodes(found.nodes) == _proto_nodes(expected.node_def)
    objects = object_graph(ours.object_graph)
    for found, expected in zip(objects.nodes, theirs.object_graph_def.nodes, strict=True):
        assert found.children == {child.local_name: child.node_id for child in expected.children}
        assert found.identifier == expected.user_object.identifier
        if expected.HasField("variable"):
            assert found.variable.name == expected.variable.name
            assert found.variable.shape == tuple(axis.size for axis in expected.variable.shape.dim)
            assert found.variable.created_trainable == expected.variable.trainable
    for name, expected in theirs.object_graph_def.concrete_functions.items():
        assert objects.concrete_functions[name].bound_inputs == tuple(expected.bound_inputs)


def _nodes(found):
    return [
        (node.name, node.operation, [operand.written for operand in node.operands], node.needed[len(node.operands) :])
        for node in found.all()
    ]


def _proto_nodes(expected):
    return [
        (
            node.name,
            node.op,
            [name for name in node.input if not name.startswith("^")],
            tuple(name[1:] for name in node.input if name.startswith("^")),
        )
        for node in expected
    ]
