"""HTTP: letters as tasks: queued, sent, failed, answered; which of them wait."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response

from services.coaching import access
from services.coaching.caseload.cover import covered_by
from services.coaching.caseload.reading import Reach
from services.coaching.domain.command_fields import EARLIEST, LATEST
from services.coaching.domain.consents import history
from services.coaching.domain.dates import london_day
from services.coaching.domain.papers import letters as moves
from services.coaching.domain.papers.letters import Letter, LetterState
from services.coaching.domain.papers.permitting import NEEDS, View, why_not
from services.coaching.domain.plan import Plan
from services.coaching.papers import letter_table
from services.coaching.papers.letter_bodies import (
    CHANGE_EXAMPLES,
    QUEUE_EXAMPLES,
    LetterAnswered,
    LetterCancelled,
    LetterChange,
    LetterDone,
    LetterFailed,
    LetterSent,
    LetterView,
    QueueLetter,
)
from services.coaching.papers.letter_list import Wanted, letter_view, letters
from services.coaching.reading import LOCK, Coach, ReferralId, plan_of
from services.contracts.base import Uuid
from services.kernel.decision import Reason, Refused
from services.kernel.http import Answer, Once, Principal, ReadSession
from services.kernel.http.cursors import Cursor, Limit, after_day, cursor_of, link_next
from services.kernel.http.parts import parts_of
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.fold import ERASED, RESTRICTED
from services.kernel.sealing.content import is_restricted

router = APIRouter()

NOT_FOUND: Final = Reason("letter_not_found", "there is no such letter")


@router.post("/plans/{referral_id}/letters", response_model=LetterDone, status_code=201, summary="Queue a letter")
async def queue(
    referral_id: ReferralId, body: Annotated[QueueLetter, Body(openapi_examples=QUEUE_EXAMPLES)], once: Once, who: Coach
) -> Response:
    """Queue a letter of a plan. 409 where its page cannot be made: all reasons at once, each says what to do."""

    async def handle(tx: Transaction) -> Answer:
        plan, today = await _plan(tx, who, referral_id), london_day(tx.now)
        moves.queueable(body.answer_by, await tx.conn.fetchval(letter_table.WAITING, referral_id), today)
        consents = history(plan, tx.now)
        reasons = why_not(plan, body.view, today, consents)
        if reasons:
            raise Refused(*reasons)
        kind = NEEDS.get(body.view)
        given = None if kind is None else consents.standing(kind, today)
        consented_on = None if given is None else given.on
        values = (body.view.value, body.answer_by, consented_on, tx.now, today, who.subject)
        await tx.conn.execute(letter_table.QUEUE, tx.command_id, referral_id, *values)
        location = f"/plans/{referral_id}/letters"
        return Answer(201, {"letter_id": tx.command_id, "state": LetterState.QUEUED.value}, location=location)

    return await once(handle)


@router.post("/letters/{letter_id}/changes", response_model=LetterDone, summary="Say what has become of a letter")
async def change(
    letter_id: Annotated[Uuid, Path(description="The letter's id.")],
    body: Annotated[LetterChange, Body(openapi_examples=CHANGE_EXAMPLES)],
    once: Once,
    who: Coach,
) -> Response:
    """Record that a letter was sent, failed, was answered or is called off. 409: not from where it stands."""

    async def handle(tx: Transaction) -> Answer:
        unlocked = await letter_table.find(tx.conn, letter_id)
        if unlocked is None:
            raise Refused(NOT_FOUND, status=404)
        plan = await _plan(tx, who, unlocked.referral_id)
        found = await letter_table.find(tx.conn, letter_id, lock=True)
        made = _changed(found or unlocked, plan, body, tx.now)
        await letter_table.save(tx.conn, made, who.subject)
        return Answer(200, {"letter_id": letter_id, "state": made.state.value})

    return await once(handle)


@router.get("/plans/{referral_id}/letters", summary="The letters of a plan")
async def letters_of_plan(
    referral_id: ReferralId,
    request: Request,
    response: Response,
    session: ReadSession,
    who: Coach,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[LetterView]:
    """Return a plan's letters as they were queued; of those that wait to be sent, what keeps them.

    ``Link`` names the next page.
    """
    plan = await plan_of(request, session, who, referral_id)
    parts = parts_of(request)
    today = london_day(parts.clock())
    reach = Reach(who.programme, who.organisation_id)
    wanted = Wanted(today, referral_id=plan.referral_id, after=after_day(cursor), limit=limit + 1)
    rows = await letters(parts.pool, reach, wanted)
    if len(rows) > limit:
        link_next(request, response, _cursor(rows[limit - 1]))
    return [letter_view(row, today, parts.clock(), parts.service.read_state) for row in rows[:limit]]


@router.get("/letters", summary="Letters of a caseload or an organisation")
async def letters_of_caseload(
    request: Request,
    response: Response,
    _: ReadSession,
    who: Coach,
    view: Annotated[View | None, Query(description="Only to these.")] = None,
    state: Annotated[LetterState | None, Query(description="Only those that stand so.")] = None,
    unanswered: Annotated[bool, Query(description="Only those whose answer was awaited on that day.")] = False,
    as_of: Annotated[
        date | None, Query(ge=EARLIEST, le=LATEST, description="The London day that is asked about; today.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[LetterView]:
    """List letters as they were queued; unanswered ones by the day of the answer. ``Link`` names the next page.

    A coach sees those of the plans that are theirs today, that they cover today and that nobody holds; a team lead the
    organisation's. ``as_of`` says what is told of them.
    """
    parts = parts_of(request)
    today = london_day(parts.clock())
    day = as_of or today
    wanted = Wanted(day, None, view, state, unanswered, after_day(cursor), limit + 1)
    async with parts.pool.acquire() as connection:
        mine = frozenset({who.subject}) | await covered_by(connection, who.subject, today)
        coaches = None if who.role == access.TEAM_LEAD else mine
        rows = await letters(connection, Reach(who.programme, who.organisation_id, coaches), wanted)
    if len(rows) > limit:
        link_next(request, response, _cursor(rows[limit - 1]), as_of=day)
    return [letter_view(row, day, parts.clock(), parts.service.read_state) for row in rows[:limit]]


def _changed(letter: Letter, plan: Plan, body: LetterChange, now: datetime) -> Letter:
    """Return the letter after a change. Raises Refused."""
    today = london_day(now)
    match body:
        case LetterSent():
            consents = history(plan, now, letter.known_consents())
            version = body.plan_version
            return moves.sent(letter, plan, on=body.on, how=body.how, version=version, consents=consents, today=today)
        case LetterFailed():
            return moves.failed(letter, on=body.on, failure=body.failure, today=today)
        case LetterAnswered():
            return moves.answered(letter, on=body.on, today=today)
        case LetterCancelled():
            return moves.cancelled(letter)


async def _plan(tx: Transaction, who: Principal, referral_id: str) -> Plan:
    """Return the plan, locked, for whoever may act on it. Raises Refused: 403, 404; 410, 423 for its person's sake."""
    await tx.conn.execute(LOCK, referral_id)
    covered = await covered_by(tx.conn, who.subject, london_day(tx.now))
    plan = access.refuse_bystander(who, await tx.load(referral_id), None, covered)
    if not await tx.has_key(plan.person_id):
        raise Refused(ERASED, status=410)
    if is_restricted(tx.held.get(plan.person_id)):
        raise Refused(RESTRICTED, status=423)
    return plan


def _cursor(row: Mapping[str, Any]) -> str:
    return cursor_of(row["place"].isoformat(), row["letter_id"])
