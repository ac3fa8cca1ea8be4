"""Which employers are within whose reach, how they are found, and the report on them: no patient is in any of it.

Writing is for the coaches and team leads of an employers' programme, reading also for its commissioners; auditors read
all. An employer has no staff of ours, so a token of an organisation of that kind reaches nothing here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.employer_codes import Sector, SizeBand
from services.intake.access import is_employer
from services.intake.domain.employer import Employer
from services.intake.employers.store import ActivityRow, CommitmentRow, EmployerRow, StruckRow
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal, Problem, require
from services.kernel.runtime.commands import Transaction

Writer = Annotated[Principal, require("coach", "team_lead")]
Reader = Annotated[Principal, require("coach", "team_lead", "commissioner", "auditor")]


def refuse_employers(who: Principal) -> None:
    """Raise Problem 403 for whoever comes from an employer."""
    if is_employer(who):
        raise Problem(403, "not_staff", "employers' records are kept by the programme's staff")


def unknown() -> Refused:
    """Return the refusal of an employer that is not there, or not for whoever asks: it tells nobody which."""
    return Refused(Reason("employer_unknown", "there is no such employer within your reach"), status=404)


def sees(who: Principal, programme: str) -> bool:
    """Tell whether an employer of that programme is within reach."""
    return who.role == "auditor" or who.programme == programme


async def reachable(tx: Transaction, employer_id: str, who: Principal) -> Employer:
    """Return an employer of the sender's programme. Raises Refused 404."""
    found = await tx.load(employer_id)
    if not isinstance(found, Employer) or not sees(who, found.programme):
        raise unknown()
    return found


async def page_of(
    session: AsyncSession,
    who: Principal,
    size: SizeBand | None,
    sector: Sector | None,
    *,
    after: tuple[date, str] | None,
    limit: int,
) -> Sequence[EmployerRow]:
    """Return the next employers that the reader may see, by day of registration and id."""
    query = select(EmployerRow)
    if who.role != "auditor":
        query = query.where(col(EmployerRow.programme) == who.programme)
    if size is not None:
        query = query.where(col(EmployerRow.size) == size.value)
    if sector is not None:
        query = query.where(col(EmployerRow.sector) == sector.value)
    place = (col(EmployerRow.registered_on), col(EmployerRow.employer_id))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return (await session.exec(query.order_by(*place).limit(limit))).all()


async def commitments_of(session: AsyncSession, employer_id: str) -> list[CommitmentRow]:
    """Return what an employer committed itself to and ended, in the order in which it was recorded."""
    query = select(CommitmentRow).where(col(CommitmentRow.employer_id) == employer_id)
    return list((await session.exec(query.order_by(col(CommitmentRow.sequence)))).all())


async def activities_of(session: AsyncSession, employer_id: str) -> list[tuple[ActivityRow, str | None]]:
    """Return an employer's activities, each with the reason for which it was struck out, or None."""
    query: Any = (
        select(ActivityRow, StruckRow.reason)
        .join(
            StruckRow,
            (col(StruckRow.employer_id) == col(ActivityRow.employer_id))
            & (col(StruckRow.number) == col(ActivityRow.number)),
            isouter=True,
        )
        .where(col(ActivityRow.employer_id) == employer_id)
        .order_by(col(ActivityRow.number))
    )
    return [(row, reason) for row, reason in (await session.exec(query)).all()]
