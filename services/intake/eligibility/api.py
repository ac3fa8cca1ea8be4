"""HTTP: who awaits a decision on eligibility, the decision of a named person, and the person's contest of it."""

import json
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, WrapValidator
from starlette.responses import JSONResponse

from services.contracts.codes import Route
from services.intake.access import Sender, is_told_all, refuse_others
from services.intake.domain import safety
from services.intake.domain.eligibility import (
    CONTEST,
    DECIDE,
    NOTHING_TO_CONTEST,
    ContestEligibility,
    ContestPosted,
    DecideEligibility,
    DecisionPosted,
)
from services.intake.domain.evaluation import AREA_UNDECIDED
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.standing import ReviewCause
from services.intake.eligibility.examples import CONTEST_EXAMPLES, DECISION_EXAMPLES
from services.intake.eligibility.reviews import awaited
from services.intake.people.beside import open_beside
from services.intake.referrals.neutral import neutrally
from services.intake.referrals.reading import as_sent, read_strictly
from services.intake.referrals.views import ProgrammeView
from services.kernel.decision import Command
from services.kernel.http import Answer, Once, Principal, Problem, require
from services.kernel.http.cursors import Cursor, Limit, after_moment, cursor_of, link_next
from services.kernel.http.exchange import exchange_of
from services.kernel.http.parts import parts_of
from services.kernel.runtime.commands import Transaction
from services.programmes.areas import Undecided
from services.programmes.model import Programme

router = APIRouter(tags=["eligibility"])

DECIDERS = ("assessor", "coach", "team_lead")
Decider = Annotated[Principal, require(*DECIDERS)]
Looker = Annotated[Principal, require(*DECIDERS, "auditor")]
_FIRST: Final = (datetime.min.replace(tzinfo=UTC), "")


class UnmetView(BaseModel):
    """A requirement that is not met; ``known`` false: it cannot be told, because nobody was asked."""

    code: str
    known: bool
    text: str | None


class AlternativeView(BaseModel):
    """Where the person may turn."""

    code: str
    text: str


class AwaitedView(BaseModel):
    """A decision that a named person owes. ``may_decide``: whether whoever asks may be that person."""

    referral_id: str
    programme: ProgrammeView
    route: Route
    locality: str | None
    referred_on: date
    cause: ReviewCause
    since: AwareDatetime
    reasons: list[UnmetView]
    alternatives: list[AlternativeView]
    area_code: str | None
    area_candidates: list[str]
    may_decide: bool


@router.get("/eligibility-reviews")
async def reviews(
    request: Request,
    response: Response,
    who: Looker,
    as_of: Annotated[date | None, Query(description="Awaited at the end of this London day; today.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[AwaitedView]:
    """List referrals that await a decision on eligibility, or on a contest of one, the longest awaited first.

    ``Link`` names the next page.
    """
    _ours(who)
    parts = parts_of(request)
    day = as_of or london_day(parts.clock())
    found = await awaited(
        parts.pool,
        None if who.role == "auditor" else who.programme,
        day,
        after_moment(cursor) or _FIRST,
        limit + 1,
    )
    page = found[:limit]
    if len(found) > limit:
        place = cursor_of(page[-1]["opened_at"].isoformat(), page[-1]["referral_id"])
        link_next(request, response, place, as_of=day)
    return [_view(row, parts.commands.policy, who) for row in page]


@router.post("/referrals/{referral_id}/eligibility-decision", status_code=201, response_model=None)
async def decide(
    referral_id: str,
    request: Request,
    body: Annotated[DecisionPosted, WrapValidator(as_sent), Body(openapi_examples=DECISION_EXAMPLES)],
    once: Once,
    who: Decider,
) -> JSONResponse:
    """Decide, as a named person, what the rules only proposed: *not_eligible* confirms it, *eligible* overrides it.

    A contest is decided by another person than those who decided before (409 `another_person_needed`).
    """
    raw = exchange_of(request.scope).body
    _ours(who)

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        posted = read_strictly(raw, DecisionPosted)
        data = DecideEligibility(posted=posted, beside=await open_beside(tx, referral_id))
        command = Command(id=tx.command_id, type=DECIDE, key=referral_id, data=data, actor=who.subject)
        done = await tx.execute(command)
        answer = {"referral_id": referral_id, "outcome": data.posted.outcome.value, "waiting": done.waiting}
        return Answer(201, answer)

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.post("/referrals/{referral_id}/contest", status_code=201, response_model=None)
async def contest(
    referral_id: str,
    request: Request,
    body: Annotated[ContestPosted, WrapValidator(as_sent), Body(openapi_examples=CONTEST_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Pass on that the person does not accept the decision; another named person then decides.

    Whoever may not know how a referral stands gets the same answer whether or not there was something to contest.
    """
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        posted = read_strictly(raw, ContestPosted)
        data = ContestEligibility(posted=posted, beside=await open_beside(tx, referral_id))
        told = is_told_all(who)
        command = Command(id=tx.command_id, type=CONTEST, key=referral_id, data=data, actor=who.subject)
        done = await neutrally(tx, command, () if told else (NOTHING_TO_CONTEST,))
        waiting = told and done is not None and done.waiting
        status = "eligibility_review" if told else "received"
        return Answer(201, {"referral_id": referral_id, "status": status, "waiting": waiting})

    return await once(handle, unstored={"safety": safety.answer(raw)})


def _ours(who: Principal) -> None:
    if not is_told_all(who):
        raise Problem(403, "decider_not_allowed", "staff of NHS organisations and providers decide on eligibility")


def _view(row: Any, policy: IntakePolicy, who: Principal) -> AwaitedView:
    programme = policy.book.version(row["programme"], row["programme_version"])
    unmet = json.loads(row["reasons"])
    texts = {AREA_UNDECIDED: "Several areas may be meant; say which."} | _texts(programme, row["locality"])
    return AwaitedView(
        referral_id=row["referral_id"],
        programme=ProgrammeView(id=row["programme"], version=row["programme_version"]),
        route=row["route"],
        locality=row["locality"],
        referred_on=row["referred_on"],
        cause=row["cause"],
        since=row["opened_at"],
        reasons=[UnmetView(**one, text=texts.get(one["code"])) for one in unmet],
        alternatives=[AlternativeView(code=a.code, text=a.text) for a in programme.joining.alternatives]
        if programme
        else [],
        area_code=row["area_code"],
        area_candidates=_candidates(row, programme, policy),
        may_decide=who.role in DECIDERS and (row["cause"] != ReviewCause.CONTEST or who.subject not in _not_by(row)),
    )


def _texts(programme: Programme | None, locality: str | None) -> dict[str, str]:
    if programme is None:
        return {}
    return {one.code: one.text for one in (*programme.joining.eligibility, *programme.tiers.required(locality))}


def _not_by(row: Any) -> list[str]:
    found: list[str] = json.loads(row["not_by"])
    return found


def _candidates(row: Any, programme: Programme | None, policy: IntakePolicy) -> list[str]:
    if programme is None or row["area_code"] is not None:
        return []
    found = policy.area_on(programme, row["referred_on"], None)
    return list(found.candidates) if isinstance(found, Undecided) else [found]
