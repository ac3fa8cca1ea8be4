"""Laws of money over random histories in which finance claws back and prices anew while the facts go on."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.outcome import ClawBack, ReRate
from services.contracts.payment_codes import ClawbackReason, ReRatingReason
from services.contracts.plan_codes import OutcomeKind
from services.kernel.decision import Refused
from services.kernel.ids import time_of_uuid7
from services.outcomes.domain.commanding import reissue
from services.outcomes.domain.decide import decide
from services.outcomes.domain.ledger import Account, Ledger, Transaction, fold_ledger
from services.outcomes.domain.settlement import Candidate, Rooms, Settled, Settlement, Tier
from services.outcomes.domain.state import Earnings, evolve
from services.outcomes.domain.terms import RateBook
from services.programmes.rate_card import Payment, Price
from services.programmes.reader import load_book
from tests.property.test_outcomes_laws import MOVES, PROVIDERS, Move
from tests.unit.outcomes.histories import LATER, PROGRAMME, Books, Plan

FIRST = load_book().version_for(PROGRAMME, date(2024, 10, 1))
CARD = FIRST.payment.rate_cards[0]
NAMES = ("participant", "engagement", "work_outcome", "health_outcome")


def priced(version: str, *pence: int) -> Any:
    """Return a card that prices everything, often enough for any entry, and asks for no evidence."""
    prices = tuple(Price(milestone=name, amount_pence=one, at_most=20) for name, one in zip(NAMES, pence, strict=True))
    return CARD.model_copy(update={"version": version, "prices": prices, "effective_from": date(2031, 1, 1)})


CARDS = (priced("dearer", 50001, 6001, 9001, 101), priced("cheaper", 30000, 1, 0, 0))
BOOK = RateBook([FIRST.model_copy(update={"payment": Payment(rate_cards=(CARD, *CARDS))})])
VERSIONS = ("2024.1", "dearer", "cheaper")

Act = Callable[[Books, Plan], None]


def _heard(move: Move) -> Act:
    return lambda books, plan: void(books.take(move(plan)))


def _clawed(number: int, share: int) -> Act:
    def act(books: Books, plan: Plan) -> None:
        state = books.states.get(plan.referral_id)
        entries = [one for one in state.earned if one.left_pence] if state else []
        if entries:
            entry = entries[number % len(entries)]
            pence = None if share == 100 else max(1, entry.left_pence * share // 100)
            asked = ClawBack(
                by="finance-1", entry=entry.event_id, amount_pence=pence, effective_on=LATER.date(),
                reason=ClawbackReason.AUDIT_FINDING,
            )  # fmt: skip
            books.command(asked, plan.referral_id)

    return act


def _rated(version: str) -> Act:
    return lambda books, plan: void(rated(books, plan, version))


def rated(books: Books, plan: Plan, version: str) -> list[Any] | None:
    """Price anew, where finance may; return what followed, or None."""
    asked = ReRate(by="finance-1", card=CARD.id, version=version, reason=ReRatingReason.CARD_CORRECTED)
    try:
        return books.command(asked, plan.referral_id)
    except Refused:
        return None


def void(_: object) -> None:
    """Drop what an act returns."""


ACTS = st.one_of(
    MOVES.map(_heard),
    MOVES.map(_heard),
    st.builds(_clawed, st.integers(0, 9), st.sampled_from([1, 33, 50, 99, 100])),
    st.sampled_from(VERSIONS).map(_rated),
)
HISTORIES = st.lists(ACTS, max_size=30)
MANY = settings(max_examples=400, deadline=None)


def lived(acts: list[Act], name: str = "one") -> tuple[Books, Plan]:
    books, plan = Books(BOOK), Plan(name)
    for act in acts:
        act(books, plan)
    return books, plan


def took_back(ledger: Ledger) -> dict[str, int]:
    sums = Counter[str]()
    for one in ledger.transactions.values():
        if one.kind in {OutcomeKind.REVERSAL, OutcomeKind.CLAWBACK}:
            sums[one.refers_to or ""] -= one.amount_pence
    return sums


@MANY
@given(HISTORIES)
def test_lines_sum_to_zero_and_nothing_is_taken_back_past_its_original(acts: list[Act]) -> None:
    books, plan = lived(acts)
    ledger = fold_ledger(books.events)
    sums = Counter[str]()
    for line in ledger.lines.values():
        sums[line.transaction_id] += line.amount_pence
    assert set(sums.values()) <= {0}
    taken = took_back(ledger)
    for identity, pence in taken.items():
        assert 0 <= pence <= ledger.transactions[identity].amount_pence
    state = books.states.get(plan.referral_id) or Earnings()
    assert sum(entry.left_pence for entry in state.earned) == books.pence
    for entry in state.earned:
        assert entry.left_pence == entry.amount_pence - taken.get(entry.event_id, 0) >= 0


@MANY
@given(HISTORIES)
def test_everything_reversed_comes_to_nothing(acts: list[Act]) -> None:
    books, plan = lived(acts)
    for version in range(1, plan.version + 1):
        books.take(plan.corrected("2026-03-02", version))
    assert books.pence == 0
    costs = [pence for (_, account), pence in fold_ledger(books.events).balances().items() if account is Account.COST]
    assert set(costs) <= {0}


@MANY
@given(HISTORIES, st.sampled_from(VERSIONS))
def test_to_the_same_card_a_second_time_changes_nothing(acts: list[Act], version: str) -> None:
    books, plan = lived(acts)
    if rated(books, plan, version) is not None:
        count = len(books.events)
        assert rated(books, plan, version) == []
        assert len(books.events) == count
        assert {entry.card.version for entry in books.states[plan.referral_id].earned} <= {version}


@MANY
@given(HISTORIES)
def test_what_finance_asked_is_read_from_the_log_and_decides_the_same_again(acts: list[Act]) -> None:
    books, plan = lived(acts)
    state: Earnings | None = None
    for cause, group in groupby(books.events, key=lambda event: books.causes[event.id]):
        events = list(group)
        command = reissue(events[0], cause)
        if command is not None:
            drafts = decide(state, command, policy=BOOK, now=time_of_uuid7(cause))
            assert [(draft.type, draft.data) for draft in drafts] == [(event.type, event.data) for event in events]
        for event in events:
            state = evolve(state, event)
    assert state == books.states.get(plan.referral_id)


HISTORY_COUNT = 300


def drawn(chance: Random) -> list[Act]:
    """Return a usual life in which finance has its part."""
    day, acts = date(2024, 11, 20), list[Act]()
    for _ in range(chance.randrange(2, 12)):
        day += timedelta(days=chance.choice((1, 7, 14, 15, 30)))
        number, share, version = chance.randrange(1, 9), chance.choice((10, 50, 100)), chance.choice(VERSIONS)
        facts = (_on("session", day), _on("session", day), _on("step", day), _on("corrected", day, number))
        acts.append(chance.choice((*facts, _clawed(number, share), _rated(version))))
    return acts


def _on(what: str, day: date, *more: int) -> Act:
    return _heard(lambda plan: getattr(plan, what)(day, *more))


def settled(ledgers: list[Ledger], tiers: Mapping[str, Sequence[Tier]]) -> tuple[list[Settled], Rooms]:
    """Settle all there is in the fixed order, whatever order it was heard in."""
    entries = [entry for ledger in ledgers for entry in ledger.transactions.values()]

    def place(one: Transaction) -> Any:
        return one.effective_on, one.amount_pence < 0, one.known_at, one.referral_id, one.sequence, one.id

    rooms = Rooms()
    settlement = Settlement(tiers, rooms)
    found = []
    for one in sorted(entries, key=place):
        named = (one.id, one.contract, one.kind, one.milestone, one.effective_on, one.amount_pence, one.refers_to)
        found.append(settlement.settle(Candidate(*named), taken_back_here=True))
    return found, rooms


@pytest.mark.parametrize("ceiling", [0, 1, 40_199, 40_200, 90_000, 10_000_000])
def test_in_any_order_the_same_pennies_and_never_above_a_ceiling(ceiling: int) -> None:
    area = Tier("area", "area", ceiling * 2, None, None)
    tiers = {contract: (Tier("contract", contract, ceiling), area) for _, contract in PROVIDERS if contract}
    for seed in range(HISTORY_COUNT):
        chance = Random(seed)  # noqa: S311  a seed, so that a failure comes again
        lives = [(drawn(chance), Plan(str(number))) for number in range(3)]
        for number, (_, plan) in enumerate(lives):
            plan.provider, plan.contract = PROVIDERS[number % 2]
        apart = [Books(BOOK) for _ in lives]
        for books, (acts, plan) in zip(apart, lives, strict=True):
            for act in acts:
                act(books, plan)
        ledgers = [fold_ledger(books.events) for books in apart]
        expected, rooms = settled(ledgers, tiers)
        chance.shuffle(ledgers)
        again, _ = settled(ledgers, tiers)
        assert again == expected
        for name, used in rooms.whole.items():
            assert used <= (ceiling * 2 if name == "area" else ceiling), (seed, name)
        cost = sum(books.pence for books in apart)
        assert sum(one.payable_pence + one.withheld_pence for one in expected) == cost
