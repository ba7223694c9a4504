"""`call` methods that people write: whether the training mode gets through them."""

from __future__ import annotations

from collections.abc import Iterator

from freezelint.finding import Confidence, Mistake
from freezelint.keras.behaviour import Behaviour
from freezelint.source import program as p
from freezelint.source.checks.registry import source
from freezelint.source.checks.story import name_of, steps, training_step
from freezelint.source.relevance import walk
from freezelint.source.timeline import Called, Timeline, Trained
from freezelint.source.values import Class, Function, Layer, Model, Place, Stretch

_RENAMED = frozenset({
    *("is_training", "istraining", "isTraining", "in_training", "training_mode", "train_mode", "training_flag"),
    *("is_train", "isTrain", "train", "training_phase", "train_phase"),
})


@source.check("direct-call-method")
def direct_call_method(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """`self.norm.call(x)` in a `call` method: the layer never hears of the training mode."""
    for event in timeline.events:
        if not isinstance(event, Called) or event.where != "direct" or event.training is not None:
            continue
        if mode_dependent(event.layer):
            yield Mistake(
                f"`.call` goes round Keras: {name_of(event.layer)} is not told whether this is training, and runs in "
                "inference mode in `fit` too. Call the layer itself, as a function.",
                event.at.span,
                confidence=Confidence.CERTAIN if event.layer.certain else Confidence.LIKELY,
            )


def mode_dependent(layer: Layer) -> bool:
    """Whether a layer, or something inside a model, is known to do something else in training mode."""
    if not isinstance(layer, Model):
        return layer.traits is not None and layer.traits.depends_on_training
    if layer.interior is not None and layer.interior.has_batchnorm is True:
        return True
    return any(isinstance(part, Layer) and part is not layer and mode_dependent(part) for part in layer.parts)


@source.check("training-argument-renamed")
def training_argument_renamed(timeline: Timeline, keras: Behaviour) -> Iterator[Mistake]:
    """The `call` of something that is trained takes the mode under a name that Keras does not know."""
    seen: set[int] = set()
    for trained in timeline.trainings:
        for cls in _classes(trained):
            call = cls.lookup("call")
            if not isinstance(call, Function) or id(call) in seen:
                continue
            seen.add(id(call))
            parameter = renamed(call)
            if parameter is not None and not _is_passed(parameter.name, cls):
                yield Mistake(
                    f"Keras fills in a parameter called `training`, not `{parameter.name}`: in `{trained.how}` it "
                    "keeps its default, and what depends on it stays in one mode. Call it `training`.",
                    Place(call.file, call.file.path, parameter.at).span,
                    steps(training_step(trained)),
                    confidence=Confidence.LIKELY if trained.implied else Confidence.CERTAIN,
                )


def _classes(trained: Trained) -> Iterator[Class]:
    """The project's classes of what a training call trains: the model, and the layers and models inside it."""
    parts = [leaf.part.model if isinstance(leaf.part, Stretch) else leaf.part for leaf in trained.state.leaves]
    for layer in (trained.model, *parts, *(model for leaf in trained.state.leaves for model in leaf.around)):
        if layer.cls is not None:
            yield layer.cls


def renamed(call: Function) -> p.Parameter | None:
    """The parameter that takes the mode under another name, has a default, and is looked at."""
    if any(parameter.name == "training" or parameter.kind == "**" for parameter in call.parameters):
        return None
    used = {node.id for node in walk(call.body) if isinstance(node, p.Name)}
    found = (item for item in call.parameters if item.name in _RENAMED and item.default is not None)
    return next((item for item in found if item.name in used), None)


def _is_passed(name: str, cls: Class) -> bool:
    """Whether anybody in the file of the class passes the argument by its name."""
    calls = (node for node in walk(cls.file.program.body) if isinstance(node, p.Call))
    return any(argument.name == name for call in calls for argument in call.arguments)
