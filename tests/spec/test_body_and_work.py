"""Joints, muscles and back (R20, R21), work (R30 to R32), long-term conditions, skills, debt and housing."""

from typing import Any

import pytest

from services.triage.domain.facts import facts_of
from services.triage.domain.matching import Engine
from tests.spec.people import PROGRAMME, TODAY, answered, policy, referral
from tests.spec.tables import Row, Table, check, parametrised

MSK = {"conditions": ["musculoskeletal"]}
BACK = {"conditions": ["back_pain"]}

R20 = Table(
    "R20",
    "Advice and digital self-management at a low STarT MSK score",
    [
        Row("0", {**MSK, "start_msk": 0}, True, ["msk_self_management"], "light_touch"),
        Row("4", {**MSK, "start_msk": 4}, True, ["msk_self_management"]),
        Row("5", {**MSK, "start_msk": 5}, fires=False, package=["physiotherapy"]),
        Row("back pain, 4", {**BACK, "start_msk": 4}, True, ["msk_self_management"]),
        Row("score not asked", {**MSK, "start_msk": None}, False, ["coach_assessment"]),
        Row("4 without such a condition", {"start_msk": 4}, fires=False),
        Row("conditions not asked", {"conditions": None, "start_msk": 4}, fires=False),
    ],
)
R21 = Table(
    "R21",
    "Physiotherapy at a medium or high STarT MSK score",
    [
        Row("4", {**MSK, "start_msk": 4}, fires=False),
        Row("5: medium", {**MSK, "start_msk": 5}, True, ["physiotherapy"]),
        Row("8: medium", {**MSK, "start_msk": 8}, True, ["physiotherapy"]),
        Row("9: high", {**MSK, "start_msk": 9}, True, ["physiotherapy"]),
        Row("12: high", {**BACK, "start_msk": 12}, True, ["physiotherapy"]),
        Row("9 without such a condition", {"start_msk": 9}, fires=False),
    ],
)
R30 = Table(
    "R30",
    "A conversation with the employer when work is affected",
    [
        Row("employed, off sick", {"attendance": "off_sick"}, True, ["employer_conversation"]),
        Row("employed, struggling", {"attendance": "struggling"}, True, ["employer_conversation"]),
        Row("self-employed, off sick", {"work": "self_employed", "attendance": "off_sick"}, fires=True),
        Row("employed, working", {"attendance": "working"}, fires=False),
        Row("employed, attendance not asked", {"attendance": None}, fires=False),
        Row("unemployed", {"work": "unemployed", "attendance": None, "unemployed_since": "2024-11-01"}, fires=False),
    ],
)
OUT = {"work": "unemployed", "attendance": None}
R31 = Table(
    "R31",
    "Supported employment beyond the area's limit of 182 days, or with complex needs",
    [
        Row("out of work for 182 days", {**OUT, "unemployed_since": "2024-05-20"}, False, ["employment_advice"]),
        Row(
            "out of work for 183 days",
            {**OUT, "unemployed_since": "2024-05-19"},
            True,
            ["supported_employment"],
            "key_worker",
        ),
        Row("inactive for 183 days", {**OUT, "work": "inactive", "unemployed_since": "2024-05-19"}, fires=True),
        Row("since when is not known", {**OUT, "unemployed_since": None}, False, ["coach_assessment"]),
        Row("employed, with an old date left over", {"unemployed_since": "2020-01-01"}, fires=False),
        Row("complex needs, in work", {"complex_needs": True}, True, ["supported_employment"]),
        Row("complex needs not asked", {"complex_needs": None}, fires=False),
    ],
)
R32 = Table(
    "R32",
    "Employment advice within the limit, or when the job is at risk",
    [
        Row("out of work for 1 day", {**OUT, "unemployed_since": "2024-11-17"}, True, ["employment_advice"]),
        Row("out of work for 182 days", {**OUT, "unemployed_since": "2024-05-20"}, True, ["employment_advice"]),
        Row("out of work for 183 days", {**OUT, "unemployed_since": "2024-05-19"}, fires=False),
        Row("job at risk", {"job_at_risk": True}, True, ["employment_advice"]),
        Row("job not at risk", {"job_at_risk": False}, fires=False),
        Row("not asked whether the job is at risk", {"job_at_risk": None}, fires=False),
        Row("job at risk, complex needs: R31 instead", {"job_at_risk": True, "complex_needs": True}, fires=False),
    ],
)
R33 = Table(
    "R33",
    "A long-term condition: adaptive technology or a condition service",
    [
        *(
            Row(name, {"conditions": [name]}, True, ["adaptive_technology"])
            for name in ("autism", "learning_difficulty", "sensory")
        ),
        *(
            Row(name, {"conditions": [name]}, True, ["condition_service"])
            for name in ("cardiovascular", "respiratory", "cancer", "other")
        ),
        Row("neurological: both", {"conditions": ["neurological"]}, True, ["condition_service", "adaptive_technology"]),
        Row("none", {"conditions": []}, fires=False),
        Row("anxiety or depression is not one of them", {"conditions": ["anxiety_or_depression"]}, fires=False),
        Row("not asked", {"conditions": None}, fires=False),
    ],
)
ASKED = {"asks": ["skills"], "age_band": "19-24", "highest_qualification_level": 2}
R40 = Table(
    "R40",
    "Skills, from 19 years (no earnings limit in Greater Manchester)",
    [
        Row("asked for at 19 without level 3", ASKED, True, ["skills"]),
        Row("a barrier, not asked for", {**ASKED, "asks": [], "barriers": ["skills"]}, True, ["skills"]),
        Row("neither asked for nor a barrier", {**ASKED, "asks": []}, fires=False),
        Row("18 years old", {**ASKED, "age_band": "18"}, fires=False),
        Row("16 or 17 years old", {**ASKED, "age_band": "16-17"}, fires=False),
        Row("age not known", {**ASKED, "age_band": None}, fires=False),
        Row("has level 3: this area has no earnings limit", {**ASKED, "highest_qualification_level": 3}, fires=True),
        Row("qualification not asked", {**ASKED, "highest_qualification_level": None}, fires=True),
    ],
)
R50 = Table(
    "R50",
    "Debt or housing advice",
    [
        Row("debt", {"barriers": ["debt"]}, True, ["debt_advice"]),
        Row("housing", {"barriers": ["housing"]}, True, ["housing_advice"]),
        Row("both", {"barriers": ["debt", "housing"]}, True, ["housing_advice", "debt_advice"]),
        Row("another barrier", {"barriers": ["transport"]}, False, ["coach_assessment"]),
        Row("not asked", {"barriers": None}, fires=False),
    ],
)


