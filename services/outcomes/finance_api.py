"""HTTP: what finance commands of a referral's entries. Each command acts once, and its events hold it whole."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.base import Slug, Uuid, Version
from services.contracts.outcome import ClawBack, LedgerCommand, ReRate
from services.contracts.payment_codes import ClawbackReason, ReRatingReason
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, Principal, require
from services.kernel.runtime.commands import Transaction
from services.outcomes.domain.commanding import COMMAND_TYPE
from services.outcomes.domain.state import Earnings

router = APIRouter(tags=["finance"])

Finance = Annotated[Principal, require("provider_finance", "commissioner")]
Commissioner = Annotated[Principal, require("commissioner")]
ReferralId = Annotated[Uuid, Path(description="The referral's id.")]
_NOT_FOUND = 404


class Body(BaseModel):
    """A command's body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClawbackBody(Body):
    """What is taken back of which entry."""

    entry: Annotated[Uuid, Field(description="`entry_id` of the entry, as ledger and statement name it.")]
    amount_pence: Annotated[int, Field(ge=1, le=2**53 - 1, description="A part; null: all that is left.")] | None = None
    effective_on: Annotated[date, Field(description="Not before the entry's day, not in the future.")]
    reason: ClawbackReason


class ReRatingBody(Body):
    """By which card all that stands is priced anew."""

    card: Slug
    version: Version
    reason: ReRatingReason


class Done(BaseModel):
    """The entries that followed, in order; none where nothing had to change. ``left_pence``: what stands now."""

    referral_id: Uuid
    entries: list[Uuid]
    left_pence: int
    waiting: bool


@router.post("/referrals/{referral_id}/clawbacks", response_model=Done, summary="Take back what was paid")
async def claw_back(referral_id: ReferralId, body: ClawbackBody, once: Once, who: Finance) -> Response:
    """Take back an entry or a part of it, never more than is left of it. A provider's finance: its own entries."""
    asked = ClawBack(by=who.subject, **body.model_dump())

    async def handle(tx: Transaction) -> Answer:
        state = await _seen(tx, referral_id, who)
        if who.role == "provider_finance":
            own = (e.event_id for e in state.earned if e.provider == who.organisation_id)
            if asked.entry not in own:
                raise Refused(Reason("entry_not_found", "no such entry of yours stands", "/entry"), status=_NOT_FOUND)
        return await _done(tx, referral_id, asked)

    return await once(handle)


@router.post("/referrals/{referral_id}/re-ratings", response_model=Done, summary="Price anew by another card")
async def re_rate(referral_id: ReferralId, body: ReRatingBody, once: Once, who: Commissioner) -> Response:
    """Take back every entry that another card priced and enter it again by this one. Twice changes nothing more."""
    asked = ReRate(by=who.subject, **body.model_dump())

    async def handle(tx: Transaction) -> Answer:
        await _seen(tx, referral_id, who)
        return await _done(tx, referral_id, asked)

    return await once(handle)


async def _seen(tx: Transaction, referral_id: str, who: Principal) -> Earnings:
    """Return what a referral has earned. Raises Refused 404 for one of another programme as for none."""
    state: Earnings | None = await tx.load(referral_id)
    if not isinstance(state, Earnings) or state.about is None or state.about.programme.id != who.programme:
        raise Refused(Reason("nothing_earned", "nothing was ever earned by this referral"), status=_NOT_FOUND)
    return state


async def _done(tx: Transaction, referral_id: str, asked: LedgerCommand) -> Answer:
    done = await tx.execute(Command(tx.command_id, COMMAND_TYPE, referral_id, asked, actor=asked.by))
    return Answer(
        200,
        {
            "referral_id": referral_id,
            "entries": [event.id for event in done.events],
            "left_pence": sum(entry.left_pence for entry in done.state.earned),
            "waiting": done.waiting,
        },
    )
