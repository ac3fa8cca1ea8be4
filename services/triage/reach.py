"""A referral's state as a request may see it: found, within the sender's reach, its content unlocked."""

import hmac
from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import text

from services.contracts.referral import referrer_of
from services.kernel.decision import Reason, Refused
from services.kernel.http import Open, Principal, ReadSession
from services.kernel.sealing.content import Sealed
from services.triage.domain.state import TriageState
from services.triage.explanation.readers import OUTSIDE

ReferralId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
SealedOnes = list[Sealed[Any]]

_STATE = text("SELECT state::text FROM aggregate WHERE key = :key")


def not_found() -> Refused:
    """Return the refusal of a referral that is not there, or not for whoever asks: it tells nobody which."""
    message = "Triage knows no such referral; check the id, or wait until it has arrived."
    return Refused(Reason("referral_not_found", message), status=404)


def may_see(who: Principal, programme: str, provider: str | None) -> bool:
    """Tell whether a referral is within a sender's reach: its programme, and for a provider its own people.

    An auditor reads all. A referral that has no provider yet is open to every provider of its programme. An employer,
    or whoever speaks for themselves, has no staff of ours, whatever role a token gives them.
    """
    if who.organisation_kind in OUTSIDE:
        return False
    if who.role == "auditor":
        return True
    if who.programme != programme:
        return False
    return who.organisation_kind != "provider" or provider in {None, who.organisation_id}


def within_reach(who: Principal, state: TriageState) -> bool:
    """Tell whether a state is of a referral within a sender's reach."""
    return may_see(who, state.decision.programme.id, state.decision.provider)


async def is_referrer(opener: Open, who: Principal, state: TriageState) -> bool:
    """Tell whether a sender's organisation made a referral to its programme. Of an erased person nobody can tell."""
    mark = state.decision.referrer
    if mark is None or mark.value is None or who.programme != state.decision.programme.id:
        return False
    asked = await opener.digest(state.decision.person_id, *referrer_of(who.organisation_id))
    return asked is not None and hmac.compare_digest(asked, mark.value)


async def state_of(session: ReadSession, referral: str) -> tuple[TriageState | None, SealedOnes]:
    """Return a referral's state (None: there is none), and what is sealed in it."""
    row = (await (await session.connection()).execute(_STATE, {"key": referral})).first()
    sealed: SealedOnes = []
    return None if row is None else TriageState.model_validate_json(row[0], context=sealed), sealed


async def opened(opener: Open, state: TriageState, sealed: SealedOnes) -> None:
    """Unlock what is sealed in a state. Raises Refused for a restricted person."""
    await opener.unlock(state.decision.person_id, sealed)
