"""Coaching's HTTP API: commands on a plan, the plan, the list of plans."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Query, Request, Response
from sqlmodel import and_, col, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching import access, views
from services.coaching.additional import additional_to
from services.coaching.caseload.coach_api import router as coach_router
from services.coaching.caseload.cover import covered_by, covered_in
from services.coaching.caseload.taking import take_place
from services.coaching.caseload.work_api import router as work_router
from services.coaching.command_examples import COMMAND_EXAMPLES
from services.coaching.domain import proposing
from services.coaching.domain.commands import Asked, PlanCommand
from services.coaching.domain.dates import london_day
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.domain.reissue import COMMAND_TYPE
from services.coaching.if_match import IfMatch, expected_version
from services.coaching.one_plan import refuse_second
from services.coaching.papers.api import router as paper_router
from services.coaching.papers.contact import Contacts
from services.coaching.reading import LOCK, Coach, ReferralId, plan_of
from services.coaching.record.api import router as record_router
from services.coaching.service import build
from services.coaching.store import NOTE, NoteRow, PlanRow, RecommendationRow
from services.contracts.plan_codes import PlanState
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, Open, ReadSession, create_api
from services.kernel.http.bounds import id_of
from services.kernel.http.parts import parts_of
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.content import sealed_text
from services.kernel.settings import Settings

router = APIRouter(tags=["plans"])


@router.post("/plans/{referral_id}/commands", response_model=views.Done, summary="Ask something of a plan")
async def command(
    referral_id: ReferralId,
    body: Annotated[PlanCommand, Body(openapi_examples=COMMAND_EXAMPLES)],
    once: Once,
    who: Coach,
    if_match: IfMatch = None,
) -> Response:
    """Apply one command. An illegal move answers 409 with a code and changes nothing."""
    expected = expected_version(if_match)

    async def handle(tx: Transaction) -> Answer:
        await tx.conn.execute(LOCK, referral_id)
        covered = await covered_by(tx.conn, who.subject, london_day(tx.now))
        before = access.refuse_bystander(who, await tx.load(referral_id), expected, covered)
        done = await tx.execute(
            Command(tx.command_id, COMMAND_TYPE, referral_id, Asked(body, expected), actor=who.subject)
        )
        await refuse_second(tx, body, before, done.state)
        await take_place(tx, who, before, done.state)
        return Answer(
            200,
            {
                "referral_id": referral_id,
                "plan_version": done.state.plan_version,
                "state": done.state.state.value,
                "events": [event.id for event in done.events],
                "waiting": done.waiting,
            },
        )

    return await once(handle)


@router.get("/plans/{referral_id}", response_model=views.PlanView, summary="One plan")
async def plan(
    referral_id: ReferralId, session: ReadSession, opener: Open, who: Coach, request: Request, response: Response
) -> views.PlanView:
    """Return a plan with the newest recommendation, its reasons, what it would change, and further referrals.

    ``ETag`` is its version, for If-Match.
    """
    found = await plan_of(request, session, who, referral_id)
    row = await session.get(RecommendationRow, (referral_id, found.plan.revision))
    sealed = views.sealed_in(row)
    if sealed is not None:
        await opener.unlock(found.person_id, [sealed.findings, *([sealed.assessment] if sealed.assessment else [])])
    policy: CoachingPolicy = request.app.state.parts.commands.policy
    response.headers["ETag"] = f'"{found.plan_version}"'
    further = await additional_to(session, referral_id)
    differences = proposing.differences(found.plan, views.told(await _since_confirmed(session, found)))
    shown = views.recommendation(row, sealed)
    return views.plan_view(found, policy.terms(found.programme), shown, differences, further)


@router.get("/plans/{referral_id}/notes", summary="The notes of a plan")
async def notes(
    referral_id: ReferralId, session: ReadSession, opener: Open, who: Coach, request: Request
) -> list[views.NoteView]:
    """Return the coaches' notes, the earliest first."""
    found = await plan_of(request, session, who, referral_id)
    query = select(NoteRow).where(col(NoteRow.referral_id) == referral_id).order_by(col(NoteRow.plan_version))
    rows = [(row, sealed_text(row.text, NOTE)) for row in await session.exec(query)]
    await opener.unlock(found.person_id, [text for _, text in rows])
    return [views.note(row, text) for row, text in rows]


@router.get("/plans", summary="The plans of a caseload or an organisation")
async def plans(
    request: Request,
    session: ReadSession,
    who: Coach,
    coach: Annotated[str | None, Query(max_length=64, description="Only this coach's.")] = None,
    state: Annotated[PlanState | None, Query(description="Only those in this state.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.PlanPage:
    """Return plans by day of referral. A coach sees their own, those covered and those that nobody holds yet."""
    where = [
        col(PlanRow.programme) == who.programme,
        or_(col(PlanRow.provider) == who.organisation_id, col(PlanRow.provider).is_(None)),
    ]
    if who.role == access.COACH:
        mine = {who.subject, *await covered_in(session, who.subject, london_day(parts_of(request).clock()))}
        where.append(or_(col(PlanRow.coach).in_(sorted(mine)), col(PlanRow.coach).is_(None)))
    if coach is not None:
        where.append(col(PlanRow.coach) == coach)
    if state is not None:
        where.append(col(PlanRow.state) == state.value)
    if cursor is not None:
        where.append(tuple_(col(PlanRow.referred_on), col(PlanRow.referral_id)) > _after(cursor))
    query = (
        select(PlanRow)
        .where(and_(*where))
        .order_by(col(PlanRow.referred_on), col(PlanRow.referral_id))
        .limit(limit + 1)
    )
    rows = (await session.exec(query)).all()
    page = [views.summary(row) for row in rows[:limit]]
    more = len(rows) > limit
    return views.PlanPage(plans=page, next=_cursor(page[-1]) if more else None)


async def _since_confirmed(session: AsyncSession, found: Plan) -> Sequence[RecommendationRow]:
    """Return what triage has said since the coach confirmed, that revision included; nothing where nothing is new."""
    first = found.plan.confirmed_revision
    if first is None or (found.plan.proposal is None and not found.plan.held):
        return ()
    where = and_(col(RecommendationRow.referral_id) == found.referral_id, col(RecommendationRow.revision) >= first)
    return (await session.exec(select(RecommendationRow).where(where))).all()


def _cursor(last: views.PlanSummary) -> str:
    return base64.urlsafe_b64encode(f"{last.referred_on}/{last.referral_id}".encode()).decode()


def _after(cursor: str) -> tuple[Any, ...]:
    try:
        day, _, referral_id = base64.urlsafe_b64decode(cursor).decode("ascii").partition("/")
        return (date.fromisoformat(day), id_of(referral_id))
    except (binascii.Error, ValueError) as error:
        raise Refused(Reason("cursor_malformed", "a cursor is `next` of an earlier page"), status=422) from error


def create_app(settings: Settings, *, contacts: Contacts | None = None, **parts: Any) -> FastAPI:
    """Build the API. ``parts`` replace issuer or clock in tests (see :func:`create_api`), ``contacts`` intake."""
    app = create_api(
        build(settings.programmes_dir),
        settings,
        routers=[router, record_router, coach_router, work_router, paper_router],
        title="Pathway coaching",
        description="Plans: what was recommended, what was agreed, what was done.",
        **parts,
    )
    app.state.contacts = contacts or Contacts(settings.contact_url)
    return app
