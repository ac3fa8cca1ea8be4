"""A command read back from its event, so that a replay can issue it again and compare the bytes."""

from typing import Any

from pydantic import TypeAdapter

from services.coaching.domain.commands import Asked, PlanCommand
from services.contracts.codes import Condition
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import BarrierChanged, Corrected
from services.contracts.plan_codes import ChangeKind
from services.contracts.plan_item import SealedBarrier, SealedFitNote
from services.kernel.decision import Command, Event

COMMAND_TYPE = "plan.command"

_COMMAND: TypeAdapter[PlanCommand] = TypeAdapter(PlanCommand)
_ADDED_BY_COACHING = {"by", "note_digest", "session_id", "event_id", "sealed", "area", "fields", "took_back"}


def reissue(event: Event, cause_id: str) -> Command:
    """Return the command that led to ``event``; ``cause_id`` is the event's ``causationid``.

    Only for an event that a command caused (its causation id is no event's): issued at the event's time
    on the state before it, the command gives the same event. Raises ValidationError for a kind without
    a command. A note's text is not needed: its digest stands in for it; so does what is sealed, so that a replay needs
    no key. Scores of a review are in no event: what followed from them stands there as a judgement.
    """
    data: PlanUpdated = event.data
    change = data.change
    added = _ADDED_BY_COACHING | ({"evidence"} if isinstance(change, Corrected) else set())
    fields: dict[str, Any] = change.model_dump(exclude=added)
    digest = getattr(change, "note_digest", None)
    day = change.occurred_on
    if change.kind is ChangeKind.NOTE_RECORDED:
        fields["note"] = "not in the event"
    sealed = getattr(change, "sealed", None)
    if isinstance(change, BarrierChanged) and (change.barrier or change.workplace or sealed):
        fields["barrier_id"] = None  # it appeared: coaching gave it its number
    if isinstance(sealed, SealedBarrier):
        fields["health"] = Condition.OTHER
    elif isinstance(sealed, SealedFitNote):
        fields["fit_note"] = {"fitness": "not_fit", "from_on": day, "to_on": day, "issuer": "doctor"}
    asked = Asked(_COMMAND.validate_python(fields), note_digest=digest, sealed=sealed)
    return Command(cause_id, COMMAND_TYPE, event.key, asked, change.by or "")
