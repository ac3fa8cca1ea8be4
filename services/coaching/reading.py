"""One plan for whoever may see it: how the routes that read find it."""

from typing import Annotated

from fastapi import Path, Request
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching import access
from services.coaching.caseload.cover import covered_in
from services.coaching.domain.dates import london_day
from services.coaching.domain.plan import Plan
from services.contracts.base import Uuid
from services.kernel.http import Principal, require
from services.kernel.http.parts import parts_of

Coach = Annotated[Principal, require(access.COACH, access.TEAM_LEAD)]
ReferralId = Annotated[Uuid, Path(description="The referral's id.")]

LOCK = "SELECT FROM aggregate WHERE key = $1 FOR UPDATE"
_STATE = text("SELECT state::text FROM aggregate WHERE key = :key")


async def plan_of(request: Request, session: AsyncSession, who: Principal, referral_id: str) -> Plan:
    """Return a plan. Raises Refused 404 for another's as for none."""
    parts = parts_of(request)
    found = await (await session.connection()).execute(_STATE, {"key": referral_id})
    state = found.scalar_one_or_none()
    covered = await covered_in(session, who.subject, london_day(parts.clock()))
    return access.refuse_stranger(who, None if state is None else parts.service.read_state(state), covered)
