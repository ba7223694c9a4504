"""How Keras behaves, by version and backend: one row per difference, each with the proof that measures it.

`Behaviour` is the table. A row is one attribute: read on the class it is the `Row` itself (what the documentation
prints), read on a `Behaviour` it is the answer for that version and backend (what a check asks):

    >>> Behaviour(KerasVersion(3, 15)).wired_training_holds
    False
    >>> Behaviour.wired_training_holds.keras2.words
    'wins over `fit` and `predict`'

To add a row, add an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, overload

from freezelint.keras.version import KerasVersion


class Answer(NamedTuple):
    """Whether a statement holds for one Keras, and what happens there, in words."""

    holds: bool
    words: str


def yes(words: str) -> Answer:
    """The statement holds; `words` say what happens."""
    return Answer(True, words)


def no(words: str) -> Answer:
    """The statement does not hold; `words` say what happens instead."""
    return Answer(False, words)


class Row:
    """One thing that a check must know about Keras, as a statement with an answer per generation.

    `keras2` was measured on Keras 2.15 and tf_keras 2.21, `keras3` on 3.0 to 3.15.1, `keras3_16` on a nightly of
    3.16 (None: not measured there, taken to be as before). All of these ran on TensorFlow; `jax` is the answer of
    Keras 3.15.1 on JAX (None: not measured). `minors` are exceptions within Keras 3: `{range(0, 6): no("…")}`,
    `keras2_minors` those within Keras 2.
    `proof` is the file under `tests/proofs/` that measures the row, `reference` a public discussion or source.
    """

    def __init__(
        self,
        statement: str,
        *,
        keras2: Answer,
        keras3: Answer,
        keras3_16: Answer | None = None,
        jax: Answer | None = None,
        minors: dict[range, Answer] | None = None,
        keras2_minors: dict[range, Answer] | None = None,
        proof: str,
        reference: str | None = None,
    ) -> None:
        self.statement = statement
        self.keras2 = keras2
        self.keras3 = keras3
        self.keras3_16 = keras3_16
        self.jax = jax
        self.minors = minors or {}
        self.keras2_minors = keras2_minors or {}
        self.proof = proof
        self.reference = reference
        self.name = ""
        self.__doc__ = f"Whether this holds: {statement}."

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Row: ...
    @overload
    def __get__(self, instance: Behaviour, owner: type) -> bool: ...
    def __get__(self, instance: Behaviour | None, owner: type) -> Row | bool:
        return self if instance is None else self.answer(instance.version, instance.backend).holds

    def answer(self, version: KerasVersion, backend: str | None = "tensorflow") -> Answer:
        """What happens in this version on this backend; on a backend that was not measured, what TensorFlow does."""
        if version.generation == "keras2":
            return next(
                (answer for minors, answer in self.keras2_minors.items() if version.minor in minors), self.keras2
            )
        if version.generation == "keras3_16" and self.changed_in_3_16:
            return self.keras3_16 or self.keras3
        if backend == "jax" and self.jax is not None:
            return self.jax
        for minors, answer in self.minors.items():
            if version.minor in minors:
                return answer
        return self.keras3

    @property
    def changed_in_3_16(self) -> bool:
        """Whether 3.16 behaves otherwise than 3.15; such a change is taken to reach every backend."""
        return self.keras3_16 is not None and self.keras3_16.holds is not self.keras3.holds

    def measured_on(self, generation: str) -> tuple[str, ...]:
        """The backends that the answer for this generation was measured on."""
        return ("tensorflow", "jax") if self.jax is not None and generation == "keras3" else ("tensorflow",)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The semantics of one Keras: a version and a backend ("tensorflow", "jax", "torch" or None = unknown)."""

    version: KerasVersion
    backend: str | None = "tensorflow"

    @property
    def generation(self) -> str:
        """Which of `keras2`, `keras3` (3.0 to 3.15) and `keras3_16` (3.16 and later) it is."""
        return self.version.generation

    def measured(self, row_name: str) -> bool:
        """Whether the row of this name was measured on this backend; if not, its answer is TensorFlow's.

        Keras 2 runs on TensorFlow whatever the backend is said to be. Raises `KeyError` for a name that is no row.
        """
        row = _ROWS[row_name]
        return self.generation == "keras2" or self.backend in row.measured_on(self.generation)

    # Which mode BatchNorm and Dropout run in

    frozen_batchnorm_runs_in_inference = Row(
        "a BatchNormalization with `trainable = False` is in inference mode, even when it is called with"
        " `training=True`",
        keras2=yes("statistics moved 0.0000, output from the moving statistics"),
        keras3=yes("statistics moved 0.0000, output from the moving statistics"),
        proof="test_batchnorm_live_under_frozen_parent.py",
        reference="https://keras.io/api/layers/normalization_layers/batch_normalization/",
    )
    wired_training_holds = Row(
        "`layer(x, training=…)` written into a Functional graph survives `fit` and `predict`",
        keras2=yes("wins over `fit` and `predict`"),
        keras3=no("overruled by the `training=True` of `fit` and the `training=False` of `predict`"),
        keras3_16=yes("wins again over `fit` and `predict`"),
        jax=no("overruled, as on TensorFlow"),
        proof="test_pinned_training_ignored.py",
        reference="https://github.com/keras-team/keras/issues/20285",
    )
    wired_training_reaches_export = Row(
        "`layer(x, training=True)` written into a Functional graph puts an exported signature into training mode",
        keras2=yes("with every way of saving"),
        keras3=yes("with `export`, although `predict` of the same model is in inference mode"),
        proof="test_batchnorm_training_in_signature.py",
    )
    wired_false_silences_frozen_dropout = Row(
        "`base(x, training=False)` in a Functional graph switches the Dropout of a frozen `base` off during `fit`",
        keras2=yes("off: 0.0 of the values are dropped"),
        keras3=no("on: freezing never switches Dropout off, and the pin is overruled"),
        keras3_16=yes("off again"),
        proof="test_behaviour.py",
        reference="https://github.com/keras-team/keras/issues/20285",
    )
    freezing_stops_dropout = Row(
        "`trainable = False` switches Dropout, noise and random augmentation off",
        keras2=no("active under `training=True`"),
        keras3=no("active under `training=True`"),
        proof="test_behaviour.py",
        reference="https://keras.io/guides/transfer_learning/",
    )
    call_without_training_follows_fit = Row(
        "in a subclassed `keras.Model` whose `call` has no `training` parameter, `fit` runs the layers in training"
        " mode",
        keras2=yes("statistics moved 2.2113"),
        keras3=no("inference mode: BatchNorm never learns its statistics, Dropout is off"),
        keras3_16=no("inference mode"),
        proof="test_model_call_without_training.py",
    )
    call_default_leaks_training = Row(
        "a layer whose `call` has `training=True` as its default (random augmentation, custom layers) puts the layers"
        " behind it into training mode when the model is called without `training`",
        keras2=no("the default stays inside the layer"),
        keras3=yes(
            "statistics move in a plain `model(x)` and in `export()`, in a subclassed model without a `training`"
            " parameter in `predict` too"
        ),
        keras3_16=no(
            "the default stays inside the layer; a mode that its body passes on to a layer inside it still reaches the"
            " layers behind it"
        ),
        proof="test_behaviour.py",
        reference="https://github.com/keras-team/keras/pull/23166",
    )
    preprocessing_leaks_training = Row(
        "Resizing, CenterCrop and other image layers without randomness put the layers behind them into training mode"
        " when the model is called without `training`",
        keras2=no("they have no training mode"),
        keras3=yes("their `call` has `training=True` as its default (3.6 to 3.15.1)"),
        keras3_16=no("the default stays inside the layer"),
        minors={range(6): no("their `call` has no such default")},
        proof="test_behaviour.py",
        reference="https://github.com/keras-team/keras/pull/23166",
    )
    augmentation_is_active_in_export = Row(
        "random augmentation layers are active in the signature of an exported model",
        keras2=no("inactive in a SavedModel"),
        keras3=yes("two identical requests get different answers from `export()`"),
        proof="test_augmentation_active_in_signature.py",
        reference="https://github.com/keras-team/autokeras/issues/1524",
    )
    positional_training_is_accepted = Row(
        "`training` may be passed to a layer as a positional argument",
        keras2=yes("`self.bn(x, training)` works"),
        keras3=no("ValueError: only input tensors may be passed as positional arguments"),
        proof="test_behaviour.py",
    )
    python_condition_on_training_works = Row(
        "`fit` runs a layer that computes `training` with a tensor operation and hands it to its parent class",
        keras2=yes("the numbers are those of the stock layer"),
        keras3=no("OperatorNotAllowedInGraphError: a symbolic tensor used as a Python bool"),
        proof="test_redundant_frozen_batchnorm.py",
    )
    learning_phase_exists = Row(
        "`keras.backend.set_learning_phase` exists",
        keras2=yes("deprecated; changes a bare `model(x)`, not `fit` and not `predict`"),
        keras3=no("AttributeError"),
        proof="test_learning_phase_api.py",
    )
    spectral_normalization_can_be_frozen = Row(
        "`trainable = False` keeps SpectralNormalization from rewriting the kernel it wraps",
        keras2=no("rewritten when called with `training=True`"),
        keras3=no("the kernel moved 0.0525 inside `fit`"),
        proof="test_behaviour.py",
    )

    # What a flag covers

    frozen_parent_gates_children = Row(
        "a thawed layer under a frozen nested model stays out of training",
        keras2=yes("it does not train, but its BatchNorm statistics move"),
        keras3=no("it trains"),
        keras3_16=no("it trains"),
        proof="test_unfreeze_under_frozen_parent.py",
    )
    same_value_assignment_propagates = Row(
        "`x.trainable = v` reaches the children although x's own flag is v already",
        keras2=yes("all children get the value again"),
        keras3=no("skipped: children keep their flags"),
        keras3_16=no("skipped"),
        jax=yes("all children get the value again"),
        proof="test_behaviour.py",
    )
    constructor_flag_freezes_children = Row(
        "`trainable=False` in the constructor of a model or composite layer freezes the layers inside when it is"
        " nested",
        keras2=yes("weights frozen, but a BatchNorm inside still moves its statistics"),
        keras3=no("the weights inside train"),
        keras3_16=no("the weights inside train"),
        proof="test_behaviour.py",
    )
    flag_before_sublayers_freezes_them = Row(
        "`self.trainable = False` in `__init__` freezes sub-layers that are assigned after it",
        keras2=yes("the parent gates them"),
        keras3=no("they train inside an outer model"),
        keras3_16=no("they train inside an outer model"),
        proof="test_behaviour.py",
    )
    sequential_takes_trainable = Row(
        "`Sequential([...], trainable=False)` is accepted",
        keras2=no("TypeError"),
        keras3=yes("accepted, but the layers inside train when it is nested"),
        proof="test_behaviour.py",
    )
    sublayers_created_after_freeze_train = Row(
        "a sub-layer created after `parent.trainable = False` trains inside an outer model",
        keras2=no("the parent gates it"),
        keras3=yes("its own flag is True"),
        proof="test_behaviour.py",
    )
    unbuilt_layer_can_be_frozen = Row(
        "a plain layer frozen before it is built stays frozen inside an outer model",
        keras2=yes("frozen"),
        keras3=yes("frozen"),
        minors={range(1): no("trains (3.0 only)")},
        proof="test_behaviour.py",
    )
    variable_flag_can_be_set = Row(
        "`weight.trainable = False` on a single variable of a layer freezes it",
        keras2=no("AttributeError: no setter"),
        keras3=yes("frozen"),
        proof="test_torch_style_freeze.py",
    )
    set_of_layers_is_tracked = Row(
        "layers kept in a `set` attribute are tracked",
        keras2=no("never trained, never frozen, silently"),
        keras3=yes("tracked"),
        proof="test_behaviour.py",
    )
    tf_variable_is_tracked = Row(
        "a `tf.Variable` assigned to an attribute of a layer becomes one of its weights",
        keras2=yes("tracked, and trained unless `trainable=False`"),
        keras3=no("neither trained nor saved"),
        proof="test_behaviour.py",
        reference="https://github.com/keras-team/keras/issues/16797",
    )
    tf_module_is_tracked = Row(
        "layers held by a `tf.Module` that is an attribute of a model are tracked",
        keras2=yes("they train and are saved"),
        keras3=no("they are not in the model's weights"),
        proof="test_untracked_sublayer.py",
    )
    lambda_tracks_a_model = Row(
        "`Lambda(model)` tracks the weights of the model (a function around it never does)",
        keras2=no("0 of 6 weights"),
        keras3=yes("6 of 6 weights"),
        proof="test_behaviour.py",
    )
    container_flag_survives_reload = Row(
        "the own flag of a nested model survives saving to `.keras` or `.h5`",
        keras2=no("comes back True; the flags of its layers are kept"),
        keras3=yes("kept"),
        proof="test_behaviour.py",
    )
    container_flag_survives_cloning = Row(
        "the own flag of a nested model survives `clone_model`",
        keras2=no("comes back True; the flags of its layers are kept"),
        keras3=yes("kept"),
        proof="test_behaviour.py",
    )
    h5_order_depends_on_flags = Row(
        "the order of the weights of a nested model in a legacy `.h5` depends on what was frozen when it was saved",
        keras2=yes("loading under other flags misassigns weights of equal shape, silently"),
        keras3=yes("loading under other flags misassigns weights of equal shape, silently"),
        proof="test_behaviour.py",
    )
    hub_layers_work = Row(
        "`hub.KerasLayer` is a layer that a model can hold",
        keras2=yes("it is a `tf.keras` layer"),
        keras3=no("ValueError: only instances of `keras.Layer` can be added"),
        proof="test_hub_layer_in_keras3.py",
        reference="https://github.com/tensorflow/tensorflow/issues/63849",
    )
    lora_exists = Row(
        "layers have `enable_lora` and `quantize`",
        keras2=no("AttributeError"),
        keras3=yes("they do; a False-True cycle of `trainable` thaws the base kernel again"),
        proof="test_behaviour.py",
    )

    # When a flag is read

    flags_are_read_at_compile = Row(
        "`compile` takes the snapshot of the flags, not the first trace of `fit`",
        keras2=yes("a change after `compile` is ignored, also before the first `fit`"),
        keras3=no("read when the step is first traced: a change before the first `fit` counts"),
        keras3_16=no("read when the step is first traced"),
        proof="test_trainable_after_compile.py",
    )
    flags_after_fit_are_ignored = Row(
        "a flag changed after the first `fit`, without `compile`, is ignored silently",
        keras2=yes("ignored, also with `run_eagerly=True`"),
        keras3=yes("ignored; with `run_eagerly=True` a freeze counts and a thaw raises ValueError"),
        jax=no("a freeze raises ValueError in the next `fit`"),
        proof="test_trainable_after_compile.py",
    )
    discriminator_frozen_after_compile_trains = Row(
        "`D.compile(); D.trainable = False; gan.compile()`: D still trains by its own `train_on_batch`",
        keras2=yes("trains by its own step, frozen in the combined one"),
        keras3=no("D never trains"),
        keras3_16=no("D never trains"),
        jax=no("D never trains"),
        proof="test_gan_freeze_order.py",
    )
    reused_optimizer_raises_after_unfreeze = Row(
        "an optimizer that was built for fewer variables raises when more of them train",
        keras2=yes("KeyError: the optimizer cannot recognize variable (not in `legacy`)"),
        keras2_minors={range(11): no("it takes new variables silently (as its release notes say; not measured)")},
        keras3=yes("ValueError: unknown variable"),
        proof="test_optimizer_reused_after_unfreeze.py",
    )
    loaded_optimizer_raises_after_unfreeze = Row(
        "a loaded, compiled model raises when more of it is trained without a new `compile`",
        keras2=no("silent: what was thawed does not train"),
        keras3=yes("ValueError: unknown variable"),
        proof="test_optimizer_reused_after_unfreeze.py",
    )
    ema_survives_freeze = Row(
        "with `use_ema=True`, freezing after the optimizer was built leaves the averages with their own variables",
        keras2=yes("they stay with their variables"),
        keras3=no("after `fit` they are written to the wrong variables"),
        proof="test_behaviour.py",
    )
    compile_in_callback_crashes = Row(
        "`model.compile` in a callback during `fit` crashes the `fit`",
        keras2=yes("TypeError: 'NoneType' object is not callable"),
        keras3=yes("TypeError: 'NoneType' object is not callable"),
        proof="test_compile_in_callback.py",
    )
    warns_when_nothing_trains = Row(
        "`fit` warns when the model has no trainable weights",
        keras2=no("silent"),
        keras3=yes("UserWarning, once"),
        proof="test_nothing_trainable.py",
    )

    # What training and saving do

    tape_watches_frozen_variables = Row(
        "a `GradientTape` watches the variables of frozen layers",
        keras2=yes("the underlying variables stay trainable"),
        keras3=yes("the underlying variables stay trainable"),
        proof="test_behaviour.py",
    )
    frozen_regularizers_stay_in_loss = Row(
        "the weight regularizer of a frozen layer stays in the loss",
        keras2=yes("loss 8.9657 before and after freezing"),
        keras3=no("dropped: loss 8.9657 before, 0.5590 after freezing"),
        proof="test_behaviour.py",
    )
    batchnorm_is_fused_in_saved_model = Row(
        "BatchNorm is a FusedBatchNorm operation in a SavedModel",
        keras2=yes("FusedBatchNormV3; no `is_training` attribute means training"),
        keras3=no("Rsqrt, Mul and Add; SquaredDifference and assignments mean training"),
        proof="test_batchnorm_training_in_signature.py",
    )


