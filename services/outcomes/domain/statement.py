"""A provider's statement of one month under one contract: lines and the totals that follow from them.

A settled entry belongs to the month that was closed over it. One that is not settled belongs to the month of its
effective day or, where that is closed, to the first open one.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.contracts.base import Month, PolicyVersion
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import OutcomeKind
from services.kernel.money import Pence


class StatementLine(BaseModel):
    """One entry. ``reason`` holds the entry's reason codes, joined by a space.

    ``payable_pence`` and ``treatment`` are what a closed month made of it; None while its month is open.
    """

    model_config = ConfigDict(frozen=True)

    entry_id: str
    referral_id: str | None
    milestone: str | None
    occurrence: int | None
    effective_on: date
    evidence: tuple[Evidence, ...]
    rate_card: PolicyVersion | None
    amount_pence: Pence
    kind: OutcomeKind
    reason: str
    payable_pence: Pence | None = None
    treatment: str | None = None


class Seal(BaseModel):
    """The root hash under which a month was closed, and when."""

    root: str
    closed_at: AwareDatetime


class Statement(BaseModel):
    """closing = opening + earned + fees - reversed - capped - paid; payable = max(0, closing).

    ``effective`` and ``known_at`` are the two axes: entries effective until that day, of facts that were
    recorded until that moment.
    """

    provider: str
    contract: str
    programme: str
    month: Month
    effective: date
    known_at: AwareDatetime
    currency: str = "GBP"
    opening_pence: Pence
    lines: tuple[StatementLine, ...]
    earned_pence: Pence
    fees_pence: Pence
    reversed_pence: Pence
    capped_pence: Pence
    paid_pence: Pence
    payable_pence: Pence
    closing_pence: Pence
    sealed: Seal | None = None


def make_statement(
    *,
    provider: str,
    contract: str,
    programme: str,
    month: str,
    effective: date,
    known_at: datetime,
    opening_pence: int,
    lines: Iterable[StatementLine],
    sealed: Seal | None = None,
) -> Statement:
    """Return the statement of a month from its lines; ``opening_pence`` is what all earlier months came to."""
    lines = tuple(lines)
    positive = _total(lines, OutcomeKind.EARNED) + sum(a for a in _amounts(lines, OutcomeKind.ADJUSTMENT) if a > 0)
    negative = (
        _total(lines, OutcomeKind.REVERSAL)
        + _total(lines, OutcomeKind.CLAWBACK)
        + sum(a for a in _amounts(lines, OutcomeKind.ADJUSTMENT) if a < 0)
    )
    fees = _total(lines, OutcomeKind.FEE)
    paid = _total(lines, OutcomeKind.PAID)
    capped = sum(withheld_of(line) for line in lines)
    closing = opening_pence + positive + fees + negative - capped - paid
    return Statement(
        provider=provider,
        contract=contract,
        programme=programme,
        month=month,
        effective=effective,
        known_at=known_at,
        opening_pence=opening_pence,
        lines=lines,
        earned_pence=positive,
        fees_pence=fees,
        reversed_pence=-negative,
        capped_pence=capped,
        paid_pence=paid,
        payable_pence=max(0, closing),
        closing_pence=closing,
        sealed=sealed,
    )


def withheld_of(line: StatementLine) -> int:
    """Return what settlement withheld of a line; negative where it was given back with what it belonged to."""
    if line.kind is OutcomeKind.PAID or line.payable_pence is None:
        return 0
    return line.amount_pence - line.payable_pence


def _amounts(lines: Sequence[StatementLine], kind: OutcomeKind) -> list[int]:
    return [line.amount_pence for line in lines if line.kind is kind]


def _total(lines: Sequence[StatementLine], kind: OutcomeKind) -> int:
    return sum(_amounts(lines, kind))
