"""What a person is told about themselves, and that every explanation is easy to read."""

import itertools
import re
from typing import Any

import pytest

from services.contracts.codes import (
    Attendance,
    EarningsBand,
    Route,
    SafetyLevel,
    WorkStatus,
)
from services.contracts.red_flags import ADVICE
from services.triage.explanation import words
from services.triage.explanation.coach import CoachExplanation
from services.triage.explanation.lines import sections
from services.triage.explanation.participant import CHOICE
from services.triage.explanation.readers import (
    Reader,
)
from services.triage.explanation.tell import tell
from services.triage.explanation.words import CodeWords
from tests.parts.readability import reading_age, syllables
from tests.spec.people import policy
from tests.unit.triage.explained import (
    COACH,
    HELD,
    MANY,
    OUT,
    READERS,
    coach,
    participant,
    rule,
    told,
)
from tests.unit.triage.test_decide import Triage

# The person's view


def test_a_person_is_told_what_helps_why_and_what_they_can_do() -> None:
    of = participant(**MANY)
    assert of.summary == (
        "We suggest advice about debt, NHS Talking Therapies, physiotherapy and a talk with the employer.",
    )
    assert of.suggestions[0].because == ("These stand in the way of work: debt.",)
    assert of.not_asked == ("Nobody has asked about your GAD-7 score (worry).",)
    assert of.choice == CHOICE
    assert of.safety == ()
    assert of.ruleset.sha256 in of.rules_used


@pytest.mark.parametrize("given", [given for _, given in HELD], ids=[title for title, _ in HELD])
def test_a_person_who_may_be_in_danger_is_told_first_what_to_do_and_no_question_is_named(given: dict[str, Any]) -> None:
    of = participant(**{**MANY, **given})
    assert of.safety
    assert set(of.safety) <= set(ADVICE.values())
    assert (of.suggestions, of.not_asked) == ((), ())
    rest = of.model_dump_json(exclude={"safety"})
    assert not re.search(r"harm|suicide|chest|bladder|item 9|R0[123]", rest)


def test_urgent_back_pain_is_told_with_its_advice_beside_what_is_suggested() -> None:
    of = participant(conditions=["back_pain"], start_msk=6, red_flags={"fever": True}, barriers=["debt"])
    assert of.safety == (ADVICE[SafetyLevel.URGENT],)
    assert [one.support for one in of.suggestions] == ["gp", "debt_advice"]
    assert of.suggestions[0].because == ("One of your answers made us think about your safety.",)


def test_no_answer_is_named_that_would_bring_a_support() -> None:
    assert "would" not in participant(phq9=9).model_dump_json()
    assert "would count" in told(COACH, phq9=9).model_dump_json()


@pytest.mark.parametrize(
    ("given", "rule_id", "said"),
    [
        ({"item9": 1}, "R02", "Only a named person can change this: they look, and say what they did."),
        ({"item9": 1}, "R01", "This rule would count with an answer that is cause for concern."),
        ({}, "R03", "This rule would count with an answer that is cause for concern, together with back pain."),
        ({"item9": 1, "phq9": 12}, "R10", "This rule would count once a named person has looked."),
        ({"item9": 1, "phq9": 12}, "R50", "Nothing can make this rule count until a named person has looked."),
        ({"phq9": 16, "gad7": 20}, "R10", "No single answer would change this."),
        ({"phq9": 9}, "R10", "This rule would count if their PHQ-9 score (low mood) is 10."),
    ],
)
def test_a_coach_reads_of_every_rule_what_would_change_it(given: dict[str, Any], rule_id: str, said: str) -> None:
    of = coach(**given)
    assert rule(of, rule_id).change_said == said
    assert all(one.change_said for one in of.rules)


def test_an_acknowledged_rule_counts_again_with_a_new_answer() -> None:
    triage = Triage(item9=1)
    triage.acknowledge()
    assert triage.state is not None
    of = tell(COACH, triage.state, policy())
    assert isinstance(of, CoachExplanation)
    assert rule(of, "R02").change_said == "This rule would count again with a new answer that is cause for concern."


# How easy it is to read


ROWS: list[dict[str, Any]] = [
    {},
    MANY,
    OUT,
    {"no_assessment": True},
    {"phq9": 20, "gad7": 16, "stressors": ["bereavement"]},
    {"conditions": ["cancer"], "age_band": "16-17", "phq9": 12},
    {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}},
    {"asks": ["skills"], "highest_qualification_level": 2},
    {"complex_needs": True, "job_at_risk": True},
    {"under_secondary_mental_health_care": True},
    *(given for _, given in HELD[:3]),
]
AGE = 12
"""The reading age that an explanation is written for."""


@pytest.mark.parametrize("who", READERS, ids=["coach", "referrer", "participant"])
@pytest.mark.parametrize("given", ROWS, ids=[str(number) for number in range(len(ROWS))])
def test_every_part_of_every_view_can_be_read_at_twelve(who: Reader, given: dict[str, Any]) -> None:
    *parts, rules = sections(told(who, **given))
    assert rules[0] == "Rules"
    ages = {
        title: reading_age(" ".join(line.strip() for line in lines)) for title, lines in parts if long_enough(lines)
    }
    assert {title: round(age, 1) for title, age in ages.items() if age > AGE} == {}
    whole = " ".join(line.strip() for _, lines in parts for line in lines)
    assert reading_age(whole) <= AGE - 2


def long_enough(lines: tuple[str, ...]) -> bool:
    """The measure means nothing for a few words: one name of a service would decide it."""
    return len(" ".join(lines).split()) >= 30


def test_the_measure_tells_hard_from_easy() -> None:
    assert reading_age("The cat sat on the mat. It was a good cat. It had a hat.") < 6
    hard = (
        "The implementation of multidisciplinary interventions necessitates comprehensive biopsychosocial assessment."
    )
    assert reading_age(hard) > 25
    counted = {"physiotherapy": 5, "time": 1, "people": 2, "asked": 1, "needed": 2, "services": 2, "NHS": 3, "the": 1}
    assert {word: syllables(word) for word in counted} == counted
    with pytest.raises(ValueError, match="nothing to read"):
        reading_age("12")


def test_every_view_is_plain_data() -> None:
    for who, given in itertools.product(READERS, ROWS[:3]):
        of = told(who, **given)
        assert type(of).model_validate_json(of.model_dump_json()) == of
        assert "{" not in " ".join(line for _, lines in sections(of) for line in lines)


def test_codes_that_no_rule_names_have_words_too() -> None:
    for field, listed in (("work_status", WorkStatus), ("attendance", Attendance), ("earnings_band", EarningsBand)):
        found = words.words_of(field)
        assert isinstance(found, CodeWords)
        assert set(found.clauses) == {code.value for code in listed}
    route = words.words_of("route")
    assert isinstance(route, CodeWords)
    assert set(route.clauses) == {code.value for code in Route}
