"""What intake holds: each kind of aggregate has its own decide and evolve; here a cause finds its kind.

A command says by its ``type`` what it is about (``referral.create``), an event likewise. What another service says is
about referrals.
"""

from datetime import datetime
from typing import Any

from services.intake.domain import referral
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.referral import Referral
from services.kernel.decision import Cause, Draft, Event

State = Referral
"""The kinds, told apart by their field ``kind``."""


def decide(state: Any, cause: Cause, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return what follows. Raises Refused."""
    return referral.decide(state, cause, policy=policy, now=now)


def evolve(state: Any, event: Event) -> Any:
    """Fold one of intake's own events."""
    return referral.evolve(state, event)


def subject(found: Any) -> str | None:
    """Return whose key seals what an aggregate holds: of its state, of a command, of an event."""
    return referral.subject(found)
