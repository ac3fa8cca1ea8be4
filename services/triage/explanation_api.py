"""HTTP: why a decision came about, for whoever may read which view of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.kernel.http import Open, Principal, Problem, ReadSession, require
from services.kernel.http.parts import parts_of
from services.triage.explanation.examples import EXPLANATION_ANSWERS
from services.triage.explanation.readers import MAY_READ, ReferrerReader, View, reader
from services.triage.explanation.tell import Explanation, tell
from services.triage.reach import ReferralId, is_referrer, not_found, opened, state_of, within_reach

router = APIRouter(tags=["triage"])

Reads = Annotated[Principal, require(*MAY_READ)]
Wanted = Annotated[View, Query(description="Whom it is written for.")]


@router.get("/triage/{referral}/explanation", responses=EXPLANATION_ANSWERS)
async def explanation(
    referral: ReferralId,
    session: ReadSession,
    opener: Open,
    who: Reads,
    request: Request,
    view: Wanted = View.COACH,
) -> Explanation:
    """Return why the current decision came about, as data and in plain English.

    `coach`: every rule, its facts, what won, what came second, what would change it; for staff. `referrer`: without
    clinical facts. `participant`: for the person. A view that is not for the sender's role: 403 `view_not_allowed`.
    """
    told = reader(who.role, who.organisation_kind, view)
    if told is None:
        raise Problem(403, "view_not_allowed", f"the view {view} is not for {who.role} of {who.organisation_kind}")
    state, sealed = await state_of(session, referral)
    own_only = isinstance(told, ReferrerReader) and told.own
    seen = state is not None and (await is_referrer(opener, who, state) if own_only else within_reach(who, state))
    if state is None or not seen:
        raise not_found()
    await opened(opener, state, sealed)
    return tell(told, state, parts_of(request).commands.policy)
