"""What a synthetic person is asked about their health, as the joint assessment holds it."""

import random
from datetime import date
from typing import Any, Final

from services.demo import distributions as spread

Answers = dict[str, Any]

CONDITIONS: Final = {
    "mental_health": ("anxiety_or_depression", 86, ("ptsd", "social_anxiety", "severe_mental_illness")),
    "musculoskeletal": ("musculoskeletal", 100, ()),
    "autism": ("autism", 100, ()),
    "cardiovascular": ("cardiovascular", 100, ()),
    "learning_difficulty": ("learning_difficulty", 100, ()),
}
"""A main barrier's usual condition, its chance in percent (illustrative) and the others."""

BACK_PAIN_PERCENT: Final = 55
AT_CASENESS_PERCENT: Final = 80
STRESSOR_PERCENT: Final = 45
DEBT_PERCENT: Final = 14
BARRIER_PERCENT: Final = 40
"""All illustrative."""

RED_FLAGS_ASKED: Final = ("saddle_numbness", "bladder_or_bowel_change", "fever", "night_pain")
STRESSORS: Final = ("work_stress", "bereavement", "relationship", "caring")
BARRIERS: Final = ("skills", "childcare", "transport", "digital", "confidence", "housing")


def conditions(rng: random.Random, barrier: str) -> list[str]:
    """The conditions behind a main barrier."""
    if barrier not in CONDITIONS:
        return [spread.pick(rng, spread.OTHER_CONDITION)]
    usual, percent, others = CONDITIONS[barrier]
    found = [usual] if spread.happens(rng, percent) else [rng.choice(others)]
    if barrier == "musculoskeletal" and spread.happens(rng, BACK_PAIN_PERCENT):
        found.append("back_pain")
    return found


def answers(rng: random.Random, barrier: str, taken_on: date, named: list[str]) -> Answers:
    """A whole assessment: scores and questions asked, nobody in danger."""
    mental = barrier == "mental_health"
    low_back = "back_pain" in named
    phq9, gad7 = _mood(rng, at_caseness=mental and spread.happens(rng, AT_CASENESS_PERCENT))
    start_msk = rng.randint(*spread.pick(rng, spread.START_MSK))
    return {
        "taken_on": taken_on.isoformat(),
        "conditions": named,
        "phq9": {"score": phq9, "item9": 0},
        "gad7": {"score": gad7},
        "start_msk": {"score": start_msk} if barrier == "musculoskeletal" else None,
        "wsas": {"score": min(40, max(0, round(rng.gauss(18, 8))))},
        "red_flags": dict.fromkeys(RED_FLAGS_ASKED, False) if low_back else None,
        "under_secondary_mental_health_care": "severe_mental_illness" in named,
        "stressors": [rng.choice(STRESSORS)] if spread.happens(rng, STRESSOR_PERCENT) else [],
        "barriers": _barriers(rng),
    }


def outline(taken_on: date, named: list[str]) -> Answers:
    """What a referrer without scores knows: the conditions."""
    return {"taken_on": taken_on.isoformat(), "conditions": named}


def _mood(rng: random.Random, *, at_caseness: bool) -> tuple[int, int]:
    """PHQ-9 and GAD-7: as published for those at caseness, else both below their cut-offs."""
    if not at_caseness:
        return rng.randrange(spread.PHQ9_CASENESS), rng.randrange(spread.GAD7_CASENESS)
    while True:
        phq9 = spread.score(rng, spread.PHQ9_MEAN_SD, 27)
        gad7 = spread.score(rng, spread.GAD7_MEAN_SD, 21)
        if phq9 >= spread.PHQ9_CASENESS or gad7 >= spread.GAD7_CASENESS:
            return phq9, gad7


def _barriers(rng: random.Random) -> list[str]:
    found = ["debt"] if spread.happens(rng, DEBT_PERCENT) else []
    return [*found, rng.choice(BARRIERS)] if spread.happens(rng, BARRIER_PERCENT) else found
