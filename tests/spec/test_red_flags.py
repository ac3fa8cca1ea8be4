"""Red flags: evaluated before anything else. R01 and R02 hold, R03 stops physiotherapy."""

import pytest

from services.contracts.codes import HoldCause, RedFlag, TriageOutcome, Urgency
from services.contracts.red_flags import EMERGENCY_ITEMS, URGENT_ITEMS
from tests.spec.people import answered, findings, referral, rules, supports, triage
from tests.spec.tables import Row, Table, check, parametrised

# A person with many needs: whatever stops matching must stop all of these.
NEEDS = {
    "conditions": ["back_pain", "anxiety_or_depression"],
    "phq9": 12,
    "start_msk": 6,
    "barriers": ["debt"],
    "attendance": "off_sick",
}

R01 = Table(
    "R01",
    "Any emergency item stops everything, with or without back pain",
    [
        *(
            Row(f"{flag.value}, no back pain", {"red_flags": {flag.value: True}}, fires=True, package=["crisis"])
            for flag in sorted(EMERGENCY_ITEMS)
        ),
        *(
            Row(f"{flag.value} among many needs", {**NEEDS, "red_flags": {flag.value: True}}, True, ["crisis"])
            for flag in sorted(EMERGENCY_ITEMS)
        ),
        Row("all answered no", {}, fires=False),
        Row("not asked", {"red_flags": None}, fires=False),
        Row("one asked and answered no, the others not asked", {"red_flags": {"chest_pain": False}}, fires=False),
    ],
)
R02 = Table(
    "R02",
    "Thoughts of self-harm hold everything until a person has acknowledged it",
    [
        Row("PHQ-9 item 9 is 0", {"item9": 0}, fires=False),
        Row("PHQ-9 item 9 is 1", {"item9": 1}, fires=True, package=["crisis"]),
        Row("PHQ-9 item 9 is 3", {"item9": 3}, fires=True, package=["crisis"]),
        Row("PHQ-9 item 9 is 1 though the sum is low", {"item9": 1, "phq9": 1}, True, ["crisis"]),
        Row("PHQ-9 item 9 is 1 and the sum is not known", {"item9": 1, "phq9": None}, True, ["crisis"]),
        Row("item 9 not asked", {"item9": None}, fires=False),
        Row("a disclosure", {"red_flags": {"self_harm_disclosure": True}}, True, ["crisis"]),
        Row("a disclosure among many needs", {**NEEDS, "red_flags": {"self_harm_disclosure": True}}, True, ["crisis"]),
        Row("a disclosure not asked about", {"red_flags": {"self_harm_disclosure": None}}, fires=False),
    ],
)
R03 = Table(
    "R03",
    "Back pain with an urgent item: a GP or 111, and no physiotherapy until cleared",
    [
        *(
            Row(
                f"back pain with {flag.value}",
                {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {flag.value: True}},
                fires=True,
                package=["gp"],
            )
            for flag in sorted(URGENT_ITEMS)
        ),
        Row("an urgent item without back pain", {"red_flags": {"fever": True}}, fires=False),
        Row("an urgent item, and what hurts was not asked", {"conditions": None, "red_flags": {"fever": True}}, False),
        Row(
            "back pain without an urgent item",
            {"conditions": ["back_pain"], "start_msk": 6},
            fires=False,
            package=["physiotherapy"],
        ),
        Row(
            "other needs are still matched",
            {**NEEDS, "red_flags": {"fever": True}},
            fires=True,
            package=["gp", "debt_advice", "talking_therapies", "employer_conversation"],
        ),
        Row(
            "self-management is not stopped",
            {"conditions": ["back_pain"], "start_msk": 2, "red_flags": {"fever": True}},
            fires=True,
            package=["gp", "msk_self_management"],
        ),
    ],
)


@parametrised(R01, R02, R03)
def test_red_flag(rule: str, row: Row) -> None:
    check(rule, row)


@pytest.mark.parametrize(
    ("given", "outcome", "urgency", "cause"),
    [
        ({"red_flags": {"chest_pain": True}}, TriageOutcome.HELD, Urgency.EMERGENCY, HoldCause.EMERGENCY_RED_FLAG),
        ({"item9": 1}, TriageOutcome.HELD, Urgency.HOLD, HoldCause.SELF_HARM_RISK),
        (
            {"conditions": ["back_pain"], "red_flags": {"fever": True}},
            TriageOutcome.RECOMMENDED,
            Urgency.URGENT,
            None,
        ),
        ({}, TriageOutcome.RECOMMENDED, Urgency.ROUTINE, None),
        (
            {"item9": 2, "red_flags": {"chest_pain": True}},
            TriageOutcome.HELD,
            Urgency.EMERGENCY,
            HoldCause.EMERGENCY_RED_FLAG,
        ),
    ],
    ids=["emergency", "hold", "urgent", "none", "an emergency comes before a hold"],
)
def test_outcome_urgency_and_cause(
    given: dict[str, object], outcome: TriageOutcome, urgency: Urgency, cause: HoldCause | None
) -> None:
    decision = triage(**given)
    found = findings(decision)
    assert (decision.outcome, found.urgency, found.cause) == (outcome, urgency, cause)


def test_all_three_levels_await_a_person_at_once() -> None:
    decision = triage(conditions=["back_pain"], item9=1, red_flags={"chest_pain": True, "fever": True})
    assert findings(decision).awaits == ("R01", "R02", "R03")
    assert rules(decision) == ["R01", "R02", "R03"]
    assert supports(decision) == ["crisis", "gp"]
    assert decision.package[1].after == (decision.package[0].support,)


def test_physiotherapy_is_no_alternative_while_it_is_stopped() -> None:
    decision = triage(conditions=["back_pain"], start_msk=2, red_flags={"night_pain": True})
    assert "physiotherapy" not in decision.alternatives


def test_the_baseline_answers_every_red_flag_question() -> None:
    asked = answered(referral())
    assert asked is not None
    assert asked.red_flags == dict.fromkeys(RedFlag, False)
