"""Laws of payment over random histories: balance, limits, gap, replay, and agreement with a second model."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.codes import Channel
from services.contracts.plan_codes import EvidenceKind, OutcomeKind, SessionAttendance
from services.contracts.referral import Consent
from services.kernel.decision import Received
from services.outcomes.domain.ledger import Account, fold_ledger
from services.outcomes.domain.state import Earnings, evolve
from services.outcomes.domain.terms import RateBook
from services.programmes.rate_card import Payment, Price
from services.programmes.reader import FOLDER, load_book
from tests.property.owed import owed
from tests.unit.outcomes.histories import (
    CONTRACT,
    MANCHESTER,
    PROGRAMME,
    REFERRED,
    UNEMPLOYED,
    WORKING,
    Books,
    Plan,
    evidence,
)

DAYS = st.integers(0, 400).map(lambda days: REFERRED + timedelta(days=days - 3))
CONSENTS = st.one_of(
    st.none(),
    st.builds(
        Consent,
        given=st.booleans(),
        on=st.one_of(st.none(), DAYS),
        channel=st.just(Channel.PHONE),
    ),
)
PROVIDERS = [("growth-company", CONTRACT), ("big-life", "wwgm-manchester-big-life"), (None, None)]

Move = Callable[[Plan], Received]
KINDS = st.sampled_from(list(EvidenceKind))
MILESTONES = st.sampled_from([None, "work_outcome", "health_outcome", "engagement"])


def _handed_over(to: tuple[str | None, str | None], on: date) -> Move:
    def move(plan: Plan) -> Received:
        plan.provider, plan.contract = to
        return plan.note(on)

    return move


def _consent(consent: Consent | None, on: date) -> Move:
    def move(plan: Plan) -> Received:
        plan.consent = consent
        return plan.note(on)

    return move


MOVES = st.one_of(
    st.builds(lambda on: lambda plan: plan.session(on), DAYS),
    st.builds(lambda on, how: lambda plan: plan.session(on, how), DAYS, st.sampled_from(list(SessionAttendance))),
    st.builds(lambda on: lambda plan: plan.step(on), DAYS),
    st.builds(lambda on, yes: lambda plan: plan.review(on, improved=yes), DAYS, st.sampled_from([None, True, False])),
    st.builds(lambda on, work: lambda plan: plan.work(on, work), DAYS, st.sampled_from([WORKING, UNEMPLOYED])),
    st.builds(lambda on, kind, obtained: lambda plan: plan.confirmed(on, evidence(kind, obtained)), DAYS, KINDS, DAYS),
    st.builds(
        lambda on, kind, obtained, code: lambda plan: plan.evidence(on, evidence(kind, obtained), code),
        DAYS,
        KINDS,
        DAYS,
        MILESTONES,
    ),
    st.builds(lambda on, version: lambda plan: plan.corrected(on, version), DAYS, st.integers(1, 20)),
    st.builds(_handed_over, st.sampled_from(PROVIDERS), DAYS),
    st.builds(_consent, CONSENTS, DAYS),
)
HISTORIES = st.lists(MOVES, max_size=30)
MANY = settings(max_examples=400, deadline=None)


def played(moves: list[Move], name: str = "one") -> list[Received]:
    plan = Plan(name)
    return [move(plan) for move in moves]


def books_of(causes: list[Received], policy: RateBook = MANCHESTER) -> Books:
    books = Books(policy)
    books.take(*causes)
    return books


def in_the_topic(causes: list[Received]) -> list[dict[str, Any]]:
    return [json.loads(cause.data.model_dump_json()) for cause in causes]


def by_provider(books: Books) -> dict[str, int]:
    sums = Counter[str]()
    for transaction in fold_ledger(books.events).transactions.values():
        sums[transaction.provider] += transaction.amount_pence
    return {provider: pence for provider, pence in sums.items() if pence}


# A card that prices outcomes too, and another gap: what the Manchester card leaves at zero is money here.
_FILE = load_book().version_for(PROGRAMME, date(2024, 10, 1))
_PRICES = (
    {"milestone": "participant", "amount_pence": 30011, "at_most": 1},
    {"milestone": "engagement", "amount_pence": 1709, "at_most": 5, "gap_days": 7},
    {"milestone": "work_outcome", "amount_pence": 50021, "at_most": 2, "evidence": ["payslip", "tax_record"]},
    {"milestone": "health_outcome", "amount_pence": 7013, "at_most": 3, "evidence": ["review_record"]},
)
_PRICED = [Price.model_validate(price, strict=False) for price in _PRICES]
_CARD = _FILE.payment.rate_cards[0].model_copy(update={"prices": tuple(_PRICED), "version": "2025.1"})
_FROM = date(2025, 3, 1)
TWO_CARDS = RateBook(
    [
        _FILE,
        _FILE.model_copy(update={"effective_from": _FROM, "payment": Payment(rate_cards=(_CARD,))}),
    ]
)


def two_files() -> list[dict[str, Any]]:
    path = next(FOLDER.glob("workwell-greater-manchester/2024.1.yaml"))
    first, second = yaml.safe_load(path.read_text()), yaml.safe_load(path.read_text())
    second["effective_from"] = _FROM
    second["payment"]["rate_cards"][0]["prices"] = list(_PRICES)
    return [second, first]


FILES = two_files()


@MANY
@given(HISTORIES)
def test_the_ledger_is_the_independent_model_to_the_penny(moves: list[Move]) -> None:
    causes = played(moves)
    expected = {provider: pence for provider, pence in owed(in_the_topic(causes), FILES[1:]).items() if pence}
    assert by_provider(books_of(causes)) == expected


@MANY
@given(HISTORIES)
def test_the_same_where_outcomes_have_a_price_and_two_cards_apply(moves: list[Move]) -> None:
    causes = played(moves)
    expected = {provider: pence for provider, pence in owed(in_the_topic(causes), FILES).items() if pence}
    assert by_provider(books_of(causes, TWO_CARDS)) == expected


@MANY
@given(HISTORIES)
def test_every_transaction_and_the_whole_ledger_sum_to_zero(moves: list[Move]) -> None:
    ledger = fold_ledger(books_of(played(moves), TWO_CARDS).events)
    sums = Counter[str]()
    for line in ledger.lines.values():
        sums[line.transaction_id] += line.amount_pence
    assert set(sums.values()) <= {0}
    assert ledger.trial_balance() == 0


@MANY
@given(HISTORIES)
def test_a_person_never_costs_more_than_the_card(moves: list[Move]) -> None:
    books = books_of(played(moves))
    assert 0 <= books.pence <= 40200 + 8 * 5000
    cost = sum(pence for (_, account), pence in fold_ledger(books.events).balances().items() if account is Account.COST)
    assert cost == books.pence


@MANY
@given(HISTORIES)
def test_what_stands_keeps_its_gap_its_day_and_its_number(moves: list[Move]) -> None:
    books = books_of(played(moves))
    state = next(iter(books.states.values()), Earnings())
    engagements = [entry.on for entry in state.of("engagement")]
    assert all(abs((a - b).days) >= 14 for a, b in combinations(engagements, 2))
    starts = list(state.of("participant"))
    assert len(starts) <= 1
    keys = [(entry.milestone, entry.occurrence) for entry in state.earned]
    assert len(set(keys)) == len(keys)


@MANY
@given(HISTORIES)
def test_state_is_the_fold_of_its_own_events(moves: list[Move]) -> None:
    books = books_of(played(moves), TWO_CARDS)
    folded: dict[str, Earnings] = {}
    for event in books.events:
        folded[event.key] = evolve(folded.get(event.key), event)
    assert folded == books.states
    for state in folded.values():
        assert Earnings.model_validate_json(state.model_dump_json()) == state


@MANY
@given(HISTORIES)
def test_an_entry_is_taken_back_at_most_once_and_to_the_penny(moves: list[Move]) -> None:
    events = books_of(played(moves), TWO_CARDS).events
    amounts = {event.id: event.data.root.amount_pence for event in events}
    reversals = [event.data.root for event in events if event.data.root.kind is OutcomeKind.REVERSAL]
    assert len({reversal.refers_to for reversal in reversals}) == len(reversals)
    assert all(reversal.amount_pence == -amounts[reversal.refers_to] for reversal in reversals)


@MANY
@given(HISTORIES)
def test_the_business_key_stands_once_between_reversals(moves: list[Move]) -> None:
    ledger = fold_ledger(books_of(played(moves), TWO_CARDS).events)
    standing = [
        (t.kind, t.referral_id, t.milestone, t.occurrence, t.replaces)
        for t in ledger.transactions.values()
        if t.kind in {OutcomeKind.EARNED, OutcomeKind.CLAIMABLE}
    ]
    assert len(set(standing)) == len(standing)


@settings(max_examples=200, deadline=None)
@given(HISTORIES, HISTORIES, st.randoms(use_true_random=False))
def test_interleaving_and_duplicates_change_nothing(one: list[Move], two: list[Move], random: Any) -> None:
    apart = [played(one, "one"), played(two, "two")]
    expected = fold_ledger([*books_of(apart[0]).events, *books_of(apart[1]).events])
    mixed: list[Received] = []
    queues = [list(apart[0]), list(apart[1])]
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        mixed.append(queue.pop(0))
        if random.random() < 0.3:
            mixed.append(random.choice(mixed))
    found = fold_ledger(books_of(mixed).events)
    assert found.differences(expected) == []
