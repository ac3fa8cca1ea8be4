"""A command as it stands in its event: whole and in codes; words only as their digest, health detail sealed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.coaching.domain import employer, reviewing
from services.coaching.domain.commands import Asked, ChangeConsent, CorrectFact, PlanCommand, RecordSession
from services.coaching.domain.plan import Plan
from services.coaching.domain.support_commands import ChangeBarrier
from services.coaching.domain.work_commands import (
    CompleteReview,
    ConfirmWorkStatus,
    ContactEmployer,
    RecordEvidence,
    RecordFitNote,
)
from services.contracts.plan import PlanSnapshot
from services.contracts.plan_change import PlanChange
from services.contracts.plan_codes import BarrierArea
from services.contracts.plan_item import FitNote, HealthBarrier, SealedBarrier, SealedFitNote
from services.kernel.sealing.content import Digest, Sealed

_CHANGE: TypeAdapter[PlanChange] = TypeAdapter(PlanChange)


def in_codes(state: Plan, asked: Asked, actor: str, now: datetime, found: Mapping[str, Any]) -> PlanChange:
    """Return the change that a command asks for, which the guards allow, with what was ``found`` of it in the plan.

    Raises Refused for a conversation with an employer without the third consent.
    """
    body = asked.command
    fields: dict[str, Any] = {**body.model_dump(), "by": actor}
    if "note" in fields:
        note = fields.pop("note")
        fields["note_digest"] = asked.note_digest or (None if note is None else Digest.of(note.encode()))
    if isinstance(body, ContactEmployer):
        return employer.contacted(employer.permission(state, body, now), fields)
    if isinstance(body, ConfirmWorkStatus):
        fields["evidence"] = tuple(_obtained(item, actor) for item in fields["evidence"])
    elif isinstance(body, RecordEvidence):
        fields["evidence"] = _obtained(fields["evidence"], actor)
    return _CHANGE.validate_python({**fields, **_added(state, asked, body, fields), **found})


def _obtained(item: dict[str, Any], actor: str) -> dict[str, Any]:
    """Return evidence with who obtained it: as said, or who records it."""
    return {**item, "obtained_by": item["obtained_by"] or actor}


def _added(  # noqa: PLR0911  one answer a kind
    state: Plan, asked: Asked, body: PlanCommand, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return what coaching adds to a command's own fields; takes away what no event may hold.

    A session is named after the version that records it: that name is never given again, also when it is taken back.
    """
    match body:
        case ChangeConsent():
            return {"event_id": None}
        case RecordSession():
            return {"session_id": f"session-{state.plan_version + 1}"}
        case CorrectFact():
            return {"fields": (), "event_id": None}
        case CompleteReview(scores=scores) if scores:
            return {"reliable_improvement": reviewing.reliable_improvement(scores)}
        case RecordFitNote(fit_note=note):
            del fields["fit_note"]
            plain = FitNote(**note.model_dump())
            return {"sealed": asked.sealed or SealedFitNote(fit_note=Sealed.of(plain))}
        case ChangeBarrier():
            return _barrier(state.plan, asked, body, fields)
    return {}


def _barrier(plan: PlanSnapshot, asked: Asked, body: ChangeBarrier, fields: dict[str, Any]) -> dict[str, Any]:
    del fields["health"]
    known = next((one for one in plan.barriers if one.barrier_id == body.barrier_id), None)
    sealed = asked.sealed
    if sealed is None and body.health is not None:
        sealed = SealedBarrier(health_barrier=Sealed.of(HealthBarrier(condition=body.health)))
    if known is not None:
        return {"area": known.area, "sealed": None}
    named = BarrierArea.WORKPLACE if body.workplace is not None else BarrierArea.SOCIAL
    seen = len(plan.barriers) + plan.counters.barriers_resolved
    area = BarrierArea.HEALTH if sealed is not None else named
    return {"barrier_id": f"barrier-{seen + 1}", "area": area, "sealed": sealed}
