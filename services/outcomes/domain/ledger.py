"""The ledger as a fold: the same function fills the tables, and proves them equal to the log.

Double entry. A line's amount is positive on the debit side and negative on the credit side; the lines of a
transaction sum to 0. Ids follow from event ids, so a replay gets the same rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from services.contracts.outcome import ContractOutcome, Evidence, OutcomeRecorded, ReferralOutcome
from services.contracts.plan_codes import OutcomeKind
from services.contracts.statement import StatementSealed
from services.kernel.decision import Event
from services.kernel.ids import event_id
from services.outcomes.domain.months import month_of


class Account(StrEnum):
    """The chart of accounts, one of each for every contract.

    ``accrued`` is what is earned and not settled, ``payable`` what a settlement has passed for payment,
    ``withheld_by_cap`` what a ceiling keeps back, ``clawback`` what the provider owes.
    """

    COST = "cost"
    ACCRUED = "accrued"
    PAYABLE = "payable"
    WITHHELD_BY_CAP = "withheld_by_cap"
    CLAWBACK = "clawback"
    PAID = "paid"


class SettlementKind(StrEnum):
    """What the sealing of a statement posts: one transaction of each kind at most."""

    SETTLED = "settled"
    CLAWBACK_SETTLED = "clawback_settled"
    WITHHELD = "withheld"


EntryKind = OutcomeKind | SettlementKind

POSTINGS: Final[dict[EntryKind, tuple[Account, Account]]] = {
    OutcomeKind.EARNED: (Account.COST, Account.ACCRUED),
    OutcomeKind.REVERSAL: (Account.COST, Account.ACCRUED),
    OutcomeKind.ADJUSTMENT: (Account.COST, Account.ACCRUED),
    OutcomeKind.FEE: (Account.COST, Account.ACCRUED),
    OutcomeKind.CLAWBACK: (Account.COST, Account.CLAWBACK),
    OutcomeKind.PAID: (Account.PAYABLE, Account.PAID),
    SettlementKind.SETTLED: (Account.ACCRUED, Account.PAYABLE),
    SettlementKind.CLAWBACK_SETTLED: (Account.CLAWBACK, Account.PAYABLE),
    SettlementKind.WITHHELD: (Account.PAYABLE, Account.WITHHELD_BY_CAP),
}
"""Which account an entry's amount is debited to and which it is credited to. A negative amount turns both."""


BusinessKey = tuple[str | None, str | None, int | None]
_STANDS_ONCE: Final = frozenset({OutcomeKind.EARNED, OutcomeKind.CLAIMABLE})


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a transaction; ``line`` is 1 or 2."""

    transaction_id: str
    line: int
    contract: str
    account: Account
    amount_pence: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry: an ``outcome.recorded`` event as the ledger keeps it; id and sequence are the event's.

    What a sealed statement posts is kept as well: id and sequence follow from its event. ``known_at`` is when the fact
    behind it was recorded. ``replaces`` is the reversal after which a milestone stands here again; with it the business
    key (referral, milestone, occurrence) is unique.
    """

    id: str
    kind: EntryKind
    programme: str
    contract: str
    provider: str
    referral_id: str | None
    person_id: str | None
    milestone: str | None
    occurrence: int | None
    sequence: int
    effective_on: date
    amount_pence: int
    evidence: tuple[Evidence, ...]
    card_id: str | None
    card_version: str | None
    card_sha256: str | None
    reasons: tuple[str, ...]
    refers_to: str | None
    replaces: str | None
    known_at: datetime

    def lines(self) -> tuple[Line, ...]:
        """Return the two lines of the transaction; none where it moves no money."""
        if not self.amount_pence:
            return ()
        debit, credit = POSTINGS[self.kind]
        return (
            Line(self.id, 1, self.contract, debit, self.amount_pence),
            Line(self.id, 2, self.contract, credit, -self.amount_pence),
        )


