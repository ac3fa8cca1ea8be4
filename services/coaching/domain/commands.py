"""What a coach may ask of a plan: one model for each kind, with the fields of its change.

The fields of a kind here are those of the change of that kind in ``services.contracts`` (a test holds it),
without what coaching adds (who, the id of a session) and with a note's text in place of its digest.
Unknown fields are refused, and nothing is converted: ``"1"`` is no number and ``1`` no date.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from services.coaching.domain.command_fields import (
    CommandBody,
    Day,
    Flag,
    GoalFields,
    Minutes,
    Note,
    OptionalNote,
    PackageFields,
    Revision,
    StepFields,
)
from services.coaching.domain.support_commands import ChangeBarrier, ChangeBooking, HandOver
from services.coaching.domain.work_commands import (
    ChangeAdjustment,
    ChangeWorkStatus,
    CompleteReview,
    ConfirmWorkStatus,
    ContactEmployer,
    RecordEvidence,
    RecordFitNote,
)
from services.contracts.base import Actor, Ordinal
from services.contracts.codes import Channel, ConsentKind, WithdrawalReason
from services.contracts.plan import MAX_OPEN_GOALS, MAX_OPEN_STEPS
from services.contracts.plan_codes import (
    ChangeKind,
    ClosureCode,
    CorrectionReason,
    GoalProgress,
    OverrideReason,
    PauseReason,
    ReopenReason,
    SessionAttendance,
    StepCancellation,
)
from services.contracts.plan_item import GoalId, SealedBarrier, SealedFitNote, StepId
from services.kernel.sealing.content import Digest


class ConfirmRecommendation(CommandBody):
    """Take the recommendation of the revision that you saw. You become the coach if the plan has none."""

    kind: Literal[ChangeKind.RECOMMENDATION_CONFIRMED]
    revision: Revision


class OverrideRecommendation(CommandBody):
    """Decide otherwise than the revision that you saw. You become the coach if the plan has none."""

    kind: Literal[ChangeKind.RECOMMENDATION_OVERRIDDEN]
    revision: Revision
    reason: Annotated[OverrideReason, Field(description="Why you depart from the recommendation.")]
    package: PackageFields
    note: OptionalNote = None


class AssignCoach(CommandBody):
    """Give the plan to a coach."""

    kind: Literal[ChangeKind.COACH_ASSIGNED]
    coach: Annotated[Actor, Field(description="The coach's pseudonymous subject, as in their token.")]


class Acknowledge(CommandBody):
    """Say that the provider has taken the referral up. It releases no hold."""

    kind: Literal[ChangeKind.ACKNOWLEDGED]


class RecordContact(CommandBody):
    """Record an attempt to reach the person."""

    kind: Literal[ChangeKind.CONTACTED]
    channel: Channel
    reached: Flag


class RecordAssessment(CommandBody):
    """Record that the joint assessment took place; its answers go to intake."""

    kind: Literal[ChangeKind.ASSESSED]
    channel: Channel


class AgreePlan(CommandBody):
    """Record what the person and the coach agreed: goals, and steps in sequence."""

    kind: Literal[ChangeKind.PLAN_AGREED]
    goals: Annotated[tuple[GoalFields, ...], Field(min_length=1, max_length=MAX_OPEN_GOALS)]
    steps: Annotated[tuple[StepFields, ...], Field(min_length=1, max_length=MAX_OPEN_STEPS)]
    review_on: Annotated[Day | None, Field(description="Null: by the programme's review rhythm.")] = None


class SetGoal(CommandBody):
    """Add a goal."""

    kind: Literal[ChangeKind.GOAL_SET]
    goal: GoalFields


class ProgressGoal(CommandBody):
    """Say how a goal stands; met and dropped goals leave the plan."""

    kind: Literal[ChangeKind.GOAL_PROGRESSED]
    goal_id: GoalId
    progress: GoalProgress


class AddStep(CommandBody):
    """Add a step; it may wait for open and for finished ones."""

    kind: Literal[ChangeKind.STEP_ADDED]
    step: StepFields


class StartStep(CommandBody):
    """Start a step whose predecessors are all finished."""

    kind: Literal[ChangeKind.STEP_STARTED]
    step_id: StepId


class FinishStep(CommandBody):
    """Finish a started step."""

    kind: Literal[ChangeKind.STEP_FINISHED]
    step_id: StepId


class CancelStep(CommandBody):
    """Cancel an open step that no other open step waits for."""

    kind: Literal[ChangeKind.STEP_CANCELLED]
    step_id: StepId
    reason: StepCancellation


class RecordSession(CommandBody):
    """Record a session; coaching numbers it."""

    kind: Literal[ChangeKind.SESSION_RECORDED]
    attendance: SessionAttendance
    minutes: Minutes = 0
    channel: Channel
    step_id: Annotated[StepId | None, Field(description="The step that the session was part of.")] = None


class ChangeConsent(CommandBody):
    """Record a consent given to the coach or withdrawn. Without consent to take part the plan ends."""

    kind: Literal[ChangeKind.CONSENT_CHANGED]
    consent: ConsentKind
    given: Flag
    channel: Channel | None = None


class RecordNote(CommandBody):
    """Write a note. Its text stays in coaching's database; the event says only that there is one."""

    kind: Literal[ChangeKind.NOTE_RECORDED]
    note: Note


