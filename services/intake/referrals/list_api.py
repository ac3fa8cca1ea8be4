"""HTTP: how referrals stand, one or many, for their referrer's organisation and the staff of the programme."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.contracts.codes import Route
from services.intake.access import STAFF, Reader, may_see, unknown
from services.intake.domain.policy import london_day
from services.intake.domain.status import Status
from services.intake.referrals.listing import Wanted, page_of, views_of
from services.intake.referrals.views import StatusView
from services.intake.store import ReferralRow
from services.kernel.decision import Reason, Refused
from services.kernel.http import ReadSession
from services.kernel.http.cursors import Cursor, Limit, cursor_of, link_next, place_of
from services.kernel.http.parts import parts_of

router = APIRouter(tags=["referrals"])


@router.get("/referrals/{referral_id}")
async def read(referral_id: str, request: Request, session: ReadSession, who: Reader) -> StatusView:
    """Tell how a referral stands: each status with its day, no clinical content.

    Organisations other than NHS and providers are told a few statuses only; an employer that the referral was
    received, and more on days on which the person lets it be told.
    """
    row = await session.get(ReferralRow, referral_id)
    if row is None or not may_see(who, row.organisation_id, row.programme):
        raise unknown()
    found = (await views_of(session, [row], who, _today(request)))[referral_id]
    if found is None:
        raise unknown()
    return found


@router.get("/referrals")
async def find(
    request: Request,
    response: Response,
    session: ReadSession,
    who: Reader,
    reference: Annotated[str | None, Query(min_length=1, max_length=64, description="Your own reference.")] = None,
    programme: Annotated[str | None, Query(max_length=64)] = None,
    route: Annotated[Route | None, Query()] = None,
    status: Annotated[Status | None, Query(description="As you are told it.")] = None,
    referred_from: Annotated[date | None, Query(description="Referred on this day or later.")] = None,
    referred_to: Annotated[date | None, Query(description="Referred on this day or before.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[StatusView]:
    """List referrals, the newest first: your organisation's, or for staff those of the programme.

    With ``reference``: your organisation's referral of that reference; an empty list when there is none. Each is shown
    as ``GET /referrals/{id}`` shows it. ``Link`` (``rel="next"``) names the next page; while there is one go on, also
    after a page that is short or empty: seeking one status ends a page after 1,000 referrals.
    """
    if who.organisation_kind == "self" and who.role not in STAFF and reference is None:
        message = "whoever refers themselves finds the referral by its reference: people may share an organisation"
        raise Refused(Reason("reference_required", message), status=422)
    place = place_of(cursor)
    wanted = Wanted(reference, programme, route, status, referred_from, referred_to)
    found, after = await page_of(
        session, who, wanted, after=place[0] if place else None, limit=limit, today=_today(request)
    )
    if after is not None:
        link_next(request, response, cursor_of(after))
    return found


def _today(request: Request) -> date:
    return london_day(parts_of(request).clock())
