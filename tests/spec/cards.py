"""Rows of the payment rules: a card, what happened, and what it earned, line by line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from services.contracts.plan_codes import EvidenceKind
from services.kernel.decision import Received
from services.outcomes.domain.decide import judge
from services.outcomes.domain.terms import RateBook
from services.outcomes.rates.files import TEMPLATES, read_cards
from services.programmes.bank_holidays import is_closed
from services.programmes.book import ProgrammeBook
from services.programmes.rate_card import Payment, RateCard
from services.programmes.reader import load_book
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, Books, Plan, evidence

DAY = date(2025, 4, 7)
"""The participant's day, a Monday: ``after(13)`` is thirteen days later."""
REFERRED = date(2025, 4, 1)
"""A Tuesday."""
PAYSLIP = EvidenceKind.PAYSLIP

Happening = Callable[[Plan], Received]


def after(days: int) -> date:
    """Return a day counted from the participant's."""
    return DAY + timedelta(days=days)


def shown(on: date, kind: EvidenceKind = PAYSLIP) -> Any:
    """Return evidence obtained on a day."""
    return evidence(kind, on)


def card_of(template: str, **changed: Any) -> RateCard:
    """Return a template's card for the contract of the histories."""
    (card,), problems = read_cards(TEMPLATES / f"{template}.yaml")
    assert problems == []
    return RateCard.model_validate({**card.model_dump(), "contracts": (CONTRACT,), **changed})


def book_of(*cards: RateCard) -> RateBook:
    """Return a book in which these cards alone price the contract of the histories."""
    book: ProgrammeBook = load_book()
    first = book.version_for(PROGRAMME, date(2024, 10, 1))
    days = {"effective_from": cards[0].effective_from, "payment": Payment(rate_cards=cards)}
    return RateBook([first.model_copy(update=days)], is_closed)


@dataclass(frozen=True)
class Row:
    """What happened, in order; the code and the pence of the last fact for ``milestone``; the pence in all."""

    title: str
    happened: Sequence[Happening]
    milestone: str | None
    code: str
    pence: int
    total: int
    plan: dict[str, Any] = field(default_factory=dict)


def parametrised(*tables: tuple[str, RateCard, Sequence[Row]]) -> pytest.MarkDecorator:
    """Make one test of each row of each (title, card, rows)."""
    cases = [pytest.param(card, row, id=f"{title}: {row.title}") for title, card, rows in tables for row in rows]
    return pytest.mark.parametrize(("card", "row"), cases)


def check(card: RateCard, row: Row) -> None:
    """Play a row and compare."""
    said_first = {"referred_on": REFERRED, "acknowledged_on": REFERRED, "consent": None}
    plan = Plan(**said_first | row.plan)
    books = Books(book_of(card))
    *before, last = [happening(plan) for happening in row.happened]
    books.take(*before)
    said = judge(books.states.get(last.key), last.data, books.policy)
    made = books.take(last)
    codes = [verdict.code for verdict in said if verdict.milestone == row.milestone]
    assert codes == [row.code], [(v.milestone, v.code) for v in said]
    pence = [entry.amount_pence for entry in made if entry.milestone and entry.milestone.code == row.milestone]
    assert sum(pence) == row.pence
    assert books.pence == row.total
