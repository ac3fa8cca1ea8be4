"""The ledger's tables: how a row is written, and how the ledger is read back to be compared with the log."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Column, DateTime, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.contracts.outcome import Evidence, OutcomeRecorded
from services.contracts.plan_codes import OutcomeKind
from services.contracts.statement import StatementSealed
from services.kernel.runtime.tables import Connection
from services.kernel.service import Change, Row, Table
from services.outcomes.domain.ledger import (
    Account,
    EntryKind,
    Ledger,
    Line,
    SettlementKind,
    Transaction,
    settlement_of,
    transaction_of,
)
from services.outcomes.domain.ledger import business_key as business_key_of
from services.outcomes.domain.state import Earnings
from services.outcomes.settlement.store import TABLES as SETTLEMENT_TABLES
from services.outcomes.settlement.store import rows as settlement_rows


class LedgerTransaction(SQLModel, table=True):
    """One entry. The table only grows: the database refuses every change to a row."""

    __tablename__ = "ledger_transaction"

    id: UUID = Field(primary_key=True)
    kind: str
    programme: str
    contract: str
    provider: str
    referral_id: str | None
    person_id: str | None
    milestone: str | None
    occurrence: int | None = Field(sa_column=Column(SmallInteger))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    effective_on: date
    amount_pence: int = Field(sa_column=Column(BigInteger, nullable=False))
    evidence: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False))
    card_id: str | None
    card_version: str | None
    card_sha256: str | None
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    refers_to: UUID | None
    replaces: UUID | None
    known_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class LedgerLine(SQLModel, table=True):
    """One side of an entry: pence, debit positive. The lines of a transaction sum to 0."""

    __tablename__ = "ledger_line"

    transaction_id: UUID = Field(primary_key=True)
    line: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    contract: str
    account: str
    amount_pence: int = Field(sa_column=Column(BigInteger, nullable=False))


TRANSACTIONS = Table(
    "ledger_transaction",
    (
        ("id", "uuid"),
        ("kind", "text"),
        ("programme", "text"),
        ("contract", "text"),
        ("provider", "text"),
        ("referral_id", "text"),
        ("person_id", "text"),
        ("milestone", "text"),
        ("occurrence", "smallint"),
        ("sequence", "bigint"),
        ("effective_on", "date"),
        ("amount_pence", "bigint"),
        ("evidence", "jsonb"),
        ("card_id", "text"),
        ("card_version", "text"),
        ("card_sha256", "text"),
        ("reasons", "jsonb"),
        ("refers_to", "uuid"),
        ("replaces", "uuid"),
        ("known_at", "timestamptz"),
    ),
)
LINES = Table(
    "ledger_line",
    (
        ("transaction_id", "uuid"),
        ("line", "smallint"),
        ("contract", "text"),
        ("account", "text"),
        ("amount_pence", "bigint"),
    ),
)
TABLES = (TRANSACTIONS, LINES, *SETTLEMENT_TABLES)

BY_KEY = """
SELECT coalesce(t.referral_id, t.contract, l.contract) COLLATE "C" AS key, t.*,
       l.transaction_id AS of_id, l.line, l.contract AS of_contract, l.account, l.amount_pence AS pence
FROM ledger_transaction t FULL JOIN ledger_line l ON l.transaction_id = t.id
ORDER BY 1, coalesce(t.id, l.transaction_id), l.line
"""

_EVIDENCE = TypeAdapter(tuple[Evidence, ...])
_SETTLING = frozenset(SettlementKind)


def kind_of(text: str) -> EntryKind:
    """Return an entry's kind as the ledger knows it."""
    return SettlementKind(text) if text in _SETTLING else OutcomeKind(text)


def rows_of(transaction: Transaction) -> Iterator[Row]:
    """Return an entry's rows: the transaction before its lines, as the database demands."""
    yield TRANSACTIONS, _row(transaction)
    for line in transaction.lines():
        yield LINES, (line.transaction_id, line.line, line.contract, line.account.value, line.amount_pence)


def project(change: Change) -> Iterator[Row]:
    """Return the rows of a change: the ledger's, and those of settlement."""
    for event in change.events:
        if isinstance(event.data, OutcomeRecorded):
            _, milestone, occurrence = business_key_of(event.data.root)
            earned = isinstance(change.state, Earnings)
            reversal = change.state.reversal(milestone, occurrence) if earned and milestone and occurrence else None
            yield from rows_of(transaction_of(event, reversal))
        elif isinstance(event.data, StatementSealed):
            for transaction in settlement_of(event):
                yield from rows_of(transaction)
    yield from settlement_rows(change)


def _row(entry: Transaction) -> tuple[Any, ...]:
    return (
        entry.id,
        entry.kind.value,
        entry.programme,
        entry.contract,
        entry.provider,
        entry.referral_id,
        entry.person_id,
        entry.milestone,
        entry.occurrence,
        entry.sequence,
        entry.effective_on,
        entry.amount_pence,
        _EVIDENCE.dump_json(entry.evidence).decode(),
        entry.card_id,
        entry.card_version,
        entry.card_sha256,
        json.dumps(entry.reasons),
        entry.refers_to,
        entry.replaces,
        entry.known_at,
    )


async def read_ledger(connection: Connection) -> Ledger:
    """Return the whole ledger as the database holds it, to be compared with :func:`fold_ledger` of the log."""
    names = ", ".join(name for name, _ in TRANSACTIONS.columns)
    ledger = Ledger()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(f"SELECT {names} FROM ledger_transaction"):  # noqa: S608  names of code
            entry = _transaction(dict(row))
            ledger.transactions[entry.id] = entry
        async for row in connection.cursor(
            "SELECT transaction_id, line, contract, account, amount_pence FROM ledger_line"
        ):
            line = Line(str(row[0]), row[1], row[2], Account(row[3]), row[4])
            ledger.lines[line.transaction_id, line.line] = line
    return ledger


async def ledgers_by_key(connection: Connection) -> AsyncIterator[tuple[str, Ledger]]:
    """Yield each event key's part of the ledger, in the order of the keys. Needs a transaction.

    A line whose transaction is missing is found under its contract.
    """
    key, ledger = "", Ledger()
    async for row in connection.cursor(BY_KEY, prefetch=1000):
        if row["key"] != key:
            if key:
                yield key, ledger
            key, ledger = row["key"], Ledger()
        if row["id"] is not None and str(row["id"]) not in ledger.transactions:
            entry = _transaction({name: row[name] for name, _ in TRANSACTIONS.columns})
            ledger.transactions[entry.id] = entry
        if row["line"] is not None:
            line = Line(str(row["of_id"]), row["line"], row["of_contract"], Account(row["account"]), row["pence"])
            ledger.lines[line.transaction_id, line.line] = line
    if key:
        yield key, ledger


def _transaction(row: dict[str, Any]) -> Transaction:
    ids = {name: str(row[name]) if row[name] else None for name in ("refers_to", "replaces")}
    return Transaction(
        **{
            **row,
            **ids,
            "id": str(row["id"]),
            "kind": kind_of(row["kind"]),
            "evidence": _EVIDENCE.validate_json(row["evidence"]),
            "reasons": tuple(json.loads(row["reasons"])),
        }
    )
