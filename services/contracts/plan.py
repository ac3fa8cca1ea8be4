"""Topic ``plan.updated``: one change of a plan and the plan as it stands after it.

The snapshot holds open items, counters and the latest of each kind, so that it never grows without bound:
two years of weekly use stay under 16 KiB.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.contracts.base import Actor, Code, Common, Count, Ordinal, Record, Slug, Uuid, Work
from services.contracts.codes import AccessibleFormat, Barrier, Channel, EarningsBand, TriageOutcome
from services.contracts.employer_codes import SizeBand
from services.contracts.outcome import Evidence
from services.contracts.plan_change import Goal, PlanChange, StepSpec
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BarrierArea,
    BarrierState,
    BookingState,
    CancelledBy,
    ClosureCode,
    GoalProgress,
    PlanState,
    SessionAttendance,
    StepState,
    WorkplaceBarrier,
)
from services.contracts.plan_item import BarrierId, EmployerNumber, SessionId, StepId, WeeklyHours
from services.contracts.plan_work_change import MAX_ADJUSTMENTS
from services.contracts.referral import Consents, Language
from services.contracts.triage import Package

MAX_OPEN_STEPS = 24
MAX_OPEN_GOALS = 20
MAX_FINISHED_STEPS = 200
MAX_EVIDENCE = 10
MAX_OPEN_BARRIERS = 20
"""How many items a plan may hold; more are refused as commands (409)."""


class Proposal(Record):
    """A triage revision that nobody has confirmed or overridden yet."""

    revision: Ordinal
    outcome: TriageOutcome
    package: Package


class OpenGoal(Goal):
    """A goal that is not met and not dropped."""

    progress: GoalProgress


class Booking(Record):
    """Where a step's newest booking stands, and since when."""

    state: BookingState
    on: date
    booked_for: date | None
    cancelled_by: CancelledBy | None


class OpenStep(StepSpec):
    """A step that is planned or started."""

    state: StepState
    started_on: date | None
    booking: Booking | None = None


class OpenBarrier(Record):
    """A barrier that is not resolved. Which condition one in health is about rests sealed in coaching's database."""

    barrier_id: BarrierId
    area: BarrierArea
    barrier: Barrier | None
    workplace: WorkplaceBarrier | None
    state: BarrierState
    opened_on: date


class PlanAdjustment(Record):
    """Where a workplace adjustment stands, since when, and when to look at it again."""

    adjustment: Adjustment
    state: AdjustmentState
    on: date
    review_on: date | None


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
    barriers_resolved: Count = 0
    bookings_missed: Count = 0
    employer_contacts: Count = 0
    fit_notes: Count = 0


class LatestSession(Record):
    """The last session recorded."""

    session_id: SessionId
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
    weekly_hours: WeeklyHours | None = None
    pay_band: EarningsBand | None = None


class LatestEmployer(Record):
    """The last conversation with an employer."""

    on: date
    employer: EmployerNumber
    size: SizeBand | None
    next_on: date | None


class PlanLatest(Record):
    """The latest of each kind, null until there is one."""

    session: LatestSession | None = None
    step_finished_on: date | None = None
    review: LatestReview | None = None
    work: LatestWork | None = None
    employer: LatestEmployer | None = None
    fit_note_on: date | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=MAX_EVIDENCE)] = ()


class PlanSnapshot(Record):
    """A plan after a change.

    ``revision`` is the newest triage revision seen, ``confirmed_revision`` the one that the coach
    confirmed or overrode, ``proposal`` a newer one that waits for the coach. ``held`` says that a hold
    blocks new steps, ``held_revision`` which revision holds: an acknowledgement of an earlier one releases
    nothing. ``started_on`` is the day on which the person became a participant: the first attended
    session after consent to take part. ``work_at_referral`` is what a change of work is measured against
    (the event's ``work`` is the newest). ``outcomes_until`` is the last day of the outcome window, null
    until the plan closes. ``linked_referral`` is the person's other referral, which is paid for in place of this one
    unless this one ``takes_over``: see :attr:`additional`. ``handed_over_to`` is the programme that took the person
    over. ``language`` and ``formats`` are what the person needs in order to read and take part,
    ``priority_groups`` those of the programme that they belonged to when the plan was made.
    ``latest.fit_note_on`` is the day on which a fit note was last recorded, not a date in it.
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
    barriers: Annotated[tuple[OpenBarrier, ...], Field(max_length=MAX_OPEN_BARRIERS)] = ()
    adjustments: Annotated[tuple[PlanAdjustment, ...], Field(max_length=MAX_ADJUSTMENTS)] = ()
    finished_steps: Annotated[tuple[StepId, ...], Field(max_length=MAX_FINISHED_STEPS)] = ()
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
    takes_over: bool = False
    handed_over_to: Slug | None = None
    language: Language | None = None
    formats: tuple[AccessibleFormat, ...] = ()
    priority_groups: tuple[Code, ...] = ()

    @property
    def additional(self) -> bool:
        """Whether another plan of the person is paid for, and nothing under this one."""
        return self.linked_referral is not None and not self.takes_over


class PlanUpdated(Common):
    """A plan has changed. ``plan_version`` counts from 1 without gaps."""

    plan_version: Ordinal
    state: PlanState
    change: PlanChange
    plan: PlanSnapshot
