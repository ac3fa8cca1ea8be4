"""Queries of the ledger for statements, balances and entries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Select, case, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.base import PolicyVersion
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.months import month_of
from services.outcomes.domain.statement import Seal, Statement, StatementLine, make_statement
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


ASSIGNED = """
WITH last AS (SELECT contract, max(month) AS month FROM statement GROUP BY contract),
assigned AS (
    SELECT t.*, s.payable_pence AS payable, s.treatment, s.number,
           coalesce(s.month, CASE WHEN to_char(t.effective_on, 'YYYY-MM') <= l.month
               THEN to_char(to_date(l.month, 'YYYY-MM') + interval '1 month', 'YYYY-MM')
               ELSE to_char(t.effective_on, 'YYYY-MM') END) AS month
    FROM ledger_transaction t
    LEFT JOIN settlement_line s ON s.entry_id = t.id
    LEFT JOIN last l ON l.contract = t.contract
    WHERE t.provider = :provider AND t.effective_on <= :effective AND t.known_at <= :known
      AND t.kind NOT IN ('settled', 'clawback_settled', 'withheld')
      AND (t.programme = :programme OR cast(:programme AS text) IS NULL))
"""
BEFORE = """
SELECT programme, contract,
       coalesce(sum(CASE WHEN kind = 'paid' THEN -amount_pence ELSE coalesce(payable, amount_pence) END)
                FILTER (WHERE month < :month), 0)::bigint AS opening
FROM assigned WHERE month <= :month GROUP BY 1, 2 ORDER BY 2
"""
LINES_OF = """
SELECT * FROM assigned WHERE contract = :contract AND programme = :of_programme AND month = :month
ORDER BY number, effective_on, amount_pence < 0, known_at, referral_id COLLATE "C", sequence, id
"""
SEAL = "SELECT root, closed_at FROM statement WHERE contract = :contract AND month = :month"
CLOSED = """
SELECT programme, contract FROM statement WHERE provider = :provider AND month = :month
AND (programme = :programme OR cast(:programme AS text) IS NULL) AND closed_at <= :known ORDER BY contract
"""


async def statements(
    session: AsyncSession, scope: Scope, provider: str, month: str, effective: date, known_at: datetime
) -> list[Statement]:
    """Return a statement for each contract of the provider that has any entry up to ``effective``, or a closed month.

    ``sealed`` is filled for a closed month as it was sealed: not where an axis leaves some of it out.
    """
    asked: dict[str, Any] = {
        "provider": provider, "effective": effective, "known": known_at, "programme": scope.programme, "month": month,
    }  # fmt: skip
    rows = (await session.exec(cast("Any", text(ASSIGNED + BEFORE)), params=asked)).all()
    openings = {(row.programme, row.contract): int(row.opening) for row in rows}
    for row in (await session.exec(cast("Any", text(CLOSED)), params=asked)).all():
        openings.setdefault((row.programme, row.contract), 0)
    found = []
    for (programme, contract), opening in sorted(openings.items(), key=lambda item: item[0][1]):
        one = {**asked, "contract": contract, "of_programme": programme}
        lines = (await session.exec(cast("Any", text(ASSIGNED + LINES_OF)), params=one)).all()
        seal = (await session.exec(cast("Any", text(SEAL)), params=one)).first()
        whole = seal is not None and effective == month_of(month)[1] and seal.closed_at <= known_at
        found.append(
            make_statement(
                provider=provider,
                contract=contract,
                programme=programme,
                month=month,
                effective=effective,
                known_at=known_at,
                opening_pence=opening,
                lines=[line_of(entry) for entry in lines],
                sealed=Seal(root=seal.root, closed_at=seal.closed_at) if whole and seal is not None else None,
            )
        )
    return found


def line_of(entry: Any) -> StatementLine:
    """Return an entry, as it is or with what settlement made of it, as a statement shows it."""
    # of a query in words the driver gives JSON as text
    evidence, reasons = (json.loads(one) if isinstance(one, str) else one for one in (entry.evidence, entry.reasons))
    card = None
    if entry.card_id and entry.card_version and entry.card_sha256:
        card = PolicyVersion(id=entry.card_id, version=entry.card_version, sha256=entry.card_sha256)
    return StatementLine(
        entry_id=str(entry.id),
        referral_id=entry.referral_id,
        milestone=entry.milestone,
        occurrence=entry.occurrence,
        effective_on=entry.effective_on,
        evidence=tuple(Evidence.model_validate(shown, strict=False) for shown in evidence),
        rate_card=card,
        amount_pence=entry.amount_pence,
        kind=OutcomeKind(entry.kind),
        reason=" ".join(reasons),
        payable_pence=getattr(entry, "payable", None),
        treatment=getattr(entry, "treatment", None),
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
