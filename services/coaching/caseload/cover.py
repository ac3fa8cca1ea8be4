"""Who stands in for whom on a day: read from the absences, so no timer hands a plan over and back."""

from datetime import date
from typing import Final

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching.caseload.store import CoachAbsenceRow
from services.kernel.runtime.tables import Connection

_COVERED: Final = """
SELECT coach_id FROM coach_absence WHERE cover = $1 AND from_on <= $2 AND (until_on IS NULL OR until_on >= $2)"""


async def covered_by(connection: Connection, coach: str, day: date) -> frozenset[str]:
    """Return the coaches for whom somebody stands in on a day."""
    return frozenset(row["coach_id"] for row in await connection.fetch(_COVERED, coach, day))


async def covered_in(session: AsyncSession, coach: str, day: date) -> frozenset[str]:
    """Return the same, for a request that reads."""
    row = CoachAbsenceRow
    query = select(row.coach_id).where(
        and_(
            col(row.cover) == coach,
            col(row.from_on) <= day,
            or_(col(row.until_on).is_(None), col(row.until_on) >= day),
        )
    )
    return frozenset((await session.exec(query)).all())
