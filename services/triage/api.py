"""HTTP: the work list of referrals that await a person, a decision explained, and its acknowledgement."""

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Query, Request, Response
from sqlalchemy import ColumnElement, and_, false, func, or_, true, tuple_
from sqlmodel import col, select

from services.contracts.codes import TriageOutcome
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, Open, Principal, Problem, ReadSession, create_api, require
from services.kernel.http.bounds import id_of, moment_of
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.fold import ERASED
from services.kernel.settings import Settings
from services.safety.api import safety_router
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge
from services.triage.domain.policy import RuleBook
from services.triage.explanation.readers import OUTSIDE
from services.triage.explanation_api import router as explanation_router
from services.triage.reach import ReferralId, not_found, opened, state_of, within_reach
from services.triage.rulefile import load_rulebook
from services.triage.service import build
from services.triage.store import TriageCase
from services.triage.views import CaseList, DecisionView, case_view, decision_view

router = APIRouter(tags=["triage"])

Reader = Annotated[Principal, require("assessor", "coach", "team_lead", "clinical_safety", "auditor")]
Acknowledger = Annotated[Principal, require("clinical_safety", "coach", "assessor", "team_lead")]

ACKNOWLEDGE_EXAMPLES: dict[str, Any] = {
    "spoke with the person": {"value": {"revision": 1, "actions": ["person_safe", "gp_informed"]}},
    "the person's data are erased": {"value": {"actions": ["data_erased", "referrer_informed"]}},
}

# Never reached: a referral that waits for nobody sorts after all that do.
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


@router.post("/triage/{referral}/acknowledge", response_model=None)
async def acknowledge(
    referral: ReferralId,
    once: Once,
    who: Acknowledger,
    body: Annotated[Acknowledge, Body(openapi_examples=ACKNOWLEDGE_EXAMPLES)],
) -> Response:
    """Take up what triage holds for a person, and say what was done. The hold is released and triage decides again.

    `revision` is the one that the sender saw; another is current: 409 `revision_changed`. Of a person whose data were
    erased nothing can be read or decided again: 410 `person_erased`, unless `data_erased` is among the actions.
    """

    async def handle(tx: Transaction) -> Answer:
        state = await tx.load(referral)
        if state is None or not within_reach(who, state):
            raise not_found()
        command = Command(id=tx.command_id, type=ACKNOWLEDGE, key=referral, data=body, actor=who.subject)
        try:
            done = await tx.execute(command)
        except Refused as refused:
            raise _of_the_erased() if refused.status == HTTPStatus.GONE else refused from None
        decision = done.state.decision
        answer = {
            "referral_id": referral,
            "acknowledged_revision": done.events[0].data.revision,
            "revision": decision.revision,
            "outcome": decision.outcome.value,
            "waiting": done.waiting,
        }
        return Answer(200, answer)

    return await once(handle)


def _of_the_erased() -> Refused:
    message = (
        "The person's data were erased, so nobody can be reached through this task and nothing is decided again; "
        "say so with the action data_erased, beside whatever else was done."
    )
    return Refused(Reason(ERASED.code, message, "/actions"), status=HTTPStatus.GONE)


@router.get("/triage")
async def work_list(
    session: ReadSession,
    who: Reader,
    outcome: Annotated[TriageOutcome | None, Query(description="Only those decided like this.")] = None,
    awaiting: Annotated[bool | None, Query(description="Only those that await a person, or only others.")] = None,
    cursor: Annotated[str | None, Query(max_length=300, description="From `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CaseList:
    """List referrals, those that have waited longest for a person first. It says that, not why."""
    since = func.coalesce(col(TriageCase.awaiting_since), _LAST)
    position = tuple_(since, col(TriageCase.referral_id))
    wanted: list[ColumnElement[bool]] = [_reach(who)]
    if outcome is not None:
        wanted.append(col(TriageCase.outcome) == outcome.value)
    if awaiting is not None:
        waits = col(TriageCase.awaiting_since)
        wanted.append(waits.is_not(None) if awaiting else waits.is_(None))
    if cursor is not None:
        wanted.append(position > tuple_(*_position(cursor)))
    query = select(TriageCase).where(and_(*wanted)).order_by(since, col(TriageCase.referral_id)).limit(limit + 1)
    found = list((await session.exec(query)).all())
    more = len(found) > limit
    page = found[:limit]
    return CaseList(items=[case_view(case) for case in page], next=_cursor(page[-1]) if more else None)


@router.get("/triage/{referral}")
async def explained(
    referral: ReferralId, session: ReadSession, opener: Open, who: Reader, request: Request
) -> DecisionView:
    """Return the current decision with its reasons in plain English; of an erased person, without them."""
    state, sealed = await state_of(session, referral)
    if state is None or not within_reach(who, state):
        raise not_found()
    await opened(opener, state, sealed)
    rules: RuleBook = request.app.state.rules
    return decision_view(state, rules)


def _reach(who: Principal) -> ColumnElement[bool]:
    if who.organisation_kind in OUTSIDE:
        return false()
    if who.role == "auditor":
        return true()
    reach = col(TriageCase.programme) == who.programme
    if who.organisation_kind != "provider":
        return reach
    provider = col(TriageCase.provider)
    return and_(reach, or_(provider.is_(None), provider == who.organisation_id))


def _cursor(case: TriageCase) -> str:
    position = [(case.awaiting_since or _LAST).isoformat(), case.referral_id]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position(cursor: str) -> tuple[Any, str]:
    try:
        since, referral = json.loads(base64.urlsafe_b64decode(cursor))
        return moment_of(since), id_of(referral)
    except (ValueError, TypeError):
        raise Problem(422, "cursor_malformed", "use the cursor that the page before gave, unchanged") from None


def create_app(settings: Settings, **options: Any) -> FastAPI:
    """Return triage's API. ``options`` go to the HTTP base (a clock, an issuer for tests).

    Raises FileRefused when a rule file cannot be used.
    """
    app = create_api(
        build(settings.programmes_dir),
        settings,
        routers=[router, explanation_router, safety_router(settings)],
        title="Pathway triage",
        description="What a person may need first: recommended by published rules, held when a person must look.",
        **options,
    )
    app.state.rules = load_rulebook()
    return app
