"""HTTP: consents given and withdrawn after the referral, and what was allowed when."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, WrapValidator
from starlette.responses import JSONResponse

from services.contracts.codes import Channel, ConsentKind
from services.contracts.consent import ConsentHistory
from services.intake.access import Sender, Staff, is_employer, may_see, refuse_others, unknown
from services.intake.consents.history import load_history, read_history
from services.intake.domain import safety
from services.intake.domain.consent import ChangeConsents, ConsentsChangedPosted
from services.intake.domain.policy import london_day
from services.intake.people.recognising import lock
from services.intake.referrals.examples import CONSENT_EXAMPLES
from services.intake.referrals.reading import as_sent, read_consents
from services.intake.store import ReferralRow
from services.kernel.decision import Command
from services.kernel.http import Answer, Once, ReadSession
from services.kernel.http.exchange import exchange_of
from services.kernel.http.parts import parts_of
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["consents"])


class FactView(BaseModel):
    """A consent as it was given, refused or withdrawn. ``by`` null: said with the referral, through its referrer."""

    consent: ConsentKind
    given: bool
    on: date
    channel: Channel | None
    by: str | None
    recorded_at: datetime
    event_id: str


class AllowedView(BaseModel):
    """What was allowed on a day; null: never asked."""

    take_part: bool | None
    share_with_gp: bool | None
    share_with_employer: bool | None


class ConsentsView(BaseModel):
    """What was allowed on the day ``on``, and every fact that is known, in the order in which they count."""

    referral_id: str
    on: date
    allowed: AllowedView
    history: list[FactView]


@router.post("/referrals/{referral_id}/consents", status_code=201, response_model=None)
async def change(
    referral_id: str,
    request: Request,
    body: Annotated[ConsentsChangedPosted, WrapValidator(as_sent), Body(openapi_examples=CONSENT_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Record consents that were given or withdrawn. Without the consent to take part referral and plan end.

    A withdrawal is always accepted; an employer can pass one on, but no consent.
    """
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        state = await tx.load(referral_id)
        if state is None:
            raise unknown()
        kind = who.organisation_kind
        referred_on = state.common.referred_on
        posted = read_consents(raw, organisation_kind=kind, referred_on=referred_on, now=tx.now)
        await lock(tx.conn, f"consents|{referral_id}")
        standing = (await load_history(tx.conn, referral_id)).standing(ConsentKind.TAKE_PART, london_day(tx.now))
        since = standing.on if standing is not None and standing.given else None
        data = ChangeConsents(posted=posted, organisation_kind=kind, takes_part_since=since)
        command = Command(id=tx.command_id, type=data.command, key=referral_id, data=data, actor=who.subject)
        done = await tx.execute(command)
        return Answer(201, {"referral_id": referral_id, "status": "accepted", "waiting": done.waiting})

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.get("/referrals/{referral_id}/consents")
async def read(
    referral_id: str,
    request: Request,
    session: ReadSession,
    who: Staff,
    on: Annotated[date | None, Query(description="The London day that is asked about; today.")] = None,
) -> ConsentsView:
    """Tell what was allowed on a day, and who recorded which consent when."""
    row = await session.get(ReferralRow, referral_id)
    if row is None or is_employer(who) or not may_see(who, row.organisation_id, row.programme):
        raise unknown()
    day = on or london_day(parts_of(request).clock())
    return view(await read_history(session, referral_id), day)


def view(history: ConsentHistory, on: date) -> ConsentsView:
    """Return the view of a history on a day."""
    return ConsentsView(
        referral_id=history.referral_id,
        on=on,
        allowed=AllowedView(**{kind.value: history.allowed(kind, on) for kind in ConsentKind}),
        history=[
            FactView(
                consent=fact.kind,
                given=fact.given,
                on=fact.on,
                channel=fact.channel,
                by=fact.by,
                recorded_at=fact.recorded_at,
                event_id=fact.source,
            )
            for fact in history.facts
        ],
    )