@parametrised(R20, R21, R30, R31, R32, R33, R40, R50)
def test_body_and_work(rule: str, row: Row) -> None:
    check(rule, row)


# Elsewhere in England the national limit of £25,000 a year holds: the area's file says so with a parameter.
LIMITED = Engine(policy().engine(PROGRAMME, TODAY).rules, {"out_of_work_limit_days": 84, "skills_earnings_limit": True})


@pytest.mark.parametrize(
    ("title", "given", "fires"),
    [
        ("level 2", {"highest_qualification_level": 2}, True),
        ("level 3, well paid", {"highest_qualification_level": 3}, False),
        ("level 3, under £15,000", {"highest_qualification_level": 3, "earnings_band": "under_15k"}, True),
        ("level 3, £15,000 to £25,000", {"highest_qualification_level": 3, "earnings_band": "from_15k"}, True),
        ("level 3, £25,000 or more", {"highest_qualification_level": 3, "earnings_band": "from_25k"}, False),
        ("level 3, earnings not asked", {"highest_qualification_level": 3, "earnings_band": None}, False),
        ("level 3, unemployed", {"highest_qualification_level": 3, **OUT}, True),
        ("qualification not asked, well paid", {"highest_qualification_level": None}, False),
    ],
)
def test_r40_with_an_earnings_limit(title: str, given: dict[str, Any], fires: bool) -> None:
    assert fires == ("R40" in fired({**ASKED, **given})), title


@pytest.mark.parametrize(("since", "rule"), [("2024-08-26", "R32"), ("2024-08-25", "R31")], ids=["84 days", "85 days"])
def test_an_area_sets_its_own_limit(since: str, rule: str) -> None:
    assert fired({**OUT, "unemployed_since": since}) == [rule]


def fired(given: dict[str, Any]) -> list[str]:
    of = referral(**given)
    facts = facts_of(of, of.facts, of.asks, answered(of), of.occurred_on)
    return [reason.rule for reason in LIMITED.match(facts, ()).reasons]
