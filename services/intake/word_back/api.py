"""HTTP: referrals whose referrer should have had word, for the staff who owe it."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from services.intake.access import Staff, is_employer, unknown
from services.intake.domain.policy import london_day
from services.intake.referrals.views import ProgrammeView
from services.intake.word_back.overdue import EARLIEST, LATEST, overdue
from services.kernel.http.cursors import Cursor, Limit, after_day, cursor_of, link_next
from services.kernel.http.parts import parts_of

router = APIRouter(tags=["word back"])


class OverdueView(BaseModel):
    """A referral that nobody had taken up, and that had not ended, when its due day was over.

    ``waits_since``: the day of its receipt, or of the decision that opened it again after one against the person;
    ``answered_on``: when word came after all, after the day asked about.
    """

    referral_id: str
    programme: ProgrammeView
    route: str
    received_on: date
    waits_since: date
    due_on: date
    working_days_over: int
    answered_on: date | None


@router.get("/referrals/overdue")
async def late(
    request: Request,
    response: Response,
    who: Staff,
    as_of: Annotated[
        date | None, Query(ge=EARLIEST, le=LATEST, description="The London day that is asked about; today.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[OverdueView]:
    """List what is overdue at the end of a day, the longest waiting first; the programme's file says within how long.

    Days are London's; weekends and England's bank holidays do not count. ``Link`` names the next page.
    """
    if is_employer(who):
        raise unknown()
    parts = parts_of(request)
    day = as_of or london_day(parts.clock())
    found = await overdue(
        parts.pool,
        parts.commands.policy.book,
        day,
        programmes=None if who.role == "auditor" else [who.programme],
        after=after_day(cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    if len(found) > limit:
        link_next(request, response, cursor_of(page[-1].waits_since.isoformat(), page[-1].referral_id), as_of=day)
    return [
        OverdueView(
            referral_id=one.referral_id,
            programme=ProgrammeView(id=one.programme, version=one.programme_version),
            route=one.route,
            received_on=one.received_on,
            waits_since=one.waits_since,
            due_on=one.due_on,
            working_days_over=one.working_days_over,
            answered_on=one.answered_on,
        )
        for one in page
    ]
