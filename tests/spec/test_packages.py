"""A sequenced package: several needs, first things first; what waits for what; what was runner-up."""

import pytest

from tests.spec.people import rules, supports, triage

MANY = {
    "conditions": ["musculoskeletal", "back_pain", "anxiety_or_depression"],
    "phq9": 12,
    "gad7": 9,
    "start_msk": 6,
    "stressors": ["work_stress"],
    "barriers": ["debt"],
    "attendance": "off_sick",
    "job_at_risk": True,
    "highest_qualification_level": 2,
}


def test_the_referral_of_the_interface_document() -> None:
    decision = triage(**MANY)
    assert supports(decision) == [
        "debt_advice",
        "talking_therapies",
        "physiotherapy",
        "employer_conversation",
        "employment_advice",
    ]
    assert rules(decision) == ["R10", "R21", "R30", "R32", "R50"]
    assert decision.alternatives == ("counselling", "msk_self_management")


def test_what_waits_for_what() -> None:
    decision = triage(no_assessment=True, attendance="off_sick", asks=["skills"], job_at_risk=True)
    waits = {item.support.value: [before.value for before in item.after] for item in decision.package}
    assert waits == {
        "coach_assessment": [],
        "employer_conversation": ["coach_assessment"],
        "employment_advice": ["coach_assessment"],
        "skills": ["employment_advice"],
    }


def test_nothing_waits_for_a_support_that_is_not_in_the_package() -> None:
    decision = triage(attendance="off_sick")
    assert [item.after for item in decision.package] == [()]


@pytest.mark.parametrize(
    ("title", "given", "stronger", "weaker"),
    [
        ("R11 before R10", {"phq9": 12, "gad7": 15}, "R11", "R10"),
        ("R13 before R10", {"phq9": 12, "under_secondary_mental_health_care": True}, "R13", "R10"),
        ("R13 before R11", {"phq9": 20, "conditions": ["severe_mental_illness"]}, "R13", "R11"),
        ("R14 before R10", {"phq9": 12, "age_band": "16-17"}, "R14", "R10"),
        ("R21 before R20", {"conditions": ["back_pain"], "start_msk": 5}, "R21", "R20"),
        ("R31 before R32", {"job_at_risk": True, "complex_needs": True}, "R31", "R32"),
        ("R01 before all", {**MANY, "red_flags": {"chest_pain": True}}, "R01", "R21"),
        ("R02 before all", {**MANY, "item9": 1}, "R02", "R10"),
    ],
)
def test_suppression(title: str, given: dict[str, object], stronger: str, weaker: str) -> None:
    fired = rules(triage(**given))
    assert stronger in fired, title
    assert weaker not in fired, title


def test_the_same_support_from_two_rules_stands_once() -> None:
    decision = triage(conditions=["cancer"], age_band="16-17", phq9=12)
    assert rules(decision) == ["R14", "R33"]
    assert supports(decision) == ["condition_service"]


def test_the_rule_set_is_named_with_its_hash() -> None:
    ruleset = triage().ruleset
    assert (ruleset.id, ruleset.version) == ("workwell-matching", "2024.1")
    assert len(ruleset.sha256) == 64
