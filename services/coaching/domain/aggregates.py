"""What coaching holds: plans and coaches, each with its own decide and evolve; here a cause finds its kind.

The types of commands (``coach.take_plan``) and of events (``uk.workhealth.coach.changed.v1``) begin with what they are
about. What another service says is about plans only: a coach is moved by commands alone.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.coaching.domain import deciding, plan, reissue
from services.coaching.domain.caseload import asked, coach
from services.coaching.domain.caseload.coach import Coach
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy
from services.kernel.decision import Cause, Command, Draft, Event, Reason, Refused

State = Annotated[Plan | Coach, Field(discriminator="kind")]
"""The kinds, told apart by their field ``kind``."""

_UNKNOWN = {
    "plan": Reason("plan_not_found", "there is no plan of this referral"),
    "coach": Reason("coach_unknown", "there is no such coach; register them first"),
}


class KeyTaken(Exception):
    """A referral has come whose id somebody has registered as a coach's. It becomes a dead letter, which is seen."""


def kind_of(type_: str) -> str:
    """Return which kind of aggregate a command or one of coaching's own events is about."""
    return type_.removeprefix("uk.workhealth.").partition(".")[0]


def decide(state: Any, cause: Cause, *, policy: CoachingPolicy, now: datetime) -> list[Draft]:
    """Return what follows. Raises Refused for a command only, KeyTaken for an event about a referral."""
    if not isinstance(cause, Command):
        if isinstance(state, Coach):
            raise KeyTaken("a coach is registered under this referral's id: the referral would be lost in silence")
        return deciding.decide(state, cause, policy=policy, now=now)
    kind = kind_of(cause.type)
    if state is not None and state.kind != kind:
        raise Refused(_UNKNOWN[kind], status=404)
    if kind == "coach":
        return coach.decide(state, cause, now=now)
    return deciding.decide(state, cause, policy=policy, now=now)


def evolve(state: Any, event: Event) -> Any:
    """Fold one of coaching's own events."""
    return coach.evolve(state, event) if kind_of(event.type) == "coach" else plan.evolve(state, event)


def again(event: Event, cause_id: str) -> Command:
    """Return the command that led to an event, so that a replay can issue it again."""
    if kind_of(event.type) == "coach":
        return asked.reissue(event, cause_id)
    return reissue.reissue(event, cause_id)
