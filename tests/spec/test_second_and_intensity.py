"""What came second for each need and why, and how much support a package is expected to take."""

from typing import Any

import pytest

from services.contracts.codes import Intensity
from tests.spec.people import findings, rules, triage

MSK = {"conditions": ["musculoskeletal"]}
DISTRESS = {"phq9": 12, "stressors": ["bereavement"]}

SECOND: list[tuple[str, dict[str, Any], list[tuple[str, str | None, str, str, tuple[str, ...]]]]] = [
    (
        "step 3 takes the place of step 2",
        {"phq9": 12, "gad7": 15},
        [("mental_health", "R10", "talking_therapies", "suppressed", ("R11",))],
    ),
    (
        "step 2, and the GAD-7 that would say whether step 3 was not asked",
        {"phq9": 12, "gad7": None},
        [("mental_health", "R11", "talking_therapies", "not_known", ("R10",))],
    ),
    (
        "step 2, everything asked: counselling is the alternative, and its rule is not met",
        {"phq9": 12},
        [("mental_health", "R12", "counselling", "not_met", ("R10",))],
    ),
    (
        "physiotherapy: self-management is for low scores",
        {**MSK, "start_msk": 5},
        [("musculoskeletal", "R20", "msk_self_management", "not_met", ("R21",))],
    ),
    (
        "urgent back pain stops physiotherapy, which would have won",
        {"conditions": ["back_pain"], "start_msk": 5, "red_flags": {"fever": True}},
        [("musculoskeletal", "R21", "physiotherapy", "stopped", ("R03",))],
    ),
    (
        "counselling: wellbeing is the alternative and has no rule of its own",
        {"phq9": 9, "gad7": 7, "stressors": ["bereavement"]},
        [("mental_health", None, "wellbeing", "alternative", ("R12",))],
    ),
    (
        "complex needs, and a job at risk: employment advice gives way",
        {"complex_needs": True, "job_at_risk": True},
        [("employment", "R32", "employment_advice", "suppressed", ("R31",))],
    ),
    (
        "one for each need, in the order of the needs",
        {**MSK, "start_msk": 5, "phq9": 12, "complex_needs": True},
        [
            ("mental_health", "R12", "counselling", "not_met", ("R10",)),
            ("musculoskeletal", "R20", "msk_self_management", "not_met", ("R21",)),
            ("employment", "R32", "employment_advice", "not_met", ("R31",)),
        ],
    ),
    ("debt advice has no rival", {"barriers": ["debt"]}, []),
    ("a joint assessment answers no need in particular", {}, []),
    ("nothing is second while everything is stopped", {**DISTRESS, "item9": 1}, []),
]


@pytest.mark.parametrize(("title", "given", "expected"), SECOND, ids=[row[0] for row in SECOND])
def test_runner_up(title: str, given: dict[str, Any], expected: list[Any]) -> None:
    found = findings(triage(**given)).runners_up
    assert [(one.need, one.rule, one.support, one.lost, one.by) for one in found] == expected, title


LIGHT, KEY_WORKER = Intensity.LIGHT_TOUCH, Intensity.KEY_WORKER
OUT = {"work": "unemployed", "attendance": None, "unemployed_since": "2024-11-11"}
THREE = {"barriers": ["debt"], "attendance": "off_sick", "phq9": 12}

EXPECTED: list[tuple[str, dict[str, Any], Intensity | None]] = [
    ("one need", {"barriers": ["debt"]}, LIGHT),
    ("three needs", THREE, LIGHT),
    ("four needs", {**THREE, "conditions": ["cancer"]}, KEY_WORKER),
    ("two supports for one need are one need", {**THREE, "barriers": ["debt", "housing"]}, LIGHT),
    ("supported employment comes with a key worker", {"complex_needs": True}, KEY_WORKER),
    ("out of work, WSAS 20", {**OUT, "wsas": 20}, LIGHT),
    ("out of work, WSAS 21", {**OUT, "wsas": 21}, KEY_WORKER),
    ("out of work, WSAS not asked: that is not a yes", {**OUT, "wsas": None}, LIGHT),
    ("in work, WSAS 40", {"wsas": 40}, LIGHT),
    ("too little asked: a joint assessment is light touch", {"no_assessment": True}, LIGHT),
    ("urgent back pain alone", {"conditions": ["back_pain"], "red_flags": {"fever": True}}, LIGHT),
    ("nobody can tell while everything is stopped", {**THREE, "item9": 1}, None),
]


@pytest.mark.parametrize(("title", "given", "expected"), EXPECTED, ids=[row[0] for row in EXPECTED])
def test_expected_intensity(title: str, given: dict[str, Any], expected: Intensity | None) -> None:
    assert findings(triage(**given)).intensity is expected, title


def test_a_need_that_is_stopped_is_no_need_that_the_package_answers() -> None:
    stopped = {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}}
    decision = triage(**THREE, **stopped)
    assert rules(decision) == ["R03", "R10", "R30", "R50"]
    assert findings(decision).intensity is LIGHT
