"""R00: no other rule fired, or too little was asked for a need that the person named."""

from services.contracts.codes import RedFlag
from tests.spec.people import NOT_ASKED, supports, triage
from tests.spec.tables import Row, Table, check, parametrised

ANXIOUS = {"conditions": ["anxiety_or_depression"]}
SAD = {"stressors": ["bereavement"]}
MSK = {"conditions": ["musculoskeletal"], "start_msk": 6}
NONE_ASKED: dict[str, bool | None] = dict.fromkeys((flag.value for flag in RedFlag), None)
FIRST = "coach_assessment"

R00 = Table(
    "R00",
    "A coach's joint assessment",
    [
        Row("everything asked and nothing needed", {}, True, [FIRST]),
        Row("no assessment at all", {"no_assessment": True}, True, [FIRST]),
        Row("an assessment without an answer", dict(NOT_ASKED), True, [FIRST]),
        Row(
            "an employer's referral: work is affected, health not asked",
            {"no_assessment": True, "attendance": "off_sick"},
            True,
            [FIRST, "employer_conversation"],
        ),
        Row("anxiety, both scores known and low", {**ANXIOUS, "phq9": 9, "gad7": 7}, True, [FIRST]),
        Row(
            "anxiety, a stressor, both scores low: counselling is enough",
            {**ANXIOUS, "phq9": 9, "gad7": 7, "stressors": ["work_stress"]},
            False,
            ["counselling"],
        ),
        Row("anxiety, no scores", {**ANXIOUS, "phq9": None, "gad7": None, "barriers": ["debt"]}, True),
        Row("anxiety, PHQ-9 9, GAD-7 not asked", {**ANXIOUS, "phq9": 9, "gad7": None, "barriers": ["debt"]}, True),
        Row("anxiety, PHQ-9 12, GAD-7 not asked: enough", {**ANXIOUS, "phq9": 12, "gad7": None}, fires=False),
        Row("PHQ-9 12, GP not asked", {"phq9": 12, "local_gp": None, "barriers": ["debt"]}, True),
        Row("musculoskeletal, STarT asked: enough", MSK, False, ["physiotherapy"]),
        Row("musculoskeletal, STarT not asked", {**MSK, "start_msk": None, "barriers": ["debt"]}, True),
        Row(
            "back pain, and no red-flag question was answered",
            {"conditions": ["back_pain"], "start_msk": 6, "red_flags": None},
            True,
            [FIRST, "physiotherapy"],
        ),
        Row(
            "back pain, and one red-flag question was answered: enough",
            {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {**NONE_ASKED, "chest_pain": False}},
            False,
            ["physiotherapy"],
        ),
        Row(
            "out of work, since when is not known",
            {"work": "unemployed", "attendance": None, "barriers": ["debt"]},
            True,
            [FIRST, "debt_advice"],
        ),
        Row("a bereavement, no scores", {**SAD, "phq9": None, "gad7": None, "barriers": ["debt"]}, True),
        Row("a bereavement, PHQ-9 9, GAD-7 not asked", {**SAD, "phq9": 9, "gad7": None, "barriers": ["debt"]}, True),
        Row("a bereavement, both scores known and low: enough", {**SAD, "phq9": 9, "gad7": 7}, False, ["counselling"]),
        Row(
            "skills asked for, age not known",
            {"asks": ["skills"], "age_band": None, "barriers": ["debt"]},
            True,
            [FIRST, "debt_advice"],
        ),
        Row("conditions not asked, debt named", {"conditions": None, "barriers": ["debt"]}, True),
    ],
)


@parametrised(R00)
def test_too_little_asked(rule: str, row: Row) -> None:
    check(rule, row)


def test_scores_not_asked_do_not_matter_to_somebody_with_another_need() -> None:
    decision = triage(conditions=["sensory"], phq9=None, gad7=None, start_msk=None)
    assert supports(decision) == ["adaptive_technology"]