class PausePlan(CommandBody):
    """Let the plan rest."""

    kind: Literal[ChangeKind.PAUSED]
    reason: PauseReason
    until: Annotated[Day | None, Field(description="The day on which it is to go on; null: open.")] = None


class ResumePlan(CommandBody):
    """Go on with a paused plan."""

    kind: Literal[ChangeKind.RESUMED]


class ClosePlan(CommandBody):
    """End the support."""

    kind: Literal[ChangeKind.CLOSED]
    closure: Annotated[ClosureCode, Field(description="The closure code of the Talking Therapies data set.")]


class WithdrawPlan(CommandBody):
    """Record that the person no longer takes part."""

    kind: Literal[ChangeKind.WITHDRAWN]
    reason: WithdrawalReason


class ReopenPlan(CommandBody):
    """Open a closed plan again, within 28 days of its closing."""

    kind: Literal[ChangeKind.REOPENED]
    reason: ReopenReason


class CorrectFact(CommandBody):
    """Take back what was recorded wrongly, with what it had earned; record the right fact as one of its own."""

    kind: Literal[ChangeKind.CORRECTED]
    refers_to: Annotated[
        Ordinal, Field(strict=True, description="The plan version that recorded it: one of the plan's `facts`.")
    ]
    reason: CorrectionReason


PlanCommand = Annotated[
    ConfirmRecommendation
    | OverrideRecommendation
    | AssignCoach
    | Acknowledge
    | RecordContact
    | RecordAssessment
    | AgreePlan
    | SetGoal
    | ProgressGoal
    | AddStep
    | StartStep
    | FinishStep
    | CancelStep
    | ChangeBarrier
    | ChangeBooking
    | RecordSession
    | ChangeAdjustment
    | ContactEmployer
    | RecordFitNote
    | CompleteReview
    | ChangeWorkStatus
    | ConfirmWorkStatus
    | RecordEvidence
    | ChangeConsent
    | RecordNote
    | PausePlan
    | ResumePlan
    | HandOver
    | ClosePlan
    | WithdrawPlan
    | ReopenPlan
    | CorrectFact,
    Field(discriminator="kind"),
]
"""Any command on a plan."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as ``decide`` gets it.

    ``expected_version`` is what the sender saw (If-Match), None: whatever is there. ``note_digest`` stands in
    for a note whose text a replay does not have, ``sealed`` for what stands sealed in the event that is issued again.
    """

    command: PlanCommand
    expected_version: int | None = None
    note_digest: Digest | None = None
    sealed: SealedBarrier | SealedFitNote | None = None
