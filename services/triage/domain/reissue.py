"""A command read back from its event, so that a replay can issue it again and compare the bytes."""

from services.contracts.triage import TriageAcknowledged
from services.kernel.decision import Command, Event
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge


def reissue(event: Event, cause_id: str) -> Command:
    """Return the acknowledgement that led to ``event``; ``cause_id`` is the event's ``causationid``.

    Issued at ``acknowledged_at`` on the state before it, the command gives the same events.
    """
    data: TriageAcknowledged = event.data
    return Command(cause_id, ACKNOWLEDGE, event.key, Acknowledge(revision=data.revision, actions=data.actions), data.by)
