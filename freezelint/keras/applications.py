"""The backbones of `keras.applications`: what layers they are made of, in order, by generation of Keras.

The facts are in `applications.json` and are measured, not written: when there is a new Keras,

    pip install -U keras && python tools/measure_applications.py keras

builds every model with the installed version and replaces the facts of that generation (`tf_keras` for Keras 2).

The file keeps a layout as references to blocks of layers: `key` or `key:name`, and `@start-stop` for a stretch of the
references of `no_top`. A block is a list of tokens, one per layer of `model.layers`: a letter, then the layer's name
with `$` for the name of the block, or `~stem` for a name that Keras makes up and numbers. The letters: `i` input, `B`
BatchNorm, `n` other normalization, `d` dropout, `p` preprocessing, `w` other layer with weights, `+` merge, `m[…]` a
model with these layers, `.` anything else. Parentheses stand around stretches that more than one tensor runs through:
residual, inception and squeeze-excite blocks. `…_random` are the layouts for `weights=None` where they differ (the
pretrained EfficientNetB0 to B7 have one layer more, which scales the input).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from freezelint.keras.names import Kind, canonical

_KINDS = {
    "i": Kind.INPUT,
    "B": Kind.BATCHNORM,
    "n": Kind.NORMALIZATION,
    "d": Kind.DROPOUT,
    "p": Kind.PREPROCESSING,
    "w": Kind.DENSE,
    "+": Kind.MERGE,
}
_TOKEN = re.compile(r"^(\(?)(.)(?:\[(.+?)\])?(~?)(.*?)(\)?)$")


@dataclass(frozen=True, slots=True)
class BackboneLayer:
    """One layer of a backbone.

    `name` as in `layer.name`; if `numbered`, only its stem, because Keras appends a number that depends on what else
    was built before. `kind` is None for layers without weights and without a training mode, and for nested models,
    whose own layers are `inner`. `block` is the name of the block that the layer's name names ("conv2_block1"), or "".
    """

    name: str
    numbered: bool
    kind: Kind | None
    has_weights: bool
    block: str = ""
    inner: tuple[Kind | None, ...] = ()

    @property
    def is_batchnorm(self) -> bool:
        """Whether it is a BatchNormalization."""
        return self.kind is Kind.BATCHNORM


@dataclass(frozen=True, slots=True)
class Layout:
    """The layers of one backbone as one Keras builds it with certain arguments: `model.layers`.

    `blocks` are the stretches (as ranges of indices) that cannot be cut between two layers without separating
    branches that run side by side. NASNet has none: every cell there reads the two before it.
    """

    layers: tuple[BackboneLayer, ...]
    blocks: tuple[range, ...]

    def __len__(self) -> int:
        return len(self.layers)

    def indices(self, start: int | None = None, stop: int | None = None) -> range:
        """The indices that `model.layers[start:stop]` selects, by Python's rules for slices."""
        return range(*slice(start, stop).indices(len(self.layers)))

    def batchnorm_indices(self, start: int | None = None, stop: int | None = None) -> tuple[int, ...]:
        """Where in `model.layers[start:stop]` the BatchNorm layers are, counted from the first layer of the model."""
        return tuple(index for index in self.indices(start, stop) if self.layers[index].is_batchnorm)

    def dropout_indices(self) -> tuple[int, ...]:
        """Where in `model.layers` the Dropout layers are."""
        return tuple(index for index, layer in enumerate(self.layers) if layer.kind is Kind.DROPOUT)

    @property
    def preprocessing(self) -> tuple[str, ...]:
        """The preprocessing layers inside ("rescaling", "normalization"), in order; empty if there are none."""
        found = (layer for layer in self.layers if layer.kind is Kind.PREPROCESSING)
        return tuple("rescaling" if "rescaling" in layer.name else "normalization" for layer in found)

    def index(self, name: str) -> int | None:
        """The index of the layer called `name`; None if there is none (or its name is one that Keras makes up)."""
        return next((at for at, layer in enumerate(self.layers) if layer.name == name and not layer.numbered), None)

    def block_around(self, cut: int) -> range | None:
        """The block that a slice bound at `cut` (negative: from the end) separates; None if it separates none."""
        cut = cut if cut >= 0 else len(self.layers) + cut
        return next((block for block in self.blocks if block.start < cut < block.stop), None)


