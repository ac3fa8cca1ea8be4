"""HTTP: the safety tasks that wait, as of a moment; the same list for every service that keeps some."""

from datetime import UTC
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from services.contracts.safety_codes import ResponseTime
from services.kernel.http import Principal, ReadSession
from services.kernel.http.bounds import KnownMoment
from services.kernel.http.cursors import Cursor, Limit, after_moment, cursor_of, link_next
from services.kernel.http.identity import RoleGuard
from services.kernel.http.parts import parts_of
from services.kernel.settings import Settings
from services.safety.tasks import Reach, limits_of, waiting

READERS = ("clinical_safety", "assessor", "coach", "team_lead", "auditor")


class SafetyTaskView(BaseModel):
    """A task that waits: who must look, at what, how soon. Why is not told here.

    ``alert_at``: from when on it is breached (null: by the clock never). ``referral_id`` is null where what was refused
    named none.
    """

    task_id: str
    referral_id: str | None
    programme: str | None
    response: ResponseTime
    role: str
    raised_at: AwareDatetime
    alert_at: AwareDatetime | None
    breached: bool


EXAMPLE = {
    "task_id": "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11.1.prompt",
    "referral_id": "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11",
    "programme": "workwell-greater-manchester",
    "response": "prompt",
    "role": "clinical_safety",
    "raised_at": "2024-11-18T09:30:00Z",
    "alert_at": "2024-11-18T13:30:00Z",
    "breached": False,
}


def reach_of(who: Principal) -> Reach:
    """Return what somebody may see: an auditor all, others their programme, a provider not another's."""
    if who.role == "auditor":
        return Reach()
    return Reach(who.programme, who.organisation_id if who.organisation_kind == "provider" else None)


def safety_router(settings: Settings, *readers: str) -> APIRouter:
    """Return the route ``GET /safety-tasks`` for ``readers`` (none named: :data:`READERS`)."""
    router = APIRouter(tags=["safety"])
    limits = limits_of(settings)
    reader = Depends(RoleGuard(frozenset(readers or READERS)))
    responses: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": [EXAMPLE]}}}}

    @router.get("/safety-tasks", responses=responses)
    async def waiting_tasks(
        request: Request,
        response: Response,
        _: ReadSession,
        who: Annotated[Principal, reader],
        as_of: Annotated[KnownMoment | None, Query(description="The moment that is asked about; now.")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> list[SafetyTaskView]:
        """List what waited for a named person at a moment, the longest waiting first; ``Link`` names the next page.

        Times run by the clock, day and night.
        """
        parts = parts_of(request)
        moment = as_of or parts.clock().astimezone(UTC)
        found = await waiting(
            parts.pool,
            moment,
            limits,
            reach=reach_of(who),
            after=after_moment(cursor),
            limit=limit + 1,
        )
        if len(found) > limit:
            last = found[limit - 1]
            link_next(request, response, cursor_of(last.raised_at.isoformat(), last.task_id), as_of=moment)
        return [
            SafetyTaskView(**{name: getattr(one, name) for name in SafetyTaskView.model_fields})
            for one in found[:limit]
        ]

    return router