_ROWS = {name: row for name, row in vars(Behaviour).items() if isinstance(row, Row)}


def rows() -> tuple[Row, ...]:
    """Every row, in the order of the table."""
    return tuple(_ROWS.values())


def table() -> str:
    """The rows as a Markdown table: statement, answer per generation, backends, proof."""
    lines = ["| Statement | Keras 2 | Keras 3.0–3.15 | Keras 3.16 | JAX | Proof |", "|---|---|---|---|---|---|"]
    for row in rows():
        unmeasured = "as 3.15, not measured"
        cells = [row.statement[:1].upper() + row.statement[1:], _cell(row.keras2), _versions(row)]
        cells += [_cell(row.keras3_16, unmeasured), _cell(row.jax, "not measured")]
        proof = f"[`{row.proof}`](tests/proofs/{row.proof})"
        cells.append(f"{proof} · {row.reference}" if row.reference else proof)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _versions(row: Row) -> str:
    """The answer for Keras 3 up to 3.15 with the exceptions for single releases."""
    exceptions = [f"{_minors(minors)}: {_cell(answer)}" for minors, answer in row.minors.items()]
    return "; ".join([_cell(row.keras3), *exceptions])


def _minors(minors: range) -> str:
    return f"3.{minors[0]}" if len(minors) == 1 else f"3.{minors[0]}–3.{minors[-1]}"


def _cell(answer: Answer | None, otherwise: str = "") -> str:
    if answer is None:
        return otherwise
    return f"{'yes' if answer.holds else '**no**'}: {answer.words}"
