"""Postings, and the fold that fills and proves the ledger."""

from dataclasses import replace
from datetime import date

import pytest

from services.contracts.base import VersionRef
from services.contracts.outcome import ContractOutcome, OutcomeRecorded
from services.contracts.plan_codes import OutcomeKind
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Event
from services.kernel.service import Change, Row
from services.outcomes.domain.ledger import POSTINGS, Account, SettlementKind, fold_ledger, transaction_of
from services.outcomes.domain.state import Earnings, evolve
from services.outcomes.store import LINES, TRANSACTIONS, project
from tests.unit.outcomes.histories import CONTRACT, NOW, PROGRAMME, PROVIDER, Books, Plan

A = Account


def earned_events() -> list[Event]:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.session("2024-12-10"), plan.work("2025-01-02"))
    books.take(plan.corrected("2025-01-20", 2), plan.session("2024-12-09"))
    return books.events


def of_contract(kind: OutcomeKind, pence: int) -> Event:
    outcome = ContractOutcome.model_validate(
        {
            "programme": VersionRef(id=PROGRAMME, version="2024.1"), "contract": CONTRACT, "provider": PROVIDER,
            "month": "2024-12", "kind": kind, "effective_on": date(2024, 12, 31), "evidence": (),
            "amount_pence": pence, "rate_card": None, "reasons": (), "refers_to": None, "remittance": None,
        }
    )  # fmt: skip
    return Event("00000000-0000-5000-8000-000000000001", OUTCOME_RECORDED, CONTRACT, 1, OutcomeRecorded(outcome), NOW)


@pytest.mark.parametrize(
    ("kind", "pence", "lines"),
    [
        (OutcomeKind.EARNED, 5000, {A.COST: 5000, A.ACCRUED: -5000}),
        (OutcomeKind.REVERSAL, -5000, {A.COST: -5000, A.ACCRUED: 5000}),
        (OutcomeKind.ADJUSTMENT, -100, {A.COST: -100, A.ACCRUED: 100}),
        (OutcomeKind.CLAWBACK, -5000, {A.COST: -5000, A.CLAWBACK: 5000}),
        (OutcomeKind.FEE, 900, {A.COST: 900, A.ACCRUED: -900}),
        (OutcomeKind.PAID, 700, {A.PAYABLE: 700, A.PAID: -700}),
        (OutcomeKind.EARNED, 0, {}),
        (OutcomeKind.CLAIMABLE, 0, {}),
    ],
)
def test_what_an_entry_posts(kind: OutcomeKind, pence: int, lines: dict[Account, int]) -> None:
    entry = replace(transaction_of(of_contract(OutcomeKind.FEE, 1), None), kind=kind, amount_pence=pence)
    assert {line.account: line.amount_pence for line in entry.lines()} == lines


def test_every_kind_that_moves_money_has_its_accounts() -> None:
    assert set(POSTINGS) == {*OutcomeKind, *SettlementKind} - {OutcomeKind.CLAIMABLE}


def test_the_fold_balances_and_keeps_every_entry() -> None:
    events = earned_events()
    ledger = fold_ledger(events)
    assert list(ledger.transactions) == [event.id for event in events]
    assert ledger.trial_balance() == 0
    assert ledger.balances() == {(CONTRACT, A.COST): 45200, (CONTRACT, A.ACCRUED): -45200}


def test_entries_of_a_contract_are_folded_and_change_no_referral() -> None:
    fee = of_contract(OutcomeKind.FEE, 900)
    ledger = fold_ledger([*earned_events(), fee])
    assert ledger.balances()[CONTRACT, A.COST] == 46100
    assert ledger.transactions[fee.id].referral_id is None
    assert evolve(None, fee) == Earnings()


def test_project_writes_what_the_fold_says() -> None:
    plan, books = Plan(), Books()
    causes = [plan.session("2024-12-02"), plan.session("2024-12-10"), plan.corrected("2024-12-11", 2)]
    rows: list[Row] = []
    for cause in [*causes, plan.session("2024-12-12"), plan.work("2025-01-02")]:
        before = len(books.events)
        books.take(cause)
        rows += project(Change(cause.key, cause, books.events[before:], books.states.get(cause.key)))
    ledger = fold_ledger(books.events)
    written = [row for table, row in rows if table is TRANSACTIONS]
    names = [name for name, _ in TRANSACTIONS.columns]
    assert [row[names.index("id")] for row in written] == list(ledger.transactions)
    assert [row[names.index("replaces")] for row in written] == [t.replaces for t in ledger.transactions.values()]
    lines = [(t.transaction_id, t.line, t.contract, t.account.value, t.amount_pence) for t in ledger.lines.values()]
    assert [row for table, row in rows if table is LINES] == lines


def test_differences_name_the_first_entry_that_differs() -> None:
    events = earned_events()
    whole, short = fold_ledger(events), fold_ledger(events[:-1])
    assert whole.differences(fold_ledger(events)) == []
    assert whole.differences(short) == [events[-1].id]
    assert short.differences(whole) == [events[-1].id]
    changed = fold_ledger(events)
    first = events[0].id
    changed.lines[first, 1] = replace(changed.lines[first, 1], amount_pence=1)
    del changed.lines[events[1].id, 2]
    assert whole.differences(changed) == [first, events[1].id]
    assert changed.trial_balance() != 0
