"""Talking therapies and counselling: R10 to R14, each threshold from both sides.

PHQ-9 caseness 10, more severe from 16 (NICE NG222); GAD-7 caseness 8, severe from 15 (NHS Talking Therapies).
"""

import pytest

from tests.spec.people import rules, supports, triage
from tests.spec.tables import Row, Table, check, parametrised

STEP_2 = ["talking_therapies"]

R10 = Table(
    "R10",
    "Talking therapies, step 2 likely",
    [
        Row("PHQ-9 9", {"phq9": 9}, fires=False, package=["coach_assessment"]),
        Row("PHQ-9 10", {"phq9": 10}, True, STEP_2, "step_2"),
        Row("PHQ-9 15", {"phq9": 15}, True, STEP_2, "step_2"),
        Row("PHQ-9 16: R11 instead", {"phq9": 16}, False, STEP_2, "step_3"),
        Row("GAD-7 7", {"gad7": 7}, fires=False, package=["coach_assessment"]),
        Row("GAD-7 8", {"gad7": 8}, True, STEP_2, "step_2"),
        Row("GAD-7 14", {"gad7": 14}, True, STEP_2, "step_2"),
        Row("GAD-7 15: R11 instead", {"gad7": 15}, False, STEP_2, "step_3"),
        Row("PHQ-9 10, GAD-7 not asked", {"phq9": 10, "gad7": None}, True, STEP_2, "step_2"),
        Row("GAD-7 8, PHQ-9 not asked", {"phq9": None, "gad7": 8}, True, STEP_2, "step_2"),
        Row("neither asked", {"phq9": None, "gad7": None}, fires=False),
        Row("moderate PHQ-9 with severe GAD-7: the severer one counts", {"phq9": 12, "gad7": 15}, False),
        Row("18 years old", {"phq9": 10, "age_band": "18"}, True, STEP_2),
        Row("16 or 17 years old: R14 instead", {"phq9": 10, "age_band": "16-17"}, False),
        Row("age not known, or under 16", {"phq9": 10, "age_band": None}, False, ["coach_assessment"]),
        Row("not with a local GP", {"phq9": 10, "local_gp": False}, False, ["coach_assessment"]),
        Row("GP not asked: that is not a yes", {"phq9": 10, "local_gp": None}, False, ["coach_assessment"]),
        Row(
            "specialist care not asked: that is not a no",
            {"phq9": 10, "under_secondary_mental_health_care": None},
            False,
            ["coach_assessment"],
        ),
        Row("conditions not asked", {"phq9": 10, "conditions": None}, False, ["coach_assessment"]),
    ],
)
R11 = Table(
    "R11",
    "Talking therapies, step 3 likely",
    [
        Row("PHQ-9 15", {"phq9": 15}, fires=False),
        Row("PHQ-9 16", {"phq9": 16}, True, STEP_2, "step_3"),
        Row("PHQ-9 27", {"phq9": 27}, True, STEP_2, "step_3"),
        Row("GAD-7 14", {"gad7": 14}, fires=False),
        Row("GAD-7 15", {"gad7": 15}, True, STEP_2, "step_3"),
        Row("GAD-7 21", {"gad7": 21}, True, STEP_2, "step_3"),
        Row("post-traumatic stress, low scores", {"conditions": ["ptsd"]}, True, STEP_2, "step_3"),
        Row("social anxiety, no scores", {"conditions": ["social_anxiety"], "phq9": None, "gad7": None}, True, STEP_2),
        Row("16 or 17 years old: R14 instead", {"phq9": 20, "age_band": "16-17"}, False),
        Row("18 years old", {"phq9": 20, "age_band": "18"}, fires=True),
        Row("not with a local GP", {"phq9": 20, "local_gp": False}, fires=False),
        Row("under specialist care: R13 instead", {"phq9": 20, "under_secondary_mental_health_care": True}, False),
    ],
)
LOW = {"phq9": 9, "gad7": 7, "stressors": ["bereavement"]}
R12 = Table(
    "R12",
    "Counselling, below both cut-offs with a stressor",
    [
        Row("bereavement", LOW, fires=True, package=["counselling"]),
        Row("stress at work", {**LOW, "stressors": ["work_stress"]}, True, ["counselling"]),
        Row("relationship", {**LOW, "stressors": ["relationship"]}, True, ["counselling"]),
        Row("caring is not one of the three", {**LOW, "stressors": ["caring"]}, False, ["coach_assessment"]),
        Row("no stressor", {**LOW, "stressors": []}, fires=False),
        Row("stressors not asked", {**LOW, "stressors": None}, fires=False),
        Row("PHQ-9 10", {**LOW, "phq9": 10}, False, ["talking_therapies"]),
        Row("GAD-7 8", {**LOW, "gad7": 8}, False, ["talking_therapies"]),
        Row("PHQ-9 not asked: not known to be below", {**LOW, "phq9": None}, fires=False),
        Row("GAD-7 not asked: not known to be below", {**LOW, "gad7": None}, fires=False),
    ],
)
R13 = Table(
    "R13",
    "Existing mental health team or GP",
    [
        Row("under specialist care", {"under_secondary_mental_health_care": True}, True, ["gp"]),
        Row("severe mental illness", {"conditions": ["severe_mental_illness"]}, True, ["gp"]),
        Row("neither", {}, fires=False),
        Row("not asked", {"under_secondary_mental_health_care": None}, fires=False),
        Row("no talking therapies beside it", {"phq9": 20, "conditions": ["severe_mental_illness"]}, True, ["gp"]),
        Row(
            "severe mental illness, specialist care not asked",
            {"conditions": ["severe_mental_illness"], "under_secondary_mental_health_care": None},
            True,
            ["gp"],
        ),
    ],
)
R14 = Table(
    "R14",
    "Young people's service at 16 and 17",
    [
        Row("16-17, PHQ-9 9", {"age_band": "16-17", "phq9": 9}, fires=False),
        Row("16-17, PHQ-9 10", {"age_band": "16-17", "phq9": 10}, True, ["condition_service"]),
        Row("16-17, PHQ-9 20", {"age_band": "16-17", "phq9": 20}, True, ["condition_service"]),
        Row("16-17, GAD-7 7", {"age_band": "16-17", "gad7": 7}, fires=False),
        Row("16-17, GAD-7 8", {"age_band": "16-17", "gad7": 8}, True, ["condition_service"]),
        Row("16-17, post-traumatic stress", {"age_band": "16-17", "conditions": ["ptsd"]}, True, ["condition_service"]),
        Row("18, PHQ-9 10", {"age_band": "18", "phq9": 10}, False, ["talking_therapies"]),
        Row("age not known", {"age_band": None, "phq9": 10}, fires=False),
    ],
)


@parametrised(R10, R11, R12, R13, R14)
def test_mental_health(rule: str, row: Row) -> None:
    check(rule, row)


@pytest.mark.parametrize("condition", ["autism", "cancer", "other", "back_pain"])
def test_another_condition_does_not_stand_in_the_way_of_talking_therapies(condition: str) -> None:
    assert "talking_therapies" in supports(triage(phq9=12, conditions=[condition]))


def test_a_suppressed_rule_is_no_reason() -> None:
    assert rules(triage(phq9=12, gad7=16)) == ["R11"]