@dataclass(frozen=True, slots=True)
class Backbone:
    """One model of `keras.applications`.

    `module` is the module it lives in, `channels` and `parameters` are those without its top, `momentum` that of its
    BatchNorm layers (None: it has none). `optional_preprocessing`: it has an `include_preprocessing` argument.
    """

    name: str
    module: str
    channels: int
    parameters: int
    momentum: float | None
    optional_preprocessing: bool
    generations: tuple[str, ...]

    @property
    def has_batchnorm(self) -> bool:
        """Whether there is a BatchNorm layer in it."""
        return self.momentum is not None

    def layout(
        self,
        generation: str,
        top: bool = False,
        *,
        imagenet: bool = True,
        preprocessing: bool = True,
        pooling: bool = False,
    ) -> Layout:
        """Its layers as a `generation` of Keras ("keras2", "keras3", "keras3_16") builds it.

        `top`: `include_top=True`; `imagenet`: `weights="imagenet"`; `preprocessing`: `include_preprocessing` where
        there is such an argument; `pooling`: one of the poolings, which has no effect with a top. For a generation
        that does not have this backbone the layout of the other one is returned.
        """
        return _layout(self.name, self._measured(generation), top, imagenet, preprocessing, pooling and not top)

    def layout_for(self, generation: str, arguments: Mapping[str, object]) -> Layout | None:
        """Its layers for a call with these literal `arguments` (by parameter name; absent ones have their defaults).

        None if an argument changes the architecture in a way that was not measured (`minimalistic=True`). A tensor
        given as `input_tensor` is taken for an input layer.
        """
        if arguments.get("minimalistic") is True:
            return None
        return self.layout(
            generation,
            top=arguments.get("include_top", True) is not False,
            imagenet=arguments.get("weights", "imagenet") == "imagenet",
            preprocessing=not self.optional_preprocessing or arguments.get("include_preprocessing", True) is not False,
            pooling=arguments.get("pooling") is not None,
        )

    def layers(self, generation: str, top: bool = False) -> tuple[BackboneLayer, ...]:
        """`model.layers` of the pretrained model."""
        return self.layout(generation, top).layers

    def batchnorm_indices(self, generation: str, top: bool = False) -> tuple[int, ...]:
        """Where in `model.layers` the BatchNorm layers are."""
        return self.layout(generation, top).batchnorm_indices()

    def batchnorm_in_slice(self, generation: str, top: bool, start: int | None, stop: int | None) -> int:
        """How many BatchNorm layers `model.layers[start:stop]` selects."""
        return len(self.layout(generation, top).batchnorm_indices(start, stop))

    def dropout_count(self, generation: str, top: bool = False) -> int:
        """How many Dropout layers are inside; freezing does not switch them off."""
        return len(self.layout(generation, top).dropout_indices())

    def preprocessing(self, generation: str) -> tuple[str, ...]:
        """The preprocessing layers inside by default ("rescaling", "normalization"); empty if there are none."""
        return self.layout(generation).preprocessing

    def _measured(self, generation: str) -> str:
        wanted = "keras2" if generation == "keras2" else "keras3"
        return wanted if wanted in self.generations else self.generations[0]


def backbone(name: str) -> Backbone | None:
    """The backbone called `name` ("ResNet50", or any dotted name of it); None if `name` is no backbone."""
    section, _, last = canonical(name).rpartition(".")
    return _backbones().get(last) if section in ("", "keras.applications") else None


def backbones() -> tuple[Backbone, ...]:
    """Every backbone of every generation, by name."""
    return tuple(_backbones().values())


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(resources.files(__package__).joinpath("applications.json").read_text("utf-8"))
    for facts in data["backbones"].values():
        if facts.get("keras2") == "keras3":
            facts["keras2"] = facts["keras3"]
    return data


@lru_cache(maxsize=1)
def _backbones() -> dict[str, Backbone]:
    found = {}
    for name, generations in _data()["backbones"].items():
        facts = generations.get("keras3") or generations["keras2"]
        found[name] = Backbone(
            name=name,
            module=f"keras.applications.{facts['module']}",
            channels=facts["channels"],
            parameters=facts["parameters"],
            momentum=facts["momentum"],
            optional_preprocessing=facts["optional_preprocessing"],
            generations=tuple(sorted(generations)),
        )
    return found


@lru_cache(maxsize=64)
def _layout(name: str, generation: str, top: bool, imagenet: bool, preprocessing: bool, pooling: bool) -> Layout:
    facts = _data()["backbones"][name][generation]
    variant = "top" if top else "no_top"
    text = facts[variant] if imagenet else facts.get(f"{variant}_random", facts[variant])
    entries = [entry for entry in _tokens(text, facts["no_top"]) if preprocessing or entry[1].lstrip("(")[0] != "p"]
    layers, blocks, start = [], [], 0
    for index, (block, token) in enumerate(entries):
        layer, opens, closes = _layer(token, block)
        layers.append(layer)
        start = index if opens else start
        if closes:
            blocks.append(range(start, index + 1))
    if pooling:
        layers.append(BackboneLayer("pooling", numbered=True, kind=None, has_weights=False))
    return Layout(tuple(layers), tuple(blocks))


def _tokens(text: str, no_top: str) -> list[tuple[str, str]]:
    """The name of the block and the token of every layer of a layout."""
    known, found = no_top.split(), []
    for reference in text.split():
        if reference.startswith("@"):
            start, stop = reference[1:].split("-")
            found += _tokens(" ".join(known[int(start) : int(stop)]), no_top)
        else:
            key, _, block = reference.partition(":")
            found += [(block, token) for token in _data()["blocks"][key].split()]
    return found


def _layer(token: str, block: str) -> tuple[BackboneLayer, bool, bool]:
    """The layer a token stands for, and whether it opens or closes a block."""
    match = _TOKEN.match(token)
    assert match is not None, token
    opens, letter, inner, numbered, name, closes = match.groups()
    layer = BackboneLayer(
        name=name.replace("$", block),
        numbered=bool(numbered),
        kind=_KINDS.get(letter),
        has_weights=letter in "Bnwm",
        block=block if "$" in name else "",
        inner=tuple(_KINDS.get(child) for child in inner or ""),
    )
    return layer, bool(opens), bool(closes)
