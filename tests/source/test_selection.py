"""Flags of layers that are known only as a whole, against a plain list of booleans."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freezelint.source.selection import WHOLE, Interior, Selection, Thaw

BATCHNORMS = Selection(batchnorm=True)
OTHERS = Selection(batchnorm=False)
SIZE = 10
NORMS = frozenset({1, 4, 7, 9})


def backbone() -> Interior[str]:
    """Ten layers, four of them BatchNormalization."""
    return Interior(SIZE, NORMS)


def unknown(has_batchnorm: bool | None = True) -> Interior[str]:
    """A model of which only this is known."""
    return Interior(has_batchnorm=has_batchnorm)


# Layers known one by one


def test_everything_is_trainable_at_first_and_nobody_said_so() -> None:
    assert backbone().thawed_batchnorms() == [Thaw(4, None, True)]


def test_freezing_leaves_no_batchnorm_thawed() -> None:
    inner = backbone()
    assert inner.assign(WHOLE, False, "freeze") is True
    assert inner.thawed_batchnorms() == []
    assert inner.all_are(False)


def test_freezing_twice_changes_nothing_the_second_time() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    assert inner.assign(WHOLE, False, "again") is False


def test_the_last_layers_have_the_batchnorms_that_they_have() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection(-3), True, "thaw")
    assert inner.thawed_batchnorms() == [Thaw(2, "thaw", True)]


def test_a_stretch_without_batchnorm_thaws_none() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection(5, 7), True, "thaw")
    assert inner.thawed_batchnorms() == []
    assert inner.any_is(True)


def test_a_guard_keeps_batchnorm_frozen() -> None:
    inner = backbone()
    inner.assign(WHOLE, True, "thaw")
    inner.assign(BATCHNORMS, False, "guard")
    assert inner.thawed_batchnorms() == []
    assert inner.any_is(True)


def test_thawing_all_but_batchnorm_keeps_batchnorm_frozen() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(OTHERS, True, "thaw")
    assert inner.thawed_batchnorms() == []


def test_two_thaws_are_told_apart_by_their_place() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection(0, 2), True, "first")
    inner.assign(Selection(8, None), True, "second")
    assert inner.thawed_batchnorms() == [Thaw(1, "first", True), Thaw(1, "second", True)]


def test_who_says_what_is_so_already_is_not_who_did_it() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(WHOLE, True, "thaw")
    inner.assign(Selection(0, 5), True, "again")
    assert [thaw.at for thaw in inner.thawed_batchnorms()] == ["thaw"]


def test_a_stretch_can_be_asked_about_for_itself() -> None:
    inner = backbone()
    inner.assign(Selection(None, 5), False, "freeze")
    assert inner.all_are(False, Selection(None, 5))
    assert inner.thawed_batchnorms(Selection(None, 5)) == []
    assert inner.thawed_batchnorms(Selection(5, None)) == [Thaw(2, None, True)]


def test_names_pick_exact_positions() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection(chosen=frozenset({3, 4})), True, "thaw")
    assert inner.thawed_batchnorms() == [Thaw(1, "thaw", True)]


def test_a_bound_that_is_not_known_ends_certainty_until_everything_is_set() -> None:
    inner = backbone()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection("n", None), True, "thaw")
    assert [(thaw.count, thaw.certain) for thaw in inner.thawed_batchnorms()] == [(None, False)]
    inner.assign(WHOLE, False, "freeze again")
    assert inner.thawed_batchnorms() == []
    assert inner.all_are(False)


def test_setters_are_told_once_each() -> None:
    inner = backbone()
    inner.assign(Selection(None, 5), False, "lower")
    inner.assign(Selection(5, None), False, "upper")
    assert sorted(inner.setters(False)) == ["lower", "upper"]
    assert inner.setters(True) == []


def test_adopting_says_where_and_changes_nothing() -> None:
    inner = backbone()
    before = inner.state()
    inner.adopt(True, "base.trainable = True")
    assert inner.state() == before
    assert inner.thawed_batchnorms() == [Thaw(4, "base.trainable = True", True)]


# Layers not known one by one


def test_a_model_without_batchnorm_has_none_to_thaw() -> None:
    inner = unknown(has_batchnorm=False)
    inner.assign(WHOLE, True, "thaw")
    assert inner.thawed_batchnorms() == []


def test_how_many_batchnorms_are_thawed_is_not_known() -> None:
    inner = unknown()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(WHOLE, True, "thaw")
    assert inner.thawed_batchnorms() == [Thaw(None, "thaw", True)]


def test_whether_there_is_batchnorm_at_all_may_not_be_known() -> None:
    inner = unknown(has_batchnorm=None)
    inner.assign(WHOLE, False, "freeze")
    inner.assign(WHOLE, True, "thaw")
    assert [thaw.certain for thaw in inner.thawed_batchnorms()] == [False]


def test_the_flags_of_a_loaded_model_are_not_known() -> None:
    inner: Interior[str] = Interior(has_batchnorm=True, initial=None)
    assert not inner.all_are(True)
    assert not inner.any_is(True)
    inner.assign(WHOLE, False, "freeze")
    assert inner.all_are(False)


@pytest.mark.parametrize("bound", [100, "first", -20])
def test_freezing_the_first_and_then_the_rest_freezes_everything(bound: int | str) -> None:
    inner = unknown()
    inner.assign(Selection(None, bound), False, "first")
    inner.assign(Selection(bound, None), False, "rest")
    assert inner.all_are(False)


def test_a_guard_holds_in_a_model_that_is_not_known() -> None:
    inner = unknown()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection(-20), True, "thaw")
    inner.assign(BATCHNORMS, False, "guard")
    assert inner.thawed_batchnorms() == []
    assert inner.any_is(True)


def test_equal_words_give_equal_states() -> None:
    one, other = unknown(), unknown()
    for inner in (one, other):
        inner.assign(WHOLE, False, "freeze")
        inner.assign(Selection("n"), True, "thaw")
    assert one.state() == other.state()
    other.assign(Selection("m"), True, "more")
    assert one.state() != other.state()


def test_saying_again_what_was_said_changes_nothing() -> None:
    inner = unknown()
    inner.assign(WHOLE, False, "freeze")
    inner.assign(Selection("n"), True, "thaw")
    assert inner.assign(Selection("n"), True, "again") is False


# Selections


def test_a_slice_of_a_slice() -> None:
    assert list(Selection(2).slice(3, None).indices(SIZE, NORMS) or ()) == [5, 6, 7, 8, 9]


def test_two_kinds_never_meet() -> None:
    assert BATCHNORMS.meet(OTHERS) is None


def test_a_stretch_meets_a_kind() -> None:
    meeting = Selection(5).meet(BATCHNORMS)
    assert meeting is not None
    assert list(meeting.indices(SIZE, NORMS) or ()) == [7, 9]


def test_a_joint_of_equals_is_exact_and_otherwise_some_part() -> None:
    assert Selection(5).join(Selection(5)) == Selection(5)
    assert Selection(5).join(Selection(3)).indices(SIZE, NORMS) is None


# Against a plain list


class Step(NamedTuple):
    start: int | None
    stop: int | None
    batchnorm: bool | None
    chosen: frozenset[int] | None
    value: bool

    @property
    def selection(self) -> Selection:
        return Selection(self.start, self.stop, self.batchnorm, chosen=self.chosen)

    def hits(self, index: int) -> bool:
        return (
            index in range(SIZE)[self.start : self.stop]
            and (self.batchnorm is None or (index in NORMS) is self.batchnorm)
            and (self.chosen is None or index in self.chosen)
        )


bounds = st.none() | st.integers(-SIZE - 3, SIZE + 3)
some = st.none() | st.frozensets(st.integers(0, SIZE - 1))
steps = st.lists(st.builds(Step, bounds, bounds, st.sampled_from([None, True, False]), some, st.booleans()), max_size=8)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_a_known_backbone_is_a_list_of_booleans(program: list[Step]) -> None:
    inner, flags, setters = backbone(), [True] * SIZE, [-1] * SIZE
    for number, step in enumerate(program):
        changed = False
        for index in filter(step.hits, range(SIZE)):
            changed = changed or flags[index] is not step.value
            if flags[index] is not step.value or setters[index] < 0:
                setters[index] = number
            flags[index] = step.value
        assert inner.assign(step.selection, step.value, str(number)) is changed
    assert inner.all_are(True) is all(flags)
    assert inner.any_is(True) is any(flags)
    live = [setters[index] for index in sorted(NORMS) if flags[index]]
    assert inner.thawed_batchnorms() == [
        Thaw(live.count(at), str(at) if at >= 0 else None, True) for at in dict.fromkeys(live)
    ]


@settings(max_examples=300, deadline=None)
@given(steps)
def test_what_is_said_about_an_unknown_model_is_true_of_every_model_it_may_be(program: list[Step]) -> None:
    """The same assignments to ten layers: where the unknown model is sure, the list of booleans agrees."""
    inner, flags = unknown(), [True] * SIZE
    for step in program:
        inner.assign(step.selection, step.value, "somewhere")
        flags = [step.value if step.hits(index) else flag for index, flag in enumerate(flags)]
    for value in (True, False):
        if inner.all_are(value):
            assert flags == [value] * SIZE
    if not inner.thawed_batchnorms():
        assert not any(flags[index] for index in NORMS)


@settings(max_examples=200, deadline=None)
@given(bounds, bounds, bounds, bounds)
def test_a_slice_of_a_selection_is_exact_or_says_that_it_is_not(
    start: int | None, stop: int | None, then: int | None, until: int | None
) -> None:
    indices = Selection(start, stop).slice(then, until).indices(SIZE, NORMS)
    if indices is not None:
        assert list(indices) == list(range(SIZE)[start:stop][then:until])


@settings(max_examples=200, deadline=None)
@given(bounds, bounds, bounds, bounds, some, some)
def test_where_two_selections_meet_is_exact_or_says_that_it_is_not(
    start: int | None,
    stop: int | None,
    other_start: int | None,
    other_stop: int | None,
    chosen: frozenset[int] | None,
    other_chosen: frozenset[int] | None,
) -> None:
    one, other = Selection(start, stop, chosen=chosen), Selection(other_start, other_stop, chosen=other_chosen)
    meeting = one.meet(other)
    indices = meeting.indices(SIZE, NORMS) if meeting is not None else ()
    if indices is not None:
        assert set(indices) == set(one.indices(SIZE, NORMS) or ()) & set(other.indices(SIZE, NORMS) or ())
