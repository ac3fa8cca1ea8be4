"""HTTP: pages to print, and why one cannot be made."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching.domain.consents import history
from services.coaching.domain.dates import london_day
from services.coaching.domain.papers.letters import printable
from services.coaching.domain.papers.permitting import View, heed, why_not
from services.coaching.domain.plan import Plan
from services.coaching.papers.contact import Contacts
from services.coaching.papers.letter_api import router as letter_router
from services.coaching.papers.letter_bodies import PageStanding, Why
from services.coaching.papers.letter_table import find
from services.coaching.papers.making import Letterhead, page_of
from services.coaching.papers.rendering import security_headers
from services.coaching.reading import Coach, ReferralId, plan_of
from services.coaching.record.reading import fit_notes_of
from services.contracts.base import Uuid
from services.contracts.referral_codes import ContactPurpose
from services.kernel.decision import Reason, Refused
from services.kernel.http import Open, Principal, ReadSession
from services.kernel.http.parts import Opener, parts_of

router = APIRouter(tags=["papers"])
router.include_router(letter_router)

_PAGE: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "To print."}
_HTML: dict[int | str, dict[str, Any]] = {200: _PAGE}
_WHOLE = Header(include_in_schema=False)


@router.get("/plans/{referral_id}/pages", summary="Which pages can be made of a plan, and why not")
async def pages(referral_id: ReferralId, session: ReadSession, who: Coach, request: Request) -> list[PageStanding]:
    """Tell of each page whether it can be made today; what keeps it says what to do."""
    plan = await plan_of(request, session, who, referral_id)
    now = parts_of(request).clock()
    consents, today = history(plan, now), london_day(now)
    return [
        PageStanding(
            view=view,
            available=not (reasons := [*_whose(plan, who), *why_not(plan, view, today, consents)]),
            why_not=_told(reasons),
            heed=_told(heed(plan, view)),
        )
        for view in View
    ]


@router.get(
    "/plans/{referral_id}/pages/{view}", response_class=Response, responses=_HTML, summary="A page of a plan, to print"
)
async def page(
    referral_id: ReferralId,
    view: Annotated[View, Path(description="For whom it is written.")],
    session: ReadSession,
    opener: Open,
    who: Coach,
    request: Request,
    authorization: Annotated[str, _WHOLE] = "",
) -> Response:
    """Return the page with the person's name, for the coach who holds the plan. Kept nowhere; ``ETag`` is the version.

    409 where it cannot be made: all reasons at once. What intake refuses of name and contact is refused here.
    """
    plan = await plan_of(request, session, who, referral_id)
    asked = Asked(request, session, opener, who, authorization)
    return await _made(asked, plan, view, ContactPurpose.PRINTED_PLAN, None)


@router.get("/letters/{letter_id}/page", response_class=Response, responses=_HTML, summary="A letter, to print")
async def letter_page(
    letter_id: Annotated[Uuid, Path(description="The letter's id.")],
    session: ReadSession,
    opener: Open,
    who: Coach,
    request: Request,
    authorization: Annotated[str, _WHOLE] = "",
) -> Response:
    """Return the letter as its page is today: made anew, so that what was withdrawn meanwhile is not in it.

    409 for a letter that was called off.
    """
    async with parts_of(request).pool.acquire() as connection:
        found = await find(connection, letter_id)
    if found is None:
        raise Refused(Reason("letter_not_found", "there is no such letter"), status=404)
    plan = await plan_of(request, session, who, found.referral_id)
    printable(found)
    head = Letterhead(found.letter_id, found.answer_by)
    return await _made(
        Asked(request, session, opener, who, authorization), plan, found.view, ContactPurpose.LETTER, head
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a page, and with what it is made."""

    request: Request
    session: AsyncSession
    opener: Opener
    who: Principal
    authorization: str


async def _made(asked: Asked, plan: Plan, view: View, purpose: ContactPurpose, letter: Letterhead | None) -> Response:
    """Ask for the name last: nobody is named for a page that cannot be made."""
    parts = parts_of(asked.request)
    now = parts.clock()
    consents = history(plan, now)
    reasons = [*_whose(plan, asked.who), *why_not(plan, view, london_day(now), consents)]
    if reasons:
        raise Refused(*reasons)
    notes = await fit_notes_of(asked.session, asked.opener, plan) if view is View.GP else []
    await asked.session.close()  # intake may take its time: nobody else's reading waits for it
    contacts: Contacts = asked.request.app.state.contacts
    contact = await contacts.of(plan.person_id, asked.authorization, purpose)
    made = page_of(plan, view, london_day(now), consents, contact, parts.commands.policy, letter, notes)
    headers = {**security_headers(), "ETag": f'"{plan.plan_version}"'}
    return Response(made, media_type="text/html; charset=utf-8", headers=headers)


def _whose(plan: Plan, who: Principal) -> list[Reason]:
    """Name and contact are the coach's alone, so pages are, too."""
    if plan.plan.coach == who.subject:
        return []
    if plan.plan.coach is None:
        return [Reason("no_coach", "nobody holds this plan yet; confirm the recommendation first")]
    return [Reason("not_the_coach", "another coach holds this plan; ask them, or take the plan over first")]


def _told(reasons: list[Reason]) -> list[Why]:
    return [Why(code=one.code, message=one.message) for one in reasons]
