"""A statement's totals follow from its lines, whatever kinds they are of."""

from datetime import UTC, date, datetime

import pytest

from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.months import month_of
from services.outcomes.domain.statement import Statement, StatementLine, make_statement


def line(kind: OutcomeKind, pence: int) -> StatementLine:
    return StatementLine(
        entry_id="e", referral_id=None, milestone=None, occurrence=None, effective_on=date(2024, 12, 2),
        evidence=(), rate_card=None, amount_pence=pence, kind=kind, reason="",
    )  # fmt: skip


def statement(opening: int, *lines: StatementLine) -> Statement:
    return make_statement(
        provider="p", contract="c", programme="w", month="2024-12", effective=date(2024, 12, 31),
        known_at=datetime(2025, 1, 1, tzinfo=UTC), opening_pence=opening, lines=lines,
    )  # fmt: skip


def test_every_kind_has_its_place() -> None:
    found = statement(
        1000,
        line(OutcomeKind.EARNED, 40200),
        line(OutcomeKind.CLAIMABLE, 0),
        line(OutcomeKind.ADJUSTMENT, 300),
        line(OutcomeKind.ADJUSTMENT, -200),
        line(OutcomeKind.REVERSAL, -5000),
        line(OutcomeKind.CLAWBACK, -100),
        line(OutcomeKind.FEE, 700),
        line(OutcomeKind.PAID, 20000),
    )
    assert (found.earned_pence, found.fees_pence, found.reversed_pence) == (40500, 700, 5300)
    assert (found.capped_pence, found.paid_pence) == (0, 20000)
    assert found.closing_pence == 1000 + 40500 + 700 - 5300 - 0 - 20000
    assert found.payable_pence == found.closing_pence


def test_what_the_provider_owes_is_carried_and_not_payable() -> None:
    found = statement(0, line(OutcomeKind.REVERSAL, -5000))
    assert (found.closing_pence, found.payable_pence) == (-5000, 0)


@pytest.mark.parametrize(
    ("month", "last"),
    [("2024-11", date(2024, 11, 30)), ("2024-02", date(2024, 2, 29)), ("2025-12", date(2025, 12, 31))],
)
def test_a_month_has_its_own_last_day(month: str, last: date) -> None:
    assert month_of(month) == (last.replace(day=1), last)


@pytest.mark.parametrize("text", ["2024-13", "2024-1", "24-11", "2024-11-01", ""])
def test_anything_else_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="is no month"):
        month_of(text)
