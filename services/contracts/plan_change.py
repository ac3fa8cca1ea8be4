"""What happened to a plan: one model for each kind, the whole command in codes.

A replay can issue the command again from it. Free text is present only as ``note_digest``, an HMAC under
the person's key. ``by`` is null where no person acted (an event from triage led to it).
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Code, Ordinal, PolicyVersion, Record, Sha256, Slug, Uuid, Work
from services.contracts.codes import (
    Barrier,
    Channel,
    ConsentKind,
    Intensity,
    Support,
    TriageOutcome,
    WithdrawalReason,
)
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BarrierState,
    BookingState,
    ChangeKind,
    ClosureCode,
    CorrectionReason,
    Fitness,
    FitNoteIssuer,
    GoalProgress,
    GoalTheme,
    OverrideReason,
    PauseReason,
    ReopenReason,
    SessionAttendance,
    StepCancellation,
)
from services.contracts.triage import Findings, Package

ItemId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,35}$")]
"""The id of a goal, step or session within its plan: a short name or a UUID."""

WeeklyHours = Annotated[int, Field(ge=0, le=168)]


class Goal(Record):
    """A goal of a plan; ``target_on`` null = no day was set."""

    goal_id: ItemId
    theme: GoalTheme
    target_on: date | None


class StepSpec(Record):
    """A step as agreed; ``after`` are the ids of the steps that must be finished first."""

    step_id: ItemId
    support: Support
    intensity: Intensity | None
    after: tuple[ItemId, ...]
    due_on: date | None


class Change(Record):
    """What all changes say: who did it and on which London day it happened."""

    by: Actor | None
    occurred_on: date


class Proposed(Change):
    """Triage's revision has arrived: a recommendation, or a hold that blocks new steps."""

    kind: Literal[ChangeKind.PROPOSED] = ChangeKind.PROPOSED
    revision: Ordinal
    outcome: TriageOutcome
    package: Package
    alternatives: tuple[Support, ...]
    ruleset: PolicyVersion
    sealed: Findings | None


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
    note_digest: Sha256 | None


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
    steps: Annotated[tuple[StepSpec, ...], Field(max_length=40)]
    review_on: date | None


class GoalSet(Change):
    """A goal was added."""

    kind: Literal[ChangeKind.GOAL_SET] = ChangeKind.GOAL_SET
    goal: Goal


class GoalProgressed(Change):
    """A goal moved."""

    kind: Literal[ChangeKind.GOAL_PROGRESSED] = ChangeKind.GOAL_PROGRESSED
    goal_id: ItemId
    progress: GoalProgress


class BarrierChanged(Change):
    """A barrier appeared, eased or went."""

    kind: Literal[ChangeKind.BARRIER_CHANGED] = ChangeKind.BARRIER_CHANGED
    barrier: Barrier
    state: BarrierState


class StepAdded(Change):
    """A step was added to the agreed ones."""

    kind: Literal[ChangeKind.STEP_ADDED] = ChangeKind.STEP_ADDED
    step: StepSpec


class StepStarted(Change):
    """A step began."""

    kind: Literal[ChangeKind.STEP_STARTED] = ChangeKind.STEP_STARTED
    step_id: ItemId


class StepFinished(Change):
    """A step is done."""

    kind: Literal[ChangeKind.STEP_FINISHED] = ChangeKind.STEP_FINISHED
    step_id: ItemId


class StepCancelled(Change):
    """A step will not be done."""

    kind: Literal[ChangeKind.STEP_CANCELLED] = ChangeKind.STEP_CANCELLED
    step_id: ItemId
    reason: StepCancellation


class BookingChanged(Change):
    """A booking for a step moved; ``booked_for`` null = no day yet or none any more."""

    kind: Literal[ChangeKind.BOOKING_CHANGED] = ChangeKind.BOOKING_CHANGED
    step_id: ItemId
    booking: BookingState
    booked_for: date | None


class SessionRecorded(Change):
    """A session was attended, missed or cancelled; minutes are 0 unless attended."""

    kind: Literal[ChangeKind.SESSION_RECORDED] = ChangeKind.SESSION_RECORDED
    session_id: ItemId
    attendance: SessionAttendance
    minutes: Annotated[int, Field(ge=0, le=1440)]
    channel: Channel
    step_id: ItemId | None


class AdjustmentChanged(Change):
    """A workplace adjustment moved."""

    kind: Literal[ChangeKind.ADJUSTMENT_CHANGED] = ChangeKind.ADJUSTMENT_CHANGED
    adjustment: Adjustment
    state: AdjustmentState


class EmployerContacted(Change):
    """The employer was spoken to, which the third consent allows."""

    kind: Literal[ChangeKind.EMPLOYER_CONTACTED] = ChangeKind.EMPLOYER_CONTACTED
    channel: Channel


