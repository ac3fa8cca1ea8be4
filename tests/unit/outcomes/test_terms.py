"""Which card prices a day: by the fact's date, across versions, and none where no file covers it."""

from datetime import date
from typing import Any

import pytest

from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.kernel.decision import PolicyMissing
from services.outcomes.domain.terms import RateBook
from services.programmes.model import Programme
from services.programmes.rate_card import Payment, Price, RateCard
from services.programmes.reader import load_book
from tests.unit.outcomes.histories import CONTRACT, MANCHESTER, PROGRAMME, Books, Plan, evidence

FIRST = load_book().version_for(PROGRAMME, date(2024, 10, 1))
OLD = FIRST.payment.rate_cards[0]


def version(card: RateCard, **changed: Any) -> Programme:
    return FIRST.model_copy(update={"payment": Payment(rate_cards=(card,)), **changed})


def dearer(**changed: Any) -> RateCard:
    prices = (
        Price(milestone="participant", amount_pence=50000, at_most=1),
        Price(milestone="engagement", amount_pence=6000, at_most=3, gap_days=7),
    )
    return OLD.model_copy(update={"version": "2025.1", "prices": prices, **changed})


FROM_APRIL = version(
    dearer(published_on=date(2025, 3, 1), effective_from=date(2025, 4, 1)),
    version="2025.1",
    effective_from=date(2025, 4, 1),
)
TWO = RateBook([FROM_APRIL, FIRST.model_copy(update={"effective_to": date(2025, 3, 31)})])


@pytest.mark.parametrize(
    ("day", "card", "pence"),
    [("2025-03-31", "2024.1", 40200), ("2025-04-01", "2025.1", 50000)],
)
def test_the_card_is_chosen_by_the_day_of_the_fact(day: str, card: str, pence: int) -> None:
    plan = Plan()
    [entry] = Books(TWO).take(plan.session(day))
    assert entry.rate_card is not None
    assert (entry.rate_card.version, entry.amount_pence) == (card, pence)


def test_a_late_fact_is_paid_by_the_card_of_its_own_day() -> None:
    plan = Plan()
    made = Books(TWO).take(plan.session("2025-04-10"), plan.session("2025-05-01"), plan.session("2025-03-20"))
    assert [entry.amount_pence for entry in made] == [50000, 6000, 5000]


def test_gap_and_limit_are_those_of_the_fact_s_card_over_all_that_is_earned() -> None:
    plan, books = Plan(), Books(TWO)
    books.take(plan.session("2025-03-01"), plan.session("2025-03-30"))
    assert books.take(plan.session("2025-04-05")) == []
    assert len(books.take(plan.session("2025-04-06"), plan.session("2025-04-13"), plan.session("2025-04-20"))) == 2


def test_a_version_without_a_last_day_ends_when_the_next_begins() -> None:
    book = RateBook([FIRST, FROM_APRIL])
    assert book.terms(PROGRAMME, CONTRACT, date(2025, 3, 31)).card.version == "2024.1"
    assert book.terms(PROGRAMME, CONTRACT, date(2025, 4, 1)).card.version == "2025.1"


def test_plans_run_off_after_the_programme_s_last_day() -> None:
    ended = RateBook([FIRST.model_copy(update={"effective_to": date(2026, 3, 31)})])
    assert ended.terms(PROGRAMME, CONTRACT, date(2026, 4, 1)).card.version == "2024.1"


@pytest.mark.parametrize(
    ("programme", "contract", "day"),
    [
        (PROGRAMME, CONTRACT, date(2024, 9, 30)),
        (PROGRAMME, CONTRACT, date(2027, 4, 1)),
        (PROGRAMME, "nobody", date(2025, 1, 1)),
        ("elsewhere", CONTRACT, date(2025, 1, 1)),
    ],
)
def test_a_day_without_a_card_stops_the_worker(programme: str, contract: str, day: date) -> None:
    with pytest.raises(PolicyMissing, match="no rate card"):
        MANCHESTER.terms(programme, contract, day)


def test_a_card_that_does_not_price_a_milestone_pays_nothing_for_it() -> None:
    plan = Plan()
    only_sessions = RateBook([version(dearer(effective_from=OLD.effective_from))])
    books = Books(only_sessions)
    books.take(plan.session("2024-12-02"))
    assert books.take(plan.work("2025-01-01")) == []


def test_a_milestone_whose_evidence_is_missing_is_claimed_once() -> None:
    price = Price(milestone="health_outcome", amount_pence=900, at_most=2, evidence=("employer_confirmation",))
    strict = dearer(prices=(*dearer().prices, price), effective_from=OLD.effective_from)
    plan, books = Plan(), Books(RateBook([version(strict)]))
    books.take(plan.session("2024-12-02"), plan.session("2025-02-01"))
    [claim] = books.take(plan.review("2025-02-03", improved=True))
    assert (claim.kind, claim.amount_pence) == (OutcomeKind.CLAIMABLE, 0)
    assert books.take(plan.review("2025-02-04", improved=True)) == []
    [earned] = books.take(plan.evidence("2025-02-05", evidence(EvidenceKind.EMPLOYER_CONFIRMATION, "2025-02-04")))
    assert (earned.kind, earned.amount_pence) == (OutcomeKind.EARNED, 900)


def test_evidence_of_an_unknown_kind_is_refused_when_the_file_is_read() -> None:
    price = Price(milestone="work_outcome", amount_pence=1, at_most=1, evidence=("hearsay",))
    with pytest.raises(ValueError, match="hearsay"):
        RateBook([version(dearer(prices=(price,)))])
