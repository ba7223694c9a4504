"""How conditions that are not known are decided, once per path."""

from __future__ import annotations

from freezelint.source.paths import MAX_PATHS, Decisions, explore


def outcomes(*questions: str, limit: int = MAX_PATHS) -> list[tuple[bool, ...]]:
    return list(explore(lambda decisions: tuple(decisions.choose(question) for question in questions), limit))


def test_without_conditions_there_is_one_path() -> None:
    assert outcomes() == [()]


def test_a_condition_makes_two_paths() -> None:
    assert sorted(outcomes("fine_tune")) == [(False,), (True,)]


def test_the_same_condition_twice_is_one_case() -> None:
    assert sorted(outcomes("fine_tune", "fine_tune")) == [(False, False), (True, True)]


def test_two_conditions_make_four_paths() -> None:
    assert len(set(outcomes("a", "b"))) == 4


def test_no_path_is_walked_twice() -> None:
    found = outcomes("a", "b", "c")
    assert len(found) == len(set(found)) == 8


def test_many_conditions_stop_at_the_limit_and_every_outcome_is_seen() -> None:
    found = outcomes(*"abcdefgh")
    assert len(found) == MAX_PATHS
    assert all({path[index] for path in found} == {True, False} for index in range(8))


def test_a_limit_of_one_walks_the_first_path_only() -> None:
    assert outcomes("a", "b", limit=1) == [(True, True)]


def test_a_condition_inside_another_is_asked_only_where_it_stands() -> None:
    def run(decisions: Decisions) -> tuple[bool, ...]:
        if decisions.choose("outer"):
            return (True, decisions.choose("inner"))
        return (False,)

    assert sorted(explore(run)) == [(False,), (True, False), (True, True)]


def test_a_value_equals_one_constant_at_most() -> None:
    def run(decisions: Decisions) -> tuple[str, ...]:
        return tuple(phase for phase in ("head", "upper", "all") if decisions.equals("args.phase", phase))

    assert set(explore(run)) == {("head",), ("upper",), ("all",), ()}


def test_a_value_that_was_unequal_stays_so() -> None:
    decisions = Decisions({("phase", "==", "head"): False})
    assert decisions.equals("phase", "head") is False
    assert decisions.equals("phase", "head") is False


def test_a_value_that_was_equal_to_something_is_nothing_else() -> None:
    decisions = Decisions({})
    assert decisions.equals("phase", "head") is True
    assert decisions.equals("phase", "all") is False
    assert decisions.equals("phase", "head") is True
