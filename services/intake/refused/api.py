"""HTTP: a safety task of something that intake refused: why somebody must look, and its acknowledgement."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.responses import Response

from services.contracts.safety_codes import ResponseTime, SafetyAction
from services.contracts.safety_task import Actions
from services.intake.access import is_employer
from services.intake.domain.refused import Heard
from services.intake.refused.tasks import HEARD, RefusedTaskRow, release, task_of
from services.kernel.decision import Reason, Refused
from services.kernel.http import Answer, Once, Open, Principal, ReadSession, require
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealed, SealedAs
from services.safety.api import reach_of

router = APIRouter(tags=["safety"])
TaskId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Taker = Annotated[Principal, require("clinical_safety", "team_lead")]


class RefusedTaskView(BaseModel):
    """What must be looked at. Of what was sent it shows what a person needs to act; nothing of it was checked.

    ``heard`` is null when somebody has acknowledged it, when the person's data are erased, and where no key could be
    had: ask the sender, whose answer carried ``request_id``.
    """

    task_id: str
    referral_id: str | None
    response: ResponseTime
    role: str
    raised_at: AwareDatetime
    organisation_id: str
    organisation_kind: str
    sent_by: str
    request_id: str
    refused_as: str
    heard: Heard | None
    done_at: AwareDatetime | None
    done_by: str | None
    actions: list[str] | None


class Acknowledged(BaseModel):
    """What a person has done about it; at least one thing."""

    model_config = ConfigDict(extra="forbid")

    actions: Actions


SHOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {
                "example": {
                    "task_id": "01933e9b-85c0-7013-b789-ac225fc8fa0f",
                    "referral_id": None,
                    "response": "prompt",
                    "role": "clinical_safety",
                    "raised_at": "2024-11-18T09:30:00Z",
                    "organisation_id": "P84001",
                    "organisation_kind": "nhs",
                    "sent_by": "gp-system-1",
                    "request_id": "01933e9b-85c0-7a11-8d2e-0c4f6f1b2a3d",
                    "refused_as": "consent_required",
                    "heard": {
                        "items": ["self_harm_disclosure"],
                        "advice": "You do not have to face this alone.",
                        "person": {"given_name": "Ada", "family_name": "Example", "phone": "07700900001"},
                        "reference": "GP-2024-001",
                    },
                    "done_at": None,
                    "done_by": None,
                    "actions": None,
                }
            }
        }
    }
}
EXAMPLE: dict[str, Any] = {"told the crisis team": {"value": {"actions": ["crisis_team_informed", "person_safe"]}}}


def _within(who: Principal, programme: str | None, provider: str | None) -> bool:
    reach = reach_of(who)
    ours = provider is None or reach.provider in {None, provider}
    return not is_employer(who) and programme == reach.programme and ours


def _unknown() -> Refused:
    return Refused(Reason("safety_task_unknown", "there is no such safety task within your reach"), status=404)


async def _is_erased(tx: Transaction, person_id: str) -> bool:
    """Tell whether the person's key is destroyed; one that nobody could ever make is not."""
    try:
        return not await tx.has_key(person_id)
    except KeyMissing:
        return False


@router.get("/safety-tasks/{task_id}", responses=SHOWN)
async def read(task_id: TaskId, session: ReadSession, opener: Open, who: Taker) -> RefusedTaskView:
    """Tell what was positive in something that was refused, and how the person can be reached."""
    row = await session.get(RefusedTaskRow, task_id)
    if row is None or not _within(who, row.programme, row.provider):
        raise _unknown()
    content: Heard | None = None
    if row.heard is not None:
        sealed: Sealed[Heard] = Sealed(row.heard, SealedAs(HEARD, Heard))
        await opener.unlock(row.person_id, [sealed])
        try:
            content = sealed.content
        except ContentErased:
            content = None
    kept = row.model_dump(exclude={"heard"})
    return RefusedTaskView(**{name: kept[name] for name in RefusedTaskView.model_fields if name in kept}, heard=content)


@router.post("/safety-tasks/{task_id}/acknowledge", response_model=None)
async def acknowledge(
    task_id: TaskId, once: Once, who: Taker, body: Annotated[Acknowledged, Body(openapi_examples=EXAMPLE)]
) -> Response:
    """Take a task up and say what was done; what was heard is removed. Another was faster: 409 ``already_released``.

    ``data_erased`` is for a person whose data were erased; of others 422 ``not_erased``.
    """

    async def handle(tx: Transaction) -> Answer:
        row = await task_of(tx, task_id)
        if row is None or not _within(who, row["programme"], row["provider"]):
            raise _unknown()
        if SafetyAction.DATA_ERASED in body.actions and not await _is_erased(tx, row["person_id"]):
            message = "the person's data are not erased; read what was heard, then say what was done"
            raise Refused(Reason("not_erased", message, "/actions"), status=422)
        if not await release(tx, task_id, who.subject, body.actions):
            raise Refused(Reason("already_released", "somebody has taken this task up already"))
        return Answer(200, {"task_id": task_id, "done_at": tx.now.isoformat(), "actions": list(body.actions)})

    return await once(handle)
