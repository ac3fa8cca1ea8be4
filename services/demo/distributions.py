"""How synthetic people are spread. Published figures carry their source; the rest says *illustrative*.

Sources: DWP WorkWell pilot figures, October 2024 to November 2025 (work, source, age, barrier); Work and
Health Programme (starts); NHS Talking Therapies annual data (PHQ-9, GAD-7 at start of treatment, for those
at caseness); STarT MSK bands; NHS fit note statistics (women 57 %).
"""

import random
from collections.abc import Mapping
from typing import Final, TypeVar

T = TypeVar("T")

SOURCE: Final = {"gp": 28, "self": 27, "jobcentre_plus": 24, "other": 21}
OTHER_SOURCE: Final = {"employer": 4, "community": 6, "hospital": 4, "pharmacist": 3, "provider": 4}
"""How the published "other" is shared out: illustrative."""

IN_WORK_PERCENT: Final = 41
IN_WORK_BY_ROUTE: Final = {"jobcentre_plus": 5.0, "employer": 100.0}
"""Illustrative; everybody else has the chance that makes the whole 41 %."""

AGE: Final = {(16, 17): 1, (18, 18): 1, (19, 24): 10, (25, 34): 20, (35, 49): 36, (50, 64): 31, (65, 67): 1}
"""35 and over are 68 % (published); the shares within are illustrative."""

BARRIER: Final = {
    "mental_health": 48,
    "musculoskeletal": 21,
    "autism": 4,
    "cardiovascular": 2,
    "learning_difficulty": 2,
    "other": 22,
}
"""Main barrier; rounded at its source, so normalised here."""

OTHER_CONDITION: Final = {"respiratory": 5, "neurological": 5, "cancer": 3, "sensory": 3, "other": 6}
"""How the published "other" is shared out: illustrative."""

START_MSK: Final = {(0, 4): 25, (5, 8): 42, (9, 12): 33}
PHQ9_MEAN_SD: Final = (15.4, 5.5)
GAD7_MEAN_SD: Final = (14.0, 4.5)
PHQ9_CASENESS: Final = 10
GAD7_CASENESS: Final = 8

WOMEN_PERCENT: Final = 57
START_PERCENT: Final = 75

SCORED_BY_ROUTE: Final = {"self": 70, "provider": 60, "hospital": 40, "gp": 35, "community": 25}
"""Whose referral comes with scores, percent: illustrative; a GP or Jobcentre seldom has them."""

NHS_NUMBER_BY_ROUTE: Final = {"gp": 96, "hospital": 98, "pharmacist": 80, "provider": 50, "self": 45}
"""Who is referred with an NHS number, percent: illustrative; many have none."""

ETHNIC_CATEGORY: Final = {"A": 50, "B": 2, "C": 5, "D": 2, "F": 1, "H": 3, "J": 13, "K": 2, "L": 3, "M": 2, "N": 9,
                          "R": 2, "S": 3, "Z": 3}  # fmt: skip
"""Illustrative, for a large city."""


def pick(rng: random.Random, shares: Mapping[T, float]) -> T:
    """Draw a key with a chance in proportion to its share."""
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def happens(rng: random.Random, percent: float) -> bool:
    """Draw yes with that chance."""
    return rng.random() * 100 < percent


def score(rng: random.Random, mean_sd: tuple[float, float], top: int) -> int:
    """Draw a whole score from 0 to ``top`` around a mean, by redrawing what falls outside."""
    while True:
        value = round(rng.gauss(*mean_sd))
        if 0 <= value <= top:
            return value


def in_work_percent(route: str) -> float:
    """The chance that a person from ``route`` is in work, so that all together are 41 %."""
    if route in IN_WORK_BY_ROUTE:
        return IN_WORK_BY_ROUTE[route]
    weights = {**SOURCE, **OTHER_SOURCE}
    fixed = sum(weights[name] * percent for name, percent in IN_WORK_BY_ROUTE.items())
    rest = sum(weight for name, weight in weights.items() if name not in {*IN_WORK_BY_ROUTE, "other"})
    return (IN_WORK_PERCENT * 100 - fixed) / rest
