"""How referrals stand, many at once: each view is what its reader may be told, with a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.codes import Route
from services.intake.access import STAFF, is_employer
from services.intake.consents.history import read_histories
from services.intake.domain.audience import Employer, Informed, audience
from services.intake.domain.status import Fact, Status
from services.intake.referrals.views import StatusView, employer_view, received_view, status_view
from services.intake.store import ReferralRow, ReferralStatus
from services.kernel.http import Principal

CHUNK: Final = 200
MOST_LOOKED_AT: Final = 1000
"""Rows that one request looks at while it seeks those of a status; then the page ends, however short it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is filtered by; None: any. Days are inclusive."""

    reference: str | None = None
    programme: str | None = None
    route: Route | None = None
    status: Status | None = None
    referred_from: date | None = None
    referred_to: date | None = None


async def page_of(
    session: AsyncSession, who: Principal, wanted: Wanted, *, after: str | None, limit: int, today: date
) -> tuple[list[StatusView], str | None]:
    """Return the next views, the newest referral first, and the id after which the page after them begins.

    A status depends on who asks and, for an employer, on the day; so it is not in the query but in the views.
    """
    found: list[StatusView] = []
    size = limit if wanted.status is None else CHUNK
    looked_at = 0
    while True:
        rows = await _rows(session, who, wanted, after, size + 1)
        views = await views_of(session, rows[:size], who, today)
        for number, row in enumerate(rows[:size], 1):
            after = row.referral_id
            view = views[row.referral_id]
            if view is not None and (wanted.status is None or view.status is wanted.status):
                found.append(view)
            if len(found) == limit:
                return found, after if number < len(rows) else None
        looked_at += len(rows[:size])
        if len(rows) <= size:
            return found, None
        if looked_at >= MOST_LOOKED_AT:
            return found, after


async def _rows(
    session: AsyncSession, who: Principal, wanted: Wanted, after: str | None, limit: int
) -> Sequence[ReferralRow]:
    row = ReferralRow
    where: list[Any] = [*_reach(who, by_reference=wanted.reference is not None)]
    if wanted.reference is not None:
        where.append(col(row.reference) == wanted.reference)
    if wanted.programme is not None:
        where.append(col(row.programme) == wanted.programme)
    if wanted.route is not None:
        where.append(col(row.route) == wanted.route.value)
    if wanted.referred_from is not None:
        where.append(col(row.referred_on) >= wanted.referred_from)
    if wanted.referred_to is not None:
        where.append(col(row.referred_on) <= wanted.referred_to)
    if wanted.status is not None and not is_employer(who):
        # whoever stands in a status has reached it; an employer is not shown, even by a cursor, that somebody has
        reached = exists().where(
            col(ReferralStatus.referral_id) == col(row.referral_id), col(ReferralStatus.status) == wanted.status.value
        )
        where.append(reached)
    if after is not None:
        where.append(col(row.referral_id) < after)
    query = select(row).where(*where).order_by(col(row.referral_id).desc()).limit(limit)
    return (await session.exec(query)).all()


def _reach(who: Principal, *, by_reference: bool) -> list[Any]:
    """Return what limits a list to what may be seen: the staff's programme, else the organisation's own."""
    own, programme = col(ReferralRow.organisation_id), col(ReferralRow.programme)
    if by_reference:
        return [own == who.organisation_id]
    if not is_employer(who) and who.role == "auditor":
        return []
    if not is_employer(who) and who.role in STAFF:
        return [programme == who.programme]
    return [own == who.organisation_id, programme == who.programme]


async def views_of(
    session: AsyncSession, rows: Sequence[ReferralRow], who: Principal, today: date
) -> dict[str, StatusView | None]:
    """Return what somebody is told of each referral; None where nothing is known yet."""
    ids = [row.referral_id for row in rows]
    if not ids:
        return {}
    facts: dict[str, list[Fact]] = {referral_id: [] for referral_id in ids}
    query = select(ReferralStatus).where(col(ReferralStatus.referral_id).in_(ids))
    for said in (await session.exec(query)).all():
        facts[said.referral_id].append(Fact(said.topic, said.sequence, Status(said.status), said.on))
    match audience(who.organisation_kind):
        case Informed() as reader:
            return {row.referral_id: status_view(reader, row, facts[row.referral_id]) for row in rows}
        case Employer():
            histories = await read_histories(session, ids)
            told: dict[str, StatusView | None] = {}
            for row in rows:
                permission = histories[row.referral_id].employer_permission(today)
                known = facts[row.referral_id]
                told[row.referral_id] = (
                    received_view(row, known) if permission is None else employer_view(permission, row, known)
                )
            return told
