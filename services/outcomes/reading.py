"""Queries of the ledger for statements, balances and entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.base import PolicyVersion
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.statement import Statement, StatementLine, make_statement, month_of
from services.outcomes.store import LedgerLine, LedgerTransaction

T = LedgerTransaction


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose entries may be seen: of one programme, of one provider. None: of all."""

    programme: str | None
    provider: str | None

    def narrow(self, query: "Select[Any] | Any") -> Any:
        """Add the scope's conditions to a query over :class:`LedgerTransaction`."""
        if self.programme is not None:
            query = query.where(col(T.programme) == self.programme)
        if self.provider is not None:
            query = query.where(col(T.provider) == self.provider)
        return query


async def statements(
    session: AsyncSession, scope: Scope, provider: str, month: str, effective: date, known_at: datetime
) -> list[Statement]:
    """Return a statement for each contract of the provider that has any entry up to ``effective``."""
    first, _ = month_of(month)
    seen = and_(col(T.provider) == provider, col(T.effective_on) <= effective, col(T.known_at) <= known_at)
    owed = case((col(T.kind) == OutcomeKind.PAID.value, -col(T.amount_pence)), else_=col(T.amount_pence))
    before = case((col(T.effective_on) < first, owed), else_=0)
    contracts = scope.narrow(
        select(T.programme, T.contract, func.coalesce(func.sum(before), 0))
        .where(seen)
        .group_by(col(T.programme), col(T.contract))
        .order_by(col(T.contract))
    )
    found = []
    for programme, contract, opening in (await session.exec(contracts)).all():
        entries = (
            select(T)
            .where(seen, col(T.programme) == programme, col(T.contract) == contract, col(T.effective_on) >= first)
            .order_by(col(T.effective_on), col(T.known_at), col(T.referral_id), col(T.sequence))
        )
        found.append(
            make_statement(
                provider=provider,
                contract=contract,
                programme=programme,
                month=month,
                effective=effective,
                known_at=known_at,
                opening_pence=int(opening),
                lines=[line_of(entry) for entry in (await session.exec(entries)).all()],
            )
        )
    return found


def line_of(entry: LedgerTransaction) -> StatementLine:
    """Return an entry as a statement shows it."""
    card = None
    if entry.card_id and entry.card_version and entry.card_sha256:
        card = PolicyVersion(id=entry.card_id, version=entry.card_version, sha256=entry.card_sha256)
    return StatementLine(
        entry_id=str(entry.id),
        referral_id=entry.referral_id,
        milestone=entry.milestone,
        occurrence=entry.occurrence,
        effective_on=entry.effective_on,
        evidence=tuple(Evidence.model_validate(shown, strict=False) for shown in entry.evidence),
        rate_card=card,
        amount_pence=entry.amount_pence,
        kind=OutcomeKind(entry.kind),
        reason=" ".join(entry.reasons),
    )


async def balances(session: AsyncSession, scope: Scope) -> Sequence[tuple[str, str, int, int]]:
    """Return (contract, account, debits, credits) in pence, both positive, in the order of their names."""
    amount = col(LedgerLine.amount_pence)
    debit = func.coalesce(func.sum(case((amount > 0, amount), else_=0)), 0)
    credit = func.coalesce(func.sum(case((amount < 0, -amount), else_=0)), 0)
    query = select(LedgerLine.contract, LedgerLine.account, debit, credit)
    if scope.programme is not None or scope.provider is not None:
        query = scope.narrow(query.join(T, col(T.id) == col(LedgerLine.transaction_id)))
    query = query.group_by(col(LedgerLine.contract), col(LedgerLine.account))
    rows = (await session.exec(query.order_by(col(LedgerLine.contract), col(LedgerLine.account)))).all()
    return [(contract, account, int(debited), int(credited)) for contract, account, debited, credited in rows]


async def entries_of(
    session: AsyncSession, scope: Scope, referral_id: str
) -> list[tuple[LedgerTransaction, list[LedgerLine]]]:
    """Return a referral's entries with their lines, in the order of its events."""
    query = scope.narrow(select(T).where(col(T.referral_id) == referral_id))
    found = (await session.exec(query.order_by(col(T.sequence)))).all()
    lines = select(LedgerLine).where(col(LedgerLine.transaction_id).in_([entry.id for entry in found]))
    by_entry: dict[Any, list[LedgerLine]] = {entry.id: [] for entry in found}
    for line in (await session.exec(lines.order_by(col(LedgerLine.line)))).all():
        by_entry[line.transaction_id].append(line)
    return [(entry, by_entry[entry.id]) for entry in found]
