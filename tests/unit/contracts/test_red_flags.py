"""Red flags: the level of every item, which one wins, and that silence is not an answer."""

from itertools import permutations

import pytest

from services.contracts.assessment import Assessment, Phq9
from services.contracts.codes import Condition, RedFlag, SafetyLevel
from services.contracts.red_flags import (
    ADVICE,
    EMERGENCY_ITEMS,
    HOLD_ITEMS,
    PHQ9_ITEM9,
    URGENT_ITEMS,
    Safety,
    check,
)

BACK_PAIN = (Condition.BACK_PAIN,)


def level(*flags: RedFlag, conditions: tuple[Condition, ...] | None = None, item9: int | None = None) -> str | None:
    found = check(
        Assessment(
            conditions=conditions,
            phq9=Phq9(score=None, item9=item9),
            red_flags=dict.fromkeys(flags, True),
        )
    )
    return found.level if found else None


@pytest.mark.parametrize(
    "flag",
    [
        RedFlag.BLADDER_OR_BOWEL_CHANGE,
        RedFlag.URINATION_DIFFICULTY,
        RedFlag.SADDLE_NUMBNESS,
        RedFlag.BOTH_LEG_SYMPTOMS,
        RedFlag.SEXUAL_FUNCTION_CHANGE,
        RedFlag.CHEST_PAIN,
        RedFlag.SERIOUS_ACCIDENT,
    ],
)
@pytest.mark.parametrize("conditions", [None, (), (Condition.OTHER,), BACK_PAIN])
def test_emergency_items_count_with_and_without_back_pain(
    flag: RedFlag, conditions: tuple[Condition, ...] | None
) -> None:
    assert level(flag, conditions=conditions) == SafetyLevel.EMERGENCY


@pytest.mark.parametrize(
    "flag",
    [
        RedFlag.FEVER,
        RedFlag.WEIGHT_LOSS,
        RedFlag.LUMP_OR_SHAPE_CHANGE,
        RedFlag.NIGHT_PAIN,
        RedFlag.COUGH_OR_STRAIN_PAIN,
        RedFlag.UPPER_BACK_PAIN,
    ],
)
def test_urgent_items_count_with_back_pain_only(flag: RedFlag) -> None:
    assert level(flag, conditions=BACK_PAIN) == SafetyLevel.URGENT
    assert level(flag, conditions=(Condition.MUSCULOSKELETAL,)) is None
    assert level(flag, conditions=()) is None
    assert level(flag, conditions=None) is None


@pytest.mark.parametrize("conditions", [None, (), BACK_PAIN])
def test_a_disclosure_is_a_hold(conditions: tuple[Condition, ...] | None) -> None:
    assert level(RedFlag.SELF_HARM_DISCLOSURE, conditions=conditions) == SafetyLevel.HOLD


@pytest.mark.parametrize(("item9", "expected"), [(None, None), (0, None), (1, "hold"), (2, "hold"), (3, "hold")])
def test_item_9_of_one_or_more_is_a_hold(item9: int | None, expected: str | None) -> None:
    assert level(item9=item9) == expected
    found = check(Assessment(phq9=Phq9(score=4, item9=item9)))
    assert (found.items if found else ()) == ((PHQ9_ITEM9,) if expected else ())


def test_the_sets_divide_the_codes() -> None:
    assert set(RedFlag) == EMERGENCY_ITEMS | HOLD_ITEMS | URGENT_ITEMS
    assert len(EMERGENCY_ITEMS) + len(HOLD_ITEMS) + len(URGENT_ITEMS) == len(RedFlag)


def test_the_most_serious_wins_and_every_positive_item_is_named_in_one_order() -> None:
    flags = (RedFlag.NIGHT_PAIN, RedFlag.SELF_HARM_DISCLOSURE, RedFlag.CHEST_PAIN, RedFlag.FEVER)
    for order in permutations(flags):
        assert check(
            Assessment(conditions=BACK_PAIN, phq9=Phq9(item9=1), red_flags=dict.fromkeys(order, True))
        ) == Safety(
            SafetyLevel.EMERGENCY,
            " ".join(ADVICE[level] for level in (SafetyLevel.EMERGENCY, SafetyLevel.HOLD, SafetyLevel.URGENT)),
            ("chest_pain", "self_harm_disclosure", PHQ9_ITEM9, "fever", "night_pain"),
        )


def test_an_urgent_item_that_does_not_count_adds_nothing() -> None:
    assert check(
        Assessment(conditions=(), red_flags={RedFlag.FEVER: True, RedFlag.CHEST_PAIN: True, RedFlag.NIGHT_PAIN: None})
    ) == Safety(SafetyLevel.EMERGENCY, ADVICE[SafetyLevel.EMERGENCY], ("chest_pain",))


def test_hold_before_urgent() -> None:
    assert level(RedFlag.FEVER, RedFlag.SELF_HARM_DISCLOSURE, conditions=BACK_PAIN) == SafetyLevel.HOLD


@pytest.mark.parametrize(
    "assessment",
    [
        None,
        Assessment(),
        Assessment(red_flags={}),
        Assessment(red_flags=dict.fromkeys(RedFlag, None), conditions=BACK_PAIN),
        Assessment(red_flags=dict.fromkeys(RedFlag, False), conditions=BACK_PAIN),
        Assessment(phq9=Phq9()),
        Assessment(phq9=Phq9(score=27)),
    ],
)
def test_what_was_not_asked_or_was_denied_is_no_red_flag(assessment: Assessment | None) -> None:
    assert check(assessment) is None


@pytest.mark.parametrize(
    ("safety_level", "words"),
    [
        (SafetyLevel.EMERGENCY, ["999", "A&E"]),
        (SafetyLevel.HOLD, ["999", "111", "option 2", "day or night", "not crisis services"]),
        (SafetyLevel.URGENT, ["GP", "111"]),
    ],
)
def test_the_advice_says_where_to_turn(safety_level: SafetyLevel, words: list[str]) -> None:
    assert all(word in ADVICE[safety_level] for word in words)


def test_every_level_has_advice() -> None:
    assert ADVICE.keys() == set(SafetyLevel)
