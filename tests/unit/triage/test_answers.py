"""Answers in parts: by tool and by the day on which it was asked; and what is positive is never lost on the way."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.contracts.assessment import Assessment, Ons4, PartTaken, Phq9
from services.contracts.assessment_codes import AssessmentPart
from services.contracts.codes import Condition, RedFlag, SafetyLevel
from services.kernel.sealing.content import Sealed
from services.triage.domain.answers import Answers, dated, is_answered, merged, positive_levels, raised_by
from tests.spec.people import answers

REFERRED = date(2024, 11, 1)
EARLY, LATE = date(2024, 11, 10), date(2024, 11, 20)
PART = AssessmentPart


def join(*parts: Assessment) -> Assessment:
    """Join parts in the order in which they came."""
    known = dated(parts[0], REFERRED)
    for part in parts[1:]:
        known = merged(known, part, REFERRED, REFERRED + timedelta(days=30))
    return known


def on(day: date | None, **said: Any) -> Assessment:
    return answers(taken_on=day, **said)


@pytest.mark.parametrize(
    ("title", "first", "second", "field", "expected"),
    [
        ("the later day", on(EARLY, gad7=9), on(LATE, gad7=4), "gad7", 4),
        ("the later day came first", on(LATE, gad7=4), on(EARLY, gad7=9), "gad7", 4),
        ("one day: what came later", on(EARLY, gad7=9), on(EARLY, gad7=4), "gad7", 4),
        ("no day said: the day of the referral", on(None, gad7=9), on(EARLY, gad7=4), "gad7", 4),
        ("no day said later: the day on which it came", on(EARLY, gad7=9), on(None, gad7=4), "gad7", 4),
        ("another tool does not matter", on(EARLY, gad7=9), on(LATE, start_msk=4), "gad7", 9),
        ("the same tool without a score", on(EARLY, gad7=9), on(LATE, phq9=4), "gad7", 9),
        ("STarT MSK", on(EARLY, start_msk=9), on(LATE, start_msk=4), "start_msk", 4),
        ("WSAS", on(EARLY, wsas=9), on(LATE, wsas=4), "wsas", 4),
    ],
)
def test_a_tool_is_superseded_by_its_later_day(
    title: str, first: Assessment, second: Assessment, field: str, expected: int
) -> None:
    assert getattr(join(first, second), field).score == expected, title


def test_a_questionnaire_is_one_sitting() -> None:
    known = join(on(EARLY, phq9=20, item9=1), on(LATE, phq9=4))
    assert known.phq9 == Phq9(score=4, item9=None), "no sum of one sitting meets an item of another"
    assert join(on(EARLY, phq9=20, item9=1), on(LATE, item9=0)).phq9 == Phq9(score=None, item9=0)


@pytest.mark.parametrize("field", ["conditions", "stressors", "barriers"])
def test_a_list_is_one_answer_and_an_empty_one_is_an_answer(field: str) -> None:
    said = {"conditions": ["cancer"], "stressors": ["caring"], "barriers": ["debt"]}[field]
    assert getattr(join(on(EARLY, **{field: said}), on(LATE, **{field: []})), field) == ()
    assert len(getattr(join(on(EARLY, **{field: said}), on(LATE, **{field: None})), field)) == 1


def test_specialist_care_is_one_question() -> None:
    care = "under_secondary_mental_health_care"
    assert join(on(EARLY, **{care: True}), on(LATE, **{care: False})).under_secondary_mental_health_care is False
    assert join(on(LATE, **{care: False}), on(EARLY, **{care: True})).under_secondary_mental_health_care is False


def test_the_ons4_are_four_answers_of_one_sitting() -> None:
    first = Assessment(taken_on=EARLY, ons4=Ons4(life_satisfaction=5, worthwhile=5, happiness=5, anxiety=5))
    second = Assessment(taken_on=LATE, ons4=Ons4(happiness=7))
    assert join(first, second).ons4 == Ons4(happiness=7)
    assert not is_answered(Assessment(ons4=Ons4()), PART.ONS4)


def test_every_part_says_its_day_and_its_edition() -> None:
    first = on(EARLY, phq9=9, barriers=[]).model_copy(
        update={"parts": {PART.PHQ9: PartTaken(taken_on=None, version="phq9-2001")}}
    )
    second = on(LATE, gad7=9).model_copy(update={"parts": {PART.GAD7: PartTaken(taken_on=EARLY, version="7")}})
    known = join(first, second)
    assert known.parts == {
        PART.PHQ9: PartTaken(taken_on=EARLY, version="phq9-2001"),
        PART.GAD7: PartTaken(taken_on=EARLY, version="7"),
        PART.BARRIERS: PartTaken(taken_on=EARLY),
    }
    assert known.taken_on == EARLY, "the day of the latest part"
    assert join(known, on(LATE, phq9=4)).parts == {
        **known.parts,
        PART.PHQ9: PartTaken(taken_on=LATE, version=None),
    }, "the edition goes with the score"


@pytest.mark.parametrize(
    ("title", "days"), [("in order", (EARLY, LATE)), ("the other way round", (LATE, EARLY)), ("one day", (LATE, LATE))]
)
def test_a_yes_to_a_red_flag_stays_a_yes(title: str, days: tuple[date, date]) -> None:
    yes, no = {"red_flags": {"chest_pain": True}}, {"red_flags": {"chest_pain": False, "fever": False}}
    for one, other in ((yes, no), (no, yes)):
        known = join(on(days[0], **one), on(days[1], **other))
        assert known.red_flags == {RedFlag.CHEST_PAIN: True, RedFlag.FEVER: False}, title


def test_a_question_not_asked_again_keeps_its_answer() -> None:
    known = join(on(EARLY, red_flags={"fever": False}), on(LATE, red_flags={"fever": None, "night_pain": False}))
    assert known.red_flags == {RedFlag.FEVER: False, RedFlag.NIGHT_PAIN: False}


def test_back_pain_that_a_later_list_leaves_out_is_remembered_for_red_flags() -> None:
    known = join(on(EARLY, conditions=["back_pain"]), on(LATE, conditions=["cancer"]))
    assert (known.conditions, known.named_before) == ((Condition.CANCER,), (Condition.BACK_PAIN,))
    fever = on(LATE, red_flags={"fever": True})
    assert raised_by(fever, join(known, fever)) == (SafetyLevel.URGENT,)
    assert positive_levels(join(known, fever)) == (SafetyLevel.URGENT,)
    again = join(known, on(LATE, conditions=["back_pain", "cancer"]))
    assert again.named_before is None


def test_a_positive_part_of_an_earlier_day_raises_though_it_replaces_nothing() -> None:
    known = join(on(LATE, phq9=4, item9=0), on(EARLY, phq9=9, item9=2))
    assert known.phq9 == Phq9(score=4, item9=0)
    assert raised_by(on(EARLY, phq9=9, item9=2), known) == (SafetyLevel.HOLD,)


def test_what_came_alone_travels_as_it_came_if_it_says_its_day() -> None:
    nothing = Answers.of(None, REFERRED)
    said, unsaid = (Answers.of(Sealed.of(on(day, gad7=4)), LATE) for day in (EARLY, None))
    assert nothing.joined_by(said).sealed is said.sealed
    filled = nothing.joined_by(unsaid).given
    assert filled is not None
    assert filled.taken_on == LATE, "else a later part of an earlier day would take its place"
    assert said.joined_by(nothing) is said
