"""The delivery fee: equal monthly parts that sum to the total, and nothing outside its months."""

from datetime import date

import pytest

from services.outcomes.domain.fees import fee_of
from services.programmes.rate_card import DeliveryFee, Price, RateCard


def card(total: int, first: str, last: str) -> RateCard:
    return RateCard(
        id="fees",
        version="2024.1",
        illustrative=True,
        published_on=date(2024, 1, 1),
        effective_from=date(2024, 4, 1),
        contracts=("one", "two"),
        prices=(Price(milestone="participant", amount_pence=0, at_most=1),),
        delivery_fee=(DeliveryFee(contract="one", total_pence=total, first_month=first, last_month=last),),
    )


MONTHS = [f"{year}-{month:02}" for year in (2024, 2025, 2026) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("total", "first", "last", "shares"),
    [
        (1200, "2024-04", "2025-03", [100] * 12),
        (1201, "2024-04", "2025-03", [101] + [100] * 11),
        (1211, "2024-04", "2025-03", [101] * 11 + [100]),
        (5, "2024-11", "2025-02", [2, 1, 1, 1]),
        (2, "2024-12", "2025-02", [1, 1, 0]),
        (999, "2024-12", "2024-12", [999]),
    ],
    ids=["no remainder", "one penny", "eleven pence", "over new year", "fewer pence than months", "one month"],
)
def test_the_months_sum_to_the_total_and_earlier_ones_have_the_penny(
    total: int, first: str, last: str, shares: list[int]
) -> None:
    found = [fee_of(card(total, first, last), "one", month) for month in MONTHS if first <= month <= last]
    assert found == shares
    assert sum(fee_of(card(total, first, last), "one", month) for month in MONTHS) == total


def test_nothing_before_after_or_for_another_contract() -> None:
    made = card(1200, "2024-04", "2025-03")
    assert [fee_of(made, "one", month) for month in ("2024-03", "2024-04", "2025-03", "2025-04")] == [0, 100, 100, 0]
    assert fee_of(made, "two", "2024-04") == 0
