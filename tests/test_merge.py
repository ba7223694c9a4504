"""Findings of several analyses become one list."""

from __future__ import annotations

from freezelint.catalogue import Rule
from freezelint.finding import Confidence, Finding, Severity
from freezelint.merge import across_generations, distinct, speaking
from tests.report.diagnostics import IN_MODEL, STORY, TYPO, UNREAD, span


def rule(name: str, silenced_by: dict[str, tuple[str, ...]]) -> Rule:
    return Rule("FZ999", name, "", frozenset(), {}, True, None, "0.1.0", (), None, True, silenced_by)


def test_what_holds_in_both_generations_is_one_finding_with_the_higher_severity() -> None:
    as_keras2 = STORY._replace(severity=Severity.WARNING, keras=("2",))
    as_keras3 = STORY._replace(severity=Severity.ERROR, keras=("3",), message="worse")
    (finding,) = across_generations({"2": [as_keras2], "3": [as_keras3]})
    assert (finding.keras, finding.severity, finding.message) == (("2", "3"), Severity.ERROR, "worse")
    assert finding.confidence is Confidence.CERTAIN


def test_what_holds_in_one_generation_only_says_so_and_is_at_most_likely() -> None:
    (finding,) = across_generations({"2": [], "3": [STORY._replace(message="It moves.")]})
    assert (finding.message, finding.confidence, finding.keras) == ("Keras 3: It moves.", Confidence.LIKELY, ("3",))


def test_a_message_that_names_its_generation_is_left_alone() -> None:
    (finding,) = across_generations({"2": [], "3": [STORY._replace(message="Keras 3 before 3.16: It moves.")]})
    assert finding.message == "Keras 3 before 3.16: It moves."


def test_with_one_generation_nothing_is_added() -> None:
    (finding,) = across_generations({"3": [STORY._replace(keras=("3",))]})
    assert (finding.message, finding.confidence, finding.keras) == (STORY.message, Confidence.CERTAIN, ("3",))


def test_the_surest_of_two_findings_of_one_rule_at_one_place_is_kept() -> None:
    unsure = STORY._replace(confidence=Confidence.LIKELY, message="perhaps")
    assert distinct([unsure, STORY]) == [STORY]
    assert distinct([STORY, STORY._replace(span=span("train.py", 10, 1, 2))]) != [STORY]


def test_two_things_about_a_whole_model_are_two_findings() -> None:
    whole = IN_MODEL._replace(layer=None, signature=None)
    assert len(distinct([whole, whole._replace(message="another"), UNREAD])) == 3


def test_the_more_specific_rule_speaks_where_a_line_is_shared() -> None:
    rules = {STORY.name: rule(STORY.name, {"keras2": (TYPO.name,)})}
    on_a_step = TYPO._replace(span=span("train.py", 5, 1, 2))
    elsewhere = TYPO._replace(span=span("train.py", 4, 1, 2))
    assert speaking([STORY, on_a_step], rules, "keras2") == [on_a_step]
    assert speaking([STORY, elsewhere], rules, "keras2") == [STORY, elsewhere]
    assert speaking([STORY, on_a_step], rules, "keras3") == [STORY, on_a_step]


def test_in_a_model_the_same_layer_or_an_unnamed_one_is_the_same_place() -> None:
    rules = {IN_MODEL.name: rule(IN_MODEL.name, {"keras3": ("specific",)})}

    def survives(other: Finding) -> bool:
        return IN_MODEL in speaking([IN_MODEL, other], rules, "keras3")

    specific = IN_MODEL._replace(name="specific")
    assert not survives(specific)
    assert not survives(specific._replace(layer=None, signature=None))
    assert survives(specific._replace(layer="another"))
    assert survives(specific._replace(path="another.keras"))


def test_rules_that_silence_before_3_16_silence_from_then_on_unless_told_otherwise() -> None:
    other = TYPO._replace(span=STORY.span)
    assert speaking([STORY, other], {STORY.name: rule(STORY.name, {"keras3": (TYPO.name,)})}, "keras3_16") == [other]
    told = {STORY.name: rule(STORY.name, {"keras3": (TYPO.name,), "keras3_16": ()})}
    assert speaking([STORY, other], told, "keras3_16") == [STORY, other]
