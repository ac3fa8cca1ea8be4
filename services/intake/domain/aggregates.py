"""What intake holds: each kind of aggregate has its own decide and evolve; here a cause finds its kind.

The types of commands (``invitation.invite``) and of events (``uk.workhealth.invitation.updated.v1``) begin with what
they are about. What another service says is about referrals.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.intake.domain import (
    employer,
    employer_asked,
    handed_over,
    invitation,
    invitation_asked,
    referral,
    standing,
)
from services.intake.domain.employer import Employer
from services.intake.domain.invitation import Invitation
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.standing import Referral
from services.kernel.decision import Cause, Command, Draft, Event, Reason, Refused

State = Annotated[Referral | Invitation | Employer, Field(discriminator="kind")]
"""The kinds, told apart by their field ``kind``."""


def kind_of(type_: str) -> str:
    """Return which kind of aggregate a command or one of intake's own events is about."""
    return type_.removeprefix("uk.workhealth.").partition(".")[0]


def decide(state: Any, cause: Cause, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return what follows. Raises Refused."""
    if not isinstance(cause, Command):
        return handed_over.decide(state, cause, policy=policy, now=now)
    kind = kind_of(cause.type)
    if state is not None and state.kind != kind:
        raise Refused(Reason(f"{kind}_unknown", f"there is no such {kind}"), status=404)
    match kind:
        case "invitation":
            return invitation.decide(state, cause, policy=policy, now=now)
        case "employer":
            return employer.decide(state, cause, policy=policy, now=now)
    return referral.decide(state, cause, policy=policy, now=now)


def evolve(state: Any, event: Event) -> Any:
    """Fold one of intake's own events."""
    match kind_of(event.type):
        case "invitation":
            return invitation.evolve(state, event)
        case "employer":
            return employer.evolve(state, event)
    return standing.evolve(state, event)


def subject(found: Any) -> str | None:
    """Return whose key seals what is held, of a state, a command or an event; None: it is about nobody."""
    return referral.subject(found) or invitation.subject(found)


def reissue(event: Event, cause_id: str) -> Command | None:
    """Return the command that led to an event; None for a referral's, whose command identifies a person."""
    match kind_of(event.type):
        case "invitation":
            return invitation_asked.reissue(event, cause_id)
        case "employer":
            return employer_asked.reissue(event, cause_id)
    return None
