"""Integer money: nothing is lost in a share, nothing drifts in a portion."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.kernel.money import BASIS, Pence, portion, pounds, share

AMOUNTS = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)
PENCE: TypeAdapter[int] = TypeAdapter(Pence)


@given(AMOUNTS, st.integers(0, 3 * BASIS))
def test_a_portion_is_the_nearest_penny_and_a_half_goes_away_from_zero(amount: int, points: int) -> None:
    exact = Fraction(amount * points, BASIS)
    found = portion(amount, points)
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)
    assert portion(-amount, points) == -found


@pytest.mark.parametrize(
    ("amount", "points", "pence"),
    [(1, 5000, 1), (-1, 5000, -1), (1, 4999, 0), (3, 5000, 2), (40200, BASIS, 40200), (40200, 0, 0), (333, 3333, 111)],
)
def test_portions(amount: int, points: int, pence: int) -> None:
    assert portion(amount, points) == pence


@given(AMOUNTS, WEIGHTS)
def test_the_parts_of_a_share_sum_to_it_and_each_is_within_a_penny(total: int, weights: list[int]) -> None:
    parts = share(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert part == 0 if weight == 0 else part * total >= 0


@given(AMOUNTS, WEIGHTS)
def test_a_share_does_not_depend_on_the_sign_and_follows_the_weights(total: int, weights: list[int]) -> None:
    parts = share(total, weights)
    assert share(-total, weights) == [-part for part in parts]
    heavy = sorted(range(len(weights)), key=lambda i: weights[i])
    sizes = [abs(parts[i]) for i in heavy]
    assert all(b >= a - 1 for a, b in pairwise(sizes))


def test_equal_remainders_go_to_the_earlier_part() -> None:
    assert share(100, [1, 1, 1]) == [34, 33, 33]
    assert share(-2, [1, 1, 1]) == [-1, -1, 0]
    assert share(5, [0, 3]) == [0, 5]


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_a_share_without_a_weight_would_lose_the_money(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        share(100, weights)


@pytest.mark.parametrize("value", [1.0, "1", True, 2**53, -(2**53)])
def test_pence_are_whole_and_within_what_every_reader_of_json_holds(value: object) -> None:
    with pytest.raises(ValidationError):
        PENCE.validate_python(value)


@pytest.mark.parametrize("value", [0, 2**53 - 1, -(2**53) + 1])
def test_pence(value: int) -> None:
    assert PENCE.validate_python(value) == value


@pytest.mark.parametrize(
    ("pence", "text"), [(0, "£0.00"), (5, "£0.05"), (-5, "-£0.05"), (123456, "£1,234.56"), (-100, "-£1.00")]
)
def test_pounds(pence: int, text: str) -> None:
    assert pounds(pence) == text
