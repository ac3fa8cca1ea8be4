"""When a ceiling is used up: the month in which the last penny goes."""

from datetime import date

import pytest

from services.outcomes.settlement.forecast import Person, expected_engagements, reached


@pytest.mark.parametrize(
    ("left", "pace", "month"),
    [
        (-1, 100, "2025-11"),
        (0, 0, "2025-11"),
        (1, 100, "2025-11"),
        (100, 100, "2025-11"),
        (101, 100, "2025-12"),
        (200, 100, "2025-12"),
        (201, 100, "2026-01"),
        (1, 0, None),
        (1, -5, None),
        (60_000, 100, "2075-10"),
        (60_001, 100, None),
    ],
    ids=[
        "used up already", "nothing left, no pace", "within this month", "the last penny of this month",
        "a penny more", "the last of the next", "over new year", "no pace", "more is taken back than earned",
        "the last of fifty years", "beyond fifty years",
    ],
)  # fmt: skip
def test_the_month_in_which_a_ceiling_is_used_up(left: int, pace: int, month: str | None) -> None:
    assert reached(left, pace, "2025-11") == month


def one(began: str, engagements: int) -> Person:
    return Person("c", date.fromisoformat(began), engagements)


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([one("2025-01-01", 4), one("2025-02-01", 1)], [3.0]),  # one is over with 4: the other has 3 to come
        ([one("2025-01-01", 4), one("2025-01-02", 1)], [3.0]),  # open on the last day before twelve weeks
        ([one("2025-01-01", 1), one("2025-02-01", 3)], [0.0]),  # more than the mean already
        ([one("2025-01-01", 9), one("2025-02-01", 6)], [2.0]),  # the card pays for eight
        ([one("2025-02-01", 1)], [2.0]),  # nobody is over: 31 days are left, two gaps of 14
    ],
)
def test_what_an_open_plan_may_still_bring(people: list[Person], expected: list[float]) -> None:
    assert expected_engagements(people, date(2025, 3, 26), 12, 8, 14) == expected
