"""HTTP: coaches, what they can take on and when they are away; who held a plan."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import BaseModel, Field

from services.coaching import access
from services.coaching.caseload.coach_bodies import (
    EXAMPLES,
    ChangeAbsence,
    ChangeProfile,
    CoachCommand,
    Leave,
    RecordAbsence,
    Register,
)
from services.coaching.caseload.coaches import CoachView, Holder, coaches, cover_free, holders
from services.coaching.caseload.work_api import AsOf
from services.coaching.domain.caseload import asked
from services.coaching.domain.caseload.coach import Coach, gone
from services.coaching.domain.dates import london_day
from services.coaching.if_match import IfMatch, expected_version
from services.coaching.reading import Coach as Who
from services.coaching.reading import ReferralId, plan_of
from services.contracts.base import Actor, Slug, Uuid
from services.contracts.coach import Absence, CoachProfile
from services.contracts.coach_codes import CoachOffer, CoachState
from services.contracts.referral import Language
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, Principal, ReadSession
from services.kernel.http.parts import parts_of
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["caseload"])

CoachId = Annotated[Actor, Path(description="The coach's pseudonymous subject, as in their token.")]
_OWN = (RecordAbsence, ChangeAbsence)
"""What coaches may say of themselves."""
_A_REFERRAL: Final = "SELECT EXISTS (SELECT FROM additional_referral WHERE referral_id = $1 OR linked_referral = $1)"


class Changed(BaseModel):
    """What a command about a coach did."""

    coach_id: Actor
    version: int
    state: CoachState
    events: list[Uuid]


class Coaches(BaseModel):
    """The coaches of an organisation as of a day."""

    as_of: date
    coaches: Annotated[list[CoachView], Field(description="Those with the most free places first.")]


@router.post("/coaches/{coach_id}/commands", response_model=Changed, summary="Say something of a coach")
async def command(
    coach_id: CoachId,
    body: Annotated[CoachCommand, Body(openapi_examples=EXAMPLES)],
    once: Once,
    who: Who,
    if_match: IfMatch = None,
) -> Response:
    """Register a coach, change what they can take on, record an absence. Coaches record their own absences only."""
    if who.role != access.TEAM_LEAD and not (isinstance(body, _OWN) and coach_id == who.subject):
        raise Refused(
            Reason("team_lead_only", "ask your team lead: coaches record their own absences only"), status=403
        )

    expected = expected_version(if_match)

    async def handle(tx: Transaction) -> Answer:
        found = await tx.load(coach_id)
        if found is not None and not (isinstance(body, Register) and gone(found)):
            reachable(found, who)
        if expected is not None and (found is None or found.version != expected):
            at = "is not registered" if found is None else f"is at version {found.version}"
            raise Refused(Reason("stale_version", f"the coach has changed: {coach_id} {at}"))
        kind, data = await _asked(tx, body, coach_id, who)
        done = await tx.execute(Command(tx.command_id, kind, coach_id, data, actor=who.subject))
        coach: Coach = done.state
        ids = [event.id for event in done.events]
        said = {"coach_id": coach_id, "version": coach.version, "state": coach.state.value, "events": ids}
        return Answer(200, said)

    return await once(handle)


def reachable(found: object, who: Principal) -> Coach:
    """Return a coach of the sender's organisation. Raises Refused 404 for another's as for none."""
    if not isinstance(found, Coach) or found.provider != who.organisation_id:
        raise Refused(Reason("coach_unknown", "there is no such coach at your organisation"), status=404)
    return found


async def _asked(tx: Transaction, body: CoachCommand, coach_id: str, who: Principal) -> tuple[str, BaseModel]:
    """Return the command, with what is seen of the cover under its lock."""
    match body:
        case Register(profile=profile):
            if await tx.conn.fetchval(_A_REFERRAL, coach_id):
                message = "this is the id of a referral, not of a person; check the pseudonym"
                raise Refused(Reason("coach_is_referral", message, "/coach_id"), status=422)
            seen = CoachProfile(**profile.model_dump())
            return asked.REGISTER, asked.RegisterCoach(
                programme=who.programme, provider=who.organisation_id, profile=seen
            )
        case ChangeProfile(profile=profile):
            return asked.PROFILE, asked.ChangeProfile(profile=CoachProfile(**profile.model_dump()))
        case Leave():
            return asked.LEAVE, asked.Leave()
    absence = Absence(from_on=body.from_on, until_on=body.until_on, cover=body.cover)
    free = await cover_free(tx, absence, coach_id, who)
    if isinstance(body, RecordAbsence):
        return asked.ABSENT, asked.RecordAbsence(absence=absence, cover_free=free)
    return asked.ABSENCE, asked.ChangeAbsence(absence=absence, cover_free=free)


@router.get("/coaches", summary="Coaches, their open plans and free places")
async def find(
    request: Request,
    _: ReadSession,
    who: Who,
    language: Annotated[Language | None, Query(description="Only who speaks it.")] = None,
    locality: Annotated[Slug | None, Query(description="Only who works there.")] = None,
    offer: Annotated[CoachOffer | None, Query(description="Only who offers it.")] = None,
    as_of: AsOf = None,
) -> Coaches:
    """List whom a plan could be given to. A list to choose from: nobody is matched to a coach by a rule."""
    parts = parts_of(request)
    day = as_of or london_day(parts.clock())
    found = await coaches(parts.pool, parts.commands.policy, day, who.programme, who.organisation_id)
    kept = [one for one in found if one.offers_what(language, locality, offer)]
    return Coaches(as_of=day, coaches=kept)


@router.get("/plans/{referral_id}/coaches", summary="Who held a plan, and since when")
async def history(referral_id: ReferralId, request: Request, session: ReadSession, who: Who) -> list[Holder]:
    """Return every coach who has held the plan, the first first; a transfer takes nothing away."""
    await plan_of(request, session, who, referral_id)
    return await holders(parts_of(request).pool, referral_id)
