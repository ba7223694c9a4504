from freezelint.graph.checks.artifact import embedded_code, inconsistent_artifact
from freezelint.graph.model_graph import ModelGraph
from tests.graph.build import KERAS3


def test_every_contradiction_is_a_finding():
    graph = ModelGraph("m", "keras", inconsistencies=["metadata.json is missing", "two layers are called 'a'"])
    assert [one.message.rpartition(": ")[2] for one in inconsistent_artifact(graph, KERAS3)] == [
        "metadata.json is missing.",
        "two layers are called 'a'.",
    ]


def test_code_in_the_file_is_one_finding():
    graph = ModelGraph("m", "keras", embedded_code=["scale", "shift"])
    [found] = embedded_code(graph, KERAS3)
    assert found.message.startswith("`scale`, `shift` carry Python code")
    assert found.layer == "scale"
    assert not list(embedded_code(ModelGraph("m", "keras"), KERAS3))
