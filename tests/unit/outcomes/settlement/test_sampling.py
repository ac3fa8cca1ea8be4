"""Samples that both sides draw alike, and intervals held against published values."""

import pytest

from services.outcomes.settlement.sampling import Claim, Finding, error_rate, error_value, population_digest, sample

POPULATION = [Claim(f"{number:04}", 5000) for number in range(500)]


def test_both_sides_draw_the_same_whatever_order_they_have_it_in() -> None:
    there = sample(reversed(POPULATION), 7, 20)
    assert sample(POPULATION, 7, 20) == there
    assert population_digest(POPULATION) == population_digest(reversed(POPULATION))
    assert sample(POPULATION, 8, 20) != there
    assert sample(POPULATION[:5], 7, 20) == sample(POPULATION[:5], 7, 5)


@pytest.mark.parametrize(
    ("errors", "size", "low", "high"),
    [
        (0, 10, 0.0, 0.308497),  # 1 - 0.025 ** (1 / 10)
        (1, 10, 0.002529, 0.445016),
        (5, 10, 0.187086, 0.812914),
        (10, 10, 0.691503, 1.0),
        (3, 100, 0.006230, 0.085176),
    ],
)
def test_the_exact_interval(errors: int, size: int, low: float, high: float) -> None:
    found = error_rate(errors, size)
    assert found.low == pytest.approx(low, abs=2e-6)
    assert found.high == pytest.approx(high, abs=2e-6)


def test_the_error_in_money() -> None:
    findings = [Finding(str(n), 1000, 1000 if n else 500) for n in range(50)]
    found = error_value(findings, 500, 500_000)
    assert found.value == pytest.approx(5000)
    assert found.low == 0.0
    assert found.high == pytest.approx(5000 + 1.959964 * 500 * (0.9 * 5000 / 50) ** 0.5, rel=1e-6)


def test_no_error_says_not_that_there_is_none() -> None:
    found = error_value([Finding(str(n), 1000, 1000) for n in range(10)], 100, 100_000)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(30849.7, abs=0.1)


def test_a_whole_population_has_no_doubt() -> None:
    found = error_value([Finding("a", 1000, 0), Finding("b", 1000, 1000)], 2, 2000)
    assert (found.low, found.value, found.high) == (1000, 1000, 1000)
