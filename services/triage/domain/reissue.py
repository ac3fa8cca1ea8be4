"""A command read back from its event, so that a replay can issue it again and compare the bytes."""

from services.contracts.triage import TriageAcknowledged
from services.kernel.decision import Command
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge


def reissue(data: TriageAcknowledged, cause_id: str) -> Command:
    """Return the command that led to ``data``; ``cause_id`` is the event's ``causationid``.

    Issued at ``acknowledged_at`` on the state before it, the command gives the same events.
    """
    return Command(cause_id, ACKNOWLEDGE, data.referral_id, Acknowledge(revision=data.revision), data.by)
