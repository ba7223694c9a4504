"""What is wrong with a file as such."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Mistake
from freezelint.graph.checks.registry import graph
from freezelint.graph.model_graph import ModelGraph
from freezelint.graph.words import listed
from freezelint.keras.behaviour import Behaviour


@graph.check("inconsistent-artifact")
def inconsistent_artifact(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """Parts of the file contradict each other, are missing, or are not what Keras writes."""
    for sentence in model.inconsistencies:
        yield Mistake(f"The file contradicts itself or is not as Keras writes it: {sentence}.")


@graph.check("embedded-code")
def embedded_code(model: ModelGraph, keras: Behaviour) -> Iterator[Mistake]:
    """The file carries Python code that a loader runs."""
    if model.embedded_code:
        places = listed(model.embedded_code)
        yield Mistake(
            f"{places} {'carries' if len(set(model.embedded_code)) == 1 else 'carry'} Python code inside the file (byte"
            " code of a lambda, or a function named for import): whoever loads the model runs it. It was not looked at."
            " Write the function as a layer class or with Keras operations; load files of others in safe mode only.",
            layer=model.embedded_code[0],
        )
