"""Changes of a plan's support: recommendation, coach, goals, steps, sessions."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Ordinal, PolicyVersion
from services.contracts.codes import (
    Barrier,
    Channel,
    Support,
    TriageOutcome,
)
from services.contracts.plan_codes import (
    BarrierArea,
    BarrierState,
    BookingState,
    CancelledBy,
    ChangeKind,
    GoalProgress,
    OverrideReason,
    SessionAttendance,
    StepCancellation,
    WorkplaceBarrier,
)
from services.contracts.plan_item import BarrierId, Change, Goal, GoalId, SealedBarrier, SessionId, StepId, StepSpec
from services.contracts.triage import Package, SealedFindings
from services.kernel.sealing.content import Digest


class Proposed(Change):
    """Triage's revision has arrived: a recommendation, or a hold that blocks new steps."""

    kind: Literal[ChangeKind.PROPOSED] = ChangeKind.PROPOSED
    revision: Ordinal
    outcome: TriageOutcome
    package: Package
    alternatives: tuple[Support, ...]
    ruleset: PolicyVersion
    sealed: SealedFindings | None


class RecommendationConfirmed(Change):
    """The coach takes the recommendation of the revision they saw."""

    kind: Literal[ChangeKind.RECOMMENDATION_CONFIRMED] = ChangeKind.RECOMMENDATION_CONFIRMED
    revision: Ordinal


class RecommendationOverridden(Change):
    """The coach decides otherwise than the revision they saw, and why."""

    kind: Literal[ChangeKind.RECOMMENDATION_OVERRIDDEN] = ChangeKind.RECOMMENDATION_OVERRIDDEN
    revision: Ordinal
    reason: OverrideReason
    package: Package
    note_digest: Digest | None


class HoldReleased(Change):
    """Triage's hold of ``revision`` was acknowledged by a named person; new steps are allowed again."""

    kind: Literal[ChangeKind.HOLD_RELEASED] = ChangeKind.HOLD_RELEASED
    revision: Ordinal


class CoachAssigned(Change):
    """A coach holds the plan from now on."""

    kind: Literal[ChangeKind.COACH_ASSIGNED] = ChangeKind.COACH_ASSIGNED
    coach: Actor


class Acknowledged(Change):
    """The provider has taken the referral up; it releases no hold."""

    kind: Literal[ChangeKind.ACKNOWLEDGED] = ChangeKind.ACKNOWLEDGED


class Contacted(Change):
    """Somebody tried to reach the person."""

    kind: Literal[ChangeKind.CONTACTED] = ChangeKind.CONTACTED
    channel: Channel
    reached: bool


class Assessed(Change):
    """The coach's joint assessment took place; its answers go to intake, not here."""

    kind: Literal[ChangeKind.ASSESSED] = ChangeKind.ASSESSED
    channel: Channel


class PlanAgreed(Change):
    """The person and the coach agreed on goals and on steps in sequence."""

    kind: Literal[ChangeKind.PLAN_AGREED] = ChangeKind.PLAN_AGREED
    goals: Annotated[tuple[Goal, ...], Field(max_length=20)]
    steps: Annotated[tuple[StepSpec, ...], Field(max_length=24)]
    review_on: date | None


class GoalSet(Change):
    """A goal was added."""

    kind: Literal[ChangeKind.GOAL_SET] = ChangeKind.GOAL_SET
    goal: Goal


class GoalProgressed(Change):
    """A goal moved."""

    kind: Literal[ChangeKind.GOAL_PROGRESSED] = ChangeKind.GOAL_PROGRESSED
    goal_id: GoalId
    progress: GoalProgress


class BarrierChanged(Change):
    """A barrier appeared, eased or went. Which one it is, is said when it appears: then one of ``barrier`` (social),
    ``workplace`` and ``sealed`` (health) stands there; later only how it stands."""

    kind: Literal[ChangeKind.BARRIER_CHANGED] = ChangeKind.BARRIER_CHANGED
    barrier_id: BarrierId
    state: BarrierState
    area: BarrierArea
    barrier: Barrier | None
    workplace: WorkplaceBarrier | None
    sealed: SealedBarrier | None


class StepAdded(Change):
    """A step was added to the agreed ones."""

    kind: Literal[ChangeKind.STEP_ADDED] = ChangeKind.STEP_ADDED
    step: StepSpec


class StepStarted(Change):
    """A step began."""

    kind: Literal[ChangeKind.STEP_STARTED] = ChangeKind.STEP_STARTED
    step_id: StepId


class StepFinished(Change):
    """A step is done."""

    kind: Literal[ChangeKind.STEP_FINISHED] = ChangeKind.STEP_FINISHED
    step_id: StepId


class StepCancelled(Change):
    """A step will not be done."""

    kind: Literal[ChangeKind.STEP_CANCELLED] = ChangeKind.STEP_CANCELLED
    step_id: StepId
    reason: StepCancellation


class BookingChanged(Change):
    """A booking for a step moved; ``booked_for`` null = no day yet. ``cancelled_by``: who called it off."""

    kind: Literal[ChangeKind.BOOKING_CHANGED] = ChangeKind.BOOKING_CHANGED
    step_id: StepId
    booking: BookingState
    booked_for: date | None
    cancelled_by: CancelledBy | None


class SessionRecorded(Change):
    """A session was attended, missed or cancelled; minutes are 0 unless attended."""

    kind: Literal[ChangeKind.SESSION_RECORDED] = ChangeKind.SESSION_RECORDED
    session_id: SessionId
    attendance: SessionAttendance
    minutes: Annotated[int, Field(ge=0, le=1440)]
    channel: Channel
    step_id: StepId | None
