"""A command read back from its event, so that a replay can issue it again and compare the bytes."""

from typing import Any

from pydantic import TypeAdapter

from services.coaching.domain.commands import Asked, PlanCommand
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import ChangeKind
from services.kernel.decision import Command, Event

COMMAND_TYPE = "plan.command"

_COMMAND: TypeAdapter[PlanCommand] = TypeAdapter(PlanCommand)
_ADDED_BY_COACHING = {"by", "note_digest", "session_id", "event_id"}


def reissue(event: Event, cause_id: str) -> Command:
    """Return the command that led to ``event``; ``cause_id`` is the event's ``causationid``.

    Only for an event that a command caused (its causation id is no event's): issued at the event's time
    on the state before it, the command gives the same event. Raises ValidationError for a kind without
    a command. A note's text is not needed: its digest stands in for it.
    """
    data: PlanUpdated = event.data
    change = data.change
    fields: dict[str, Any] = change.model_dump(exclude=_ADDED_BY_COACHING)
    digest = getattr(change, "note_digest", None)
    if change.kind is ChangeKind.NOTE_RECORDED:
        fields["note"] = "not in the event"
    asked = Asked(_COMMAND.validate_python(fields), note_digest=digest)
    return Command(cause_id, COMMAND_TYPE, event.key, asked, change.by or "")
