"""HTTP: people who may be one, for the staff of their programmes: the list, what differs, and what somebody decides."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from services.intake.access import Decider, Staff, is_employer
from services.intake.people.comparing import ComparedView, Decision, NearMatchView, compared, near_matches
from services.kernel.decision import Reason, Refused
from services.kernel.http import Answer, Once, Principal, ReadSession
from services.kernel.http.cursors import Cursor, Limit, cursor_of, link_next, place_of
from services.kernel.operations.audit import record_action
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["near matches"])

DECIDED = "near_match.decided"
"""The action of the audit row."""


class DecisionPosted(BaseModel):
    """``POST /near-matches/{id}/decision``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Decision


@router.get("/near-matches")
async def find(
    request: Request,
    response: Response,
    session: ReadSession,
    who: Staff,
    decision: Annotated[
        Literal["open", "same", "different", "any"], Query(description="Open: nobody has decided, and they are two.")
    ] = "open",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[NearMatchView]:
    """List pairs of people of whom one was referred to your programme, the earliest found first.

    Nobody is named: pseudonyms, referrals within your reach, reasons. ``Link`` names the next page.
    """
    _refuse_employers(who)
    place = place_of(cursor)
    found = await near_matches(
        session,
        who,
        decision=None if decision == "any" else decision,
        after=place[0] if place else None,
        limit=limit + 1,
    )
    if len(found) > limit:
        link_next(request, response, cursor_of(found[limit - 1].near_match_id))
    return found[:limit]


@router.get("/near-matches/{near_match_id}")
async def read(near_match_id: str, session: ReadSession, who: Staff) -> ComparedView:
    """Tell which fields agree, and what differs, so that somebody can find out whether the two are one person."""
    _refuse_employers(who)
    found = await near_matches(session, who, decision=None, after=None, limit=1, near_match_id=near_match_id)
    if not found:
        raise _unknown()
    return await compared(session, who, found[0])


_LOCKED = """
SELECT m.decision, m.one_person, m.other_person,
       coalesce(a.survivor, a.person_id) = coalesce(b.survivor, b.person_id) AS merged
FROM near_match m JOIN person a ON a.person_id = m.one_person JOIN person b ON b.person_id = m.other_person
WHERE m.near_match_id = $1 AND EXISTS (
    SELECT FROM referral r WHERE r.person_id IN (m.one_person, m.other_person) AND r.programme = $2)
FOR UPDATE OF m
"""
_DECIDE = "UPDATE near_match SET decision = $2, decided_by = $3, decided_at = $4 WHERE near_match_id = $1"


@router.post("/near-matches/{near_match_id}/decision", status_code=201, response_model=None)
async def decide(near_match_id: str, body: DecisionPosted, once: Once, who: Decider) -> JSONResponse:
    """Say that two are one person, or that they are not. It can be changed until they are merged.

    ``different``: the pair is not flagged again. ``same``: nothing is merged yet, since that cannot be undone; an
    operator does it with ``pathway person merge-decided``.
    """
    _refuse_employers(who)

    async def handle(tx: Transaction) -> Answer:
        row = await tx.conn.fetchrow(_LOCKED, near_match_id, who.programme)
        if row is None:
            raise _unknown()
        if row["merged"]:
            raise Refused(Reason("near_match_merged", "the two are one person already; that cannot be undone"))
        if row["decision"] != body.decision.value:
            await tx.conn.execute(_DECIDE, near_match_id, body.decision.value, who.subject, tx.now)
            people = [row["one_person"], row["other_person"]]
            detail = {"people": people, "decision": body.decision.value, "before": row["decision"]}
            await record_action(tx.conn, who.subject, DECIDED, near_match_id, "", detail)
        return Answer(201, {"near_match_id": near_match_id, "decision": body.decision.value})

    return await once(handle)


def _refuse_employers(who: Principal) -> None:
    if is_employer(who):
        raise _unknown()


def _unknown() -> Refused:
    return Refused(Reason("near_match_unknown", "there is no such near match within your reach"), status=404)