class FitNote(Record):
    """What a fit note (Med3) says; travels sealed."""

    fitness: Fitness
    adjustments: tuple[Adjustment, ...]
    from_on: date
    to_on: date
    issuer: FitNoteIssuer


class SealedFitNote(Record):
    """The sealed part of a recorded fit note."""

    fit_note: FitNote


class FitNoteRecorded(Change):
    """A fit note was seen."""

    kind: Literal[ChangeKind.FIT_NOTE_RECORDED] = ChangeKind.FIT_NOTE_RECORDED
    sealed: SealedFitNote


class ReviewCompleted(Change):
    """A review took place. ``reliable_improvement`` null = not measured; a score never leaves coaching."""

    kind: Literal[ChangeKind.REVIEW_COMPLETED] = ChangeKind.REVIEW_COMPLETED
    reliable_improvement: bool | None
    next_review_on: date | None


class WorkStatusChanged(Change):
    """The person says that their work has changed."""

    kind: Literal[ChangeKind.WORK_STATUS_CHANGED] = ChangeKind.WORK_STATUS_CHANGED
    work: Work
    weekly_hours: WeeklyHours | None


class WorkStatusConfirmed(Change):
    """The work status is confirmed with evidence: an outcome may follow. ``since`` = first day of it."""

    kind: Literal[ChangeKind.WORK_STATUS_CONFIRMED] = ChangeKind.WORK_STATUS_CONFIRMED
    work: Work
    since: date | None
    weekly_hours: WeeklyHours | None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)]


class EvidenceRecorded(Change):
    """Evidence was obtained, for the milestone that ``milestone`` names (null: not yet known)."""

    kind: Literal[ChangeKind.EVIDENCE_RECORDED] = ChangeKind.EVIDENCE_RECORDED
    evidence: Evidence
    milestone: Code | None


class ConsentChanged(Change):
    """A consent was given to the coach or withdrawn, or the change came from intake."""

    kind: Literal[ChangeKind.CONSENT_CHANGED] = ChangeKind.CONSENT_CHANGED
    consent: ConsentKind
    given: bool
    channel: Channel | None


class NoteRecorded(Change):
    """A note was written; its text stays in coaching's database."""

    kind: Literal[ChangeKind.NOTE_RECORDED] = ChangeKind.NOTE_RECORDED
    note_digest: Sha256


class Paused(Change):
    """The plan rests."""

    kind: Literal[ChangeKind.PAUSED] = ChangeKind.PAUSED
    reason: PauseReason
    until: date | None


class Resumed(Change):
    """The plan goes on."""

    kind: Literal[ChangeKind.RESUMED] = ChangeKind.RESUMED


class HandedOver(Change):
    """Another provider or coach takes the plan."""

    kind: Literal[ChangeKind.HANDED_OVER] = ChangeKind.HANDED_OVER
    provider: Slug | None
    coach: Actor | None


class Closed(Change):
    """Support has ended."""

    kind: Literal[ChangeKind.CLOSED] = ChangeKind.CLOSED
    closure: ClosureCode


class Withdrawn(Change):
    """The person no longer takes part, or the referral was taken back."""

    kind: Literal[ChangeKind.WITHDRAWN] = ChangeKind.WITHDRAWN
    reason: WithdrawalReason


class Reopened(Change):
    """A closed plan is open again."""

    kind: Literal[ChangeKind.REOPENED] = ChangeKind.REOPENED
    reason: ReopenReason


class Corrected(Change):
    """An earlier entry was wrong; ``refers_to`` is its plan version (null: a fact of intake's)."""

    kind: Literal[ChangeKind.CORRECTED] = ChangeKind.CORRECTED
    refers_to: Ordinal | None
    fields: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,64}$")], ...]
    reason: CorrectionReason | None
    event_id: Uuid | None


PlanChange = Annotated[
    Proposed
    | RecommendationConfirmed
    | RecommendationOverridden
    | HoldReleased
    | CoachAssigned
    | Acknowledged
    | Contacted
    | Assessed
    | PlanAgreed
    | GoalSet
    | GoalProgressed
    | BarrierChanged
    | StepAdded
    | StepStarted
    | StepFinished
    | StepCancelled
    | BookingChanged
    | SessionRecorded
    | AdjustmentChanged
    | EmployerContacted
    | FitNoteRecorded
    | ReviewCompleted
    | WorkStatusChanged
    | WorkStatusConfirmed
    | EvidenceRecorded
    | ConsentChanged
    | NoteRecorded
    | Paused
    | Resumed
    | HandedOver
    | Closed
    | Withdrawn
    | Reopened
    | Corrected,
    Field(discriminator="kind"),
]
"""Any change of a plan; ``match`` on the class."""