@dataclass
class Ledger:
    """Transactions and lines, by id. Two ledgers are equal when every field of both is."""

    transactions: dict[str, Transaction] = field(default_factory=dict)
    lines: dict[tuple[str, int], Line] = field(default_factory=dict)

    def add(self, transaction: Transaction) -> None:
        """Post a transaction with its lines."""
        self.transactions[transaction.id] = transaction
        for line in transaction.lines():
            self.lines[line.transaction_id, line.line] = line

    def balances(self) -> dict[tuple[str, Account], int]:
        """Return the balance of each account of each contract, in pence."""
        found: dict[tuple[str, Account], int] = {}
        for line in self.lines.values():
            key = (line.contract, line.account)
            found[key] = found.get(key, 0) + line.amount_pence
        return found

    def trial_balance(self) -> int:
        """Return the sum of all lines: 0, or the ledger is wrong."""
        return sum(line.amount_pence for line in self.lines.values())

    def differences(self, other: "Ledger") -> list[str]:
        """Return the ids of the transactions that are not the same in both, the earliest known first."""
        here, there = self._entries(), other._entries()
        different = [found for found in here.keys() | there.keys() if here.get(found) != there.get(found)]
        return sorted(different, key=lambda identity: (self.known(other, identity), identity))

    def known(self, other: "Ledger", identity: str) -> str:
        """Return when an entry of either became known, as text; empty for one without its transaction."""
        found = self.transactions.get(identity) or other.transactions.get(identity)
        return found.known_at.isoformat() if found else ""

    def _entries(self) -> dict[str, tuple[Transaction | None, frozenset[Line]]]:
        lines: dict[str, set[Line]] = {identity: set() for identity in self.transactions}
        for line in self.lines.values():
            lines.setdefault(line.transaction_id, set()).add(line)
        return {identity: (self.transactions.get(identity), frozenset(found)) for identity, found in lines.items()}


def fold_ledger(events: Iterable[Event]) -> Ledger:
    """Return the ledger that the service's own events make. Other types than outcomes post nothing.

    The events of one key must be in order; keys may interleave in any way.
    """
    ledger = Ledger()
    reversals: dict[BusinessKey, str] = {}
    for event in events:
        if isinstance(event.data, StatementSealed):
            for settled in settlement_of(event):
                ledger.add(settled)
        if not isinstance(event.data, OutcomeRecorded):
            continue
        found = transaction_of(event, reversals.get(business_key(event.data.root)))
        if found.kind is OutcomeKind.REVERSAL:
            reversals[business_key(event.data.root)] = found.id
        ledger.add(found)
    return ledger


def business_key(outcome: ReferralOutcome | ContractOutcome) -> BusinessKey:
    """Return what is payable once: referral, milestone, occurrence. All None for an entry of a contract."""
    if isinstance(outcome, ContractOutcome):
        return None, None, None
    if outcome.milestone is None:
        return outcome.referral_id, None, None
    return outcome.referral_id, outcome.milestone.code, outcome.milestone.occurrence


def transaction_of(event: Event, reversal: str | None) -> Transaction:
    """Return an event's transaction. ``reversal``: the last reversal of its business key before it, if any."""
    outcome: ReferralOutcome | ContractOutcome = event.data.root
    card = outcome.rate_card
    referral_id, milestone, occurrence = business_key(outcome)
    kind = OutcomeKind(outcome.kind)
    return Transaction(
        id=event.id,
        kind=kind,
        programme=outcome.programme.id,
        contract=outcome.contract or "",
        provider=outcome.provider or "",
        referral_id=referral_id,
        person_id=outcome.person_id if isinstance(outcome, ReferralOutcome) else None,
        milestone=milestone,
        occurrence=occurrence,
        sequence=event.sequence,
        effective_on=outcome.effective_on,
        amount_pence=outcome.amount_pence,
        evidence=outcome.evidence,
        card_id=card.id if card else None,
        card_version=card.version if card else None,
        card_sha256=card.sha256 if card else None,
        reasons=outcome.reasons,
        refers_to=outcome.refers_to,
        replaces=reversal if kind in _STANDS_ONCE else None,
        known_at=event.occurred_at,
    )


def settlement_of(event: Event) -> tuple[Transaction, ...]:
    """Return what a sealed statement posts.

    What was accrued becomes payable, what was clawed back is set against it, and what is withheld leaves it again.
    """
    sealed: StatementSealed = event.data
    totals = sealed.totals
    accrued = totals.earned_pence + totals.fees_pence - totals.reversed_pence + totals.clawed_back_pence
    amounts = (
        (SettlementKind.SETTLED, accrued),
        (SettlementKind.CLAWBACK_SETTLED, -totals.clawed_back_pence),
        (SettlementKind.WITHHELD, totals.capped_pence),
    )
    return tuple(
        Transaction(
            id=event_id(event.id, kind.value, 0),
            kind=kind,
            programme=sealed.programme.id,
            contract=sealed.contract,
            provider=sealed.provider,
            referral_id=None,
            person_id=None,
            milestone=None,
            occurrence=None,
            sequence=event.sequence,
            effective_on=month_of(sealed.month)[1],
            amount_pence=amount,
            evidence=(),
            card_id=None,
            card_version=None,
            card_sha256=None,
            reasons=(),
            refers_to=event.id,
            replaces=None,
            known_at=sealed.change.known_at,
        )
        for kind, amount in amounts
        if amount
    )
