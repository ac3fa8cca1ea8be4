"""Topic ``plan.updated``: one change of a plan and the plan as it stands after it.

The snapshot holds open items, counters and the latest of each kind, so that it never grows without bound:
two years of weekly use stay under 16 KiB.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.contracts.base import Actor, Common, Count, Ordinal, Record, Uuid, Work
from services.contracts.codes import Channel, TriageOutcome
from services.contracts.outcome import Evidence
from services.contracts.plan_change import Goal, ItemId, PlanChange, StepSpec
from services.contracts.plan_codes import ClosureCode, GoalProgress, PlanState, SessionAttendance, StepState
from services.contracts.referral import Consents
from services.contracts.triage import Package

MAX_OPEN_STEPS = 40
MAX_OPEN_GOALS = 20
MAX_FINISHED_STEPS = 200
MAX_EVIDENCE = 10
"""How many items a plan may hold; more are refused as commands (409)."""


class Proposal(Record):
    """A triage revision that nobody has confirmed or overridden yet."""

    revision: Ordinal
    outcome: TriageOutcome
    package: Package


class OpenGoal(Goal):
    """A goal that is not met and not dropped."""

    progress: GoalProgress


class OpenStep(StepSpec):
    """A step that is planned or started."""

    state: StepState
    started_on: date | None


class PlanCounters(Record):
    """What has been done so far; minutes of attended sessions."""

    sessions_attended: Count = 0
    sessions_missed: Count = 0
    sessions_cancelled: Count = 0
    minutes: Count = 0
    steps_finished: Count = 0
    steps_cancelled: Count = 0
    goals_met: Count = 0
    reviews: Count = 0
    evidence: Count = 0


class LatestSession(Record):
    """The last session recorded."""

    session_id: ItemId
    on: date
    attendance: SessionAttendance
    channel: Channel


class LatestReview(Record):
    """The last review completed."""

    on: date
    reliable_improvement: bool | None


class LatestWork(Record):
    """The last change or confirmation of work."""

    on: date
    work: Work
    confirmed: bool


class PlanLatest(Record):
    """The latest of each kind, null until there is one."""

    session: LatestSession | None = None
    step_finished_on: date | None = None
    review: LatestReview | None = None
    work: LatestWork | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=MAX_EVIDENCE)] = ()


class PlanSnapshot(Record):
    """A plan after a change.

    ``revision`` is the newest triage revision seen, ``confirmed_revision`` the one that the coach
    confirmed or overrode, ``proposal`` a newer one that waits for the coach. ``held`` says that a hold
    blocks new steps, ``held_revision`` which revision holds: an acknowledgement of an earlier one releases
    nothing. ``started_on`` is the day on which the person became a participant: the first attended
    session after consent to take part. ``work_at_referral`` is what a change of work is measured against
    (the event's ``work`` is the newest). ``outcomes_until`` is the last day of the outcome window, null
    until the plan closes. ``linked_referral`` is the open referral of the same person that this one is additional to:
    nothing is paid under it.
    """

    revision: Ordinal
    confirmed_revision: Ordinal | None = None
    proposal: Proposal | None = None
    held: bool = False
    held_revision: Ordinal | None = None
    package: Package = ()
    coach: Actor | None = None
    goals: Annotated[tuple[OpenGoal, ...], Field(max_length=MAX_OPEN_GOALS)] = ()
    steps: Annotated[tuple[OpenStep, ...], Field(max_length=MAX_OPEN_STEPS)] = ()
    finished_steps: Annotated[tuple[ItemId, ...], Field(max_length=MAX_FINISHED_STEPS)] = ()
    counters: PlanCounters = PlanCounters()
    latest: PlanLatest = PlanLatest()
    consents: Consents | None = None
    acknowledged_on: date | None = None
    confirmed_on: date | None = None
    agreed_on: date | None = None
    review_on: date | None = None
    started_on: date | None = None
    closed_on: date | None = None
    closure: ClosureCode | None = None
    outcomes_until: date | None = None
    work_at_referral: Work | None = None
    linked_referral: Uuid | None = None


class PlanUpdated(Common):
    """A plan has changed. ``plan_version`` counts from 1 without gaps."""

    plan_version: Ordinal
    state: PlanState
    change: PlanChange
    plan: PlanSnapshot
