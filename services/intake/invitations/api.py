"""HTTP: the provider route. A provider identifies a person and invites them; a referral exists once they accept."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, WrapValidator
from starlette.responses import JSONResponse

from services.intake.access import Reader, Sender
from services.intake.domain import safety
from services.intake.domain.identifying import AcceptancePosted, DeclinePosted, InvitationPosted, InvitePosted
from services.intake.domain.invitation import Standing
from services.intake.domain.invitation_asked import (
    ACCEPT,
    DECLINE,
    IDENTIFY,
    INVITE,
    AcceptInvitation,
    DeclineInvitation,
    IdentifyPerson,
    InvitePerson,
)
from services.intake.domain.policy import london_day
from services.intake.invitations.examples import (
    ACCEPTANCE_EXAMPLES,
    DECLINE_EXAMPLES,
    IDENTIFY_EXAMPLES,
    INVITE_EXAMPLES,
)
from services.intake.invitations.finding import (
    page_of,
    reachable,
    refuse_others,
    refuse_second,
    row_within_reach,
    standing_of,
    survivor_of,
    usable_details,
)
from services.intake.invitations.reading import read_acceptance, read_invitation
from services.intake.invitations.store import InvitationRow
from services.intake.people.recognising import new_person_id
from services.intake.referrals.accepting import Invited, accept, meet
from services.intake.referrals.reading import as_sent, read_strictly
from services.kernel.decision import Command
from services.kernel.http import Answer, Once, Problem, ReadSession
from services.kernel.http.cursors import Cursor, Limit, after_day, cursor_of, link_next
from services.kernel.http.exchange import exchange_of
from services.kernel.http.parts import parts_of
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["invitations"])
AsOf = Annotated[date | None, Query(description="The London day from which it is looked at; today.")]


class InvitationView(BaseModel):
    """How an invitation stands on the day ``as_of``. It names nobody: the inviter knows whom the id is about."""

    invitation_id: str
    programme: str
    locality: str | None
    provider: str
    state: Standing
    as_of: date
    identified_on: date
    invited_on: date | None
    respond_by: date | None
    referral_id: str | None


@router.post("/invitations", status_code=201, response_model=None)
async def identify(
    request: Request,
    body: Annotated[InvitationPosted, WrapValidator(as_sent), Body(openapi_examples=IDENTIFY_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Name a person whom the programme would suit. For providers; their organisation is the inviting one.

    Nobody is referred by it. A person who is already referred, or whom the organisation has named before, is told.
    """
    refuse_others(who)
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        posted, on = read_invitation(raw, provider=who.organisation_id, policy=tx.policy, now=tx.now)
        if posted.programme != who.programme:
            raise Problem(403, "programme_not_allowed", "the token is for another programme")
        met = await meet(tx, posted.person, posted.programme, on, who)
        if met.person_id is not None:
            await refuse_second(tx, met.person_id, posted.programme, who)
        person_id = met.person_id or new_person_id()
        if met.person_id is None:
            await tx.create_keys([person_id])
        invitation_id = uuid7(tx.now)
        data = IdentifyPerson(
            on=on,
            person_id=person_id,
            programme=posted.programme,
            locality=posted.locality,
            provider=who.organisation_id,
            details=posted.person,
            number_taken=met.found.number_taken,
        )
        await tx.execute(Command(tx.command_id, IDENTIFY, invitation_id, data, who.subject))
        here = f"/invitations/{invitation_id}"
        links = {"self": here, **{name: f"{here}/{name}" for name in ("invite", "accept", "decline")}}
        answer = {"invitation_id": invitation_id, "state": Standing.IDENTIFIED.value, "links": links}
        return Answer(201, answer, location=here)

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.post("/invitations/{invitation_id}/invite", status_code=201, response_model=None)
async def invite(
    invitation_id: str,
    request: Request,
    body: Annotated[InvitePosted, WrapValidator(as_sent), Body(openapi_examples=INVITE_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Record that the person was asked. They have 28 days; after that they can be invited again."""
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await reachable(tx, invitation_id, who)
        posted = read_strictly(raw, InvitePosted)
        data = InvitePerson(on=posted.on or london_day(tx.now), channel=posted.channel)
        done = await tx.execute(Command(tx.command_id, INVITE, invitation_id, data, who.subject))
        return _said(invitation_id, Standing.INVITED, done.state.respond_by)

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.post("/invitations/{invitation_id}/accept", status_code=201, response_model=None)
async def accepted(
    invitation_id: str,
    request: Request,
    body: Annotated[AcceptancePosted, WrapValidator(as_sent), Body(openapi_examples=ACCEPTANCE_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Record that the person has said yes: this makes the referral, by the route provider, to the inviting provider.

    The answer is that of ``POST /referrals``, and so are its refusals. After 28 days: 409 ``invitation_expired``.
    """
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        invitation = await reachable(tx, invitation_id, who)
        person = await usable_details(tx, invitation)
        posted = read_acceptance(raw, invitation, person, policy=tx.policy, now=tx.now)
        invited = Invited(uuid7(tx.now), await survivor_of(tx, invitation.person_id))
        data = AcceptInvitation(on=posted.referred_on, referral_id=invited.referral_id)
        await tx.execute(Command(tx.command_id, ACCEPT, invitation_id, data, who.subject))
        made = await accept(tx, posted, who, invited=invited)
        return Answer(made.status, {**made.body, "invitation_id": invitation_id}, made.location)

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.post("/invitations/{invitation_id}/decline", status_code=201, response_model=None)
async def decline(
    invitation_id: str,
    request: Request,
    body: Annotated[DeclinePosted, WrapValidator(as_sent), Body(openapi_examples=DECLINE_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Record that the person has said no. What was said of them is removed."""
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await reachable(tx, invitation_id, who)
        posted = read_strictly(raw, DeclinePosted)
        data = DeclineInvitation(on=posted.on or london_day(tx.now), reason=posted.reason)
        await tx.execute(Command(tx.command_id, DECLINE, invitation_id, data, who.subject))
        return _said(invitation_id, Standing.DECLINED, None)

    return await once(handle, unstored={"safety": safety.answer(raw)})


def _said(invitation_id: str, state: Standing, respond_by: date | None) -> Answer:
    until = {} if respond_by is None else {"respond_by": respond_by.isoformat()}
    return Answer(201, {"invitation_id": invitation_id, "state": state.value, **until})


@router.get("/invitations/{invitation_id}")
async def read(
    invitation_id: str, request: Request, session: ReadSession, who: Reader, as_of: AsOf = None
) -> InvitationView:
    """Tell how an invitation stands on a day."""
    row = row_within_reach(await session.get(InvitationRow, invitation_id), who)
    return _view(row, as_of or london_day(parts_of(request).clock()))


@router.get("/invitations")
async def find(
    request: Request,
    response: Response,
    session: ReadSession,
    who: Reader,
    state: Annotated[Standing | None, Query(description="Only those that stand so on that day.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[InvitationView]:
    """List your organisation's invitations by the day of identification; ``Link`` names the next page."""
    day = as_of or london_day(parts_of(request).clock())
    rows = await page_of(session, who, state, day, after=after_day(cursor), limit=limit + 1)
    if len(rows) > limit:
        last = rows[limit - 1]
        link_next(request, response, cursor_of(last.identified_on.isoformat(), last.invitation_id), as_of=day)
    return [_view(row, day) for row in rows[:limit]]


def _view(row: InvitationRow, day: date) -> InvitationView:
    return InvitationView(
        invitation_id=row.invitation_id,
        programme=row.programme,
        locality=row.locality,
        provider=row.provider,
        state=standing_of(row, day),
        as_of=day,
        identified_on=row.identified_on,
        invited_on=row.invited_on,
        respond_by=row.respond_by,
        referral_id=row.referral_id,
    )
