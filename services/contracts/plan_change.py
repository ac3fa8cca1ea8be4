"""What happened to a plan: one model for each kind, the whole command in codes.

A replay can issue the command again from it. Free text is present only as ``note_digest``, an HMAC under
the person's key. ``by`` is null where no person acted (an event from triage led to it).
"""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal, Never, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from services.contracts.base import Actor, Code, Ordinal, Slug, Uuid, Work
from services.contracts.codes import (
    Channel,
    ConsentKind,
    WithdrawalReason,
)
from services.contracts.consent import AlwaysValidated, EmployerPermission, NotPermitted, proven
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    ChangeKind,
    ClosureCode,
    CorrectionReason,
    PauseReason,
    ReopenReason,
)
from services.contracts.plan_item import Change, FitNote, Goal, ItemId, SealedFitNote, StepSpec, WeeklyHours
from services.contracts.plan_support_change import (
    Acknowledged,
    Assessed,
    BarrierChanged,
    BookingChanged,
    CoachAssigned,
    Contacted,
    GoalProgressed,
    GoalSet,
    HoldReleased,
    PlanAgreed,
    Proposed,
    RecommendationConfirmed,
    RecommendationOverridden,
    SessionRecorded,
    StepAdded,
    StepCancelled,
    StepFinished,
    StepStarted,
)
from services.kernel.sealing.content import Digest

__all__ = [
    "Acknowledged",
    "AdjustmentChanged",
    "Assessed",
    "BarrierChanged",
    "BookingChanged",
    "Change",
    "Closed",
    "CoachAssigned",
    "ConsentChanged",
    "Contacted",
    "Corrected",
    "EmployerContacted",
    "EvidenceRecorded",
    "FitNote",
    "FitNoteRecorded",
    "Goal",
    "GoalProgressed",
    "GoalSet",
    "HandedOver",
    "HoldReleased",
    "ItemId",
    "NoteRecorded",
    "Paused",
    "PlanAgreed",
    "PlanChange",
    "Proposed",
    "RecommendationConfirmed",
    "RecommendationOverridden",
    "Reopened",
    "Resumed",
    "ReviewCompleted",
    "SealedFitNote",
    "SessionRecorded",
    "StepAdded",
    "StepCancelled",
    "StepFinished",
    "StepSpec",
    "StepStarted",
    "WeeklyHours",
    "Withdrawn",
    "WorkStatusChanged",
    "WorkStatusConfirmed",
]


class AdjustmentChanged(Change):
    """A workplace adjustment moved."""

    kind: Literal[ChangeKind.ADJUSTMENT_CHANGED] = ChangeKind.ADJUSTMENT_CHANGED
    adjustment: Adjustment
    state: AdjustmentState


class EmployerContacted(AlwaysValidated, Change):
    """The employer was spoken to, which the third consent allows."""

    kind: Literal[ChangeKind.EMPLOYER_CONTACTED] = ChangeKind.EMPLOYER_CONTACTED
    channel: Channel
    _passed: bool = PrivateAttr(default=False)

    if TYPE_CHECKING:

        def __init__(self, nobody: Never) -> None: ...

    @classmethod
    def under(cls, permission: EmployerPermission, *, by: Actor | None, occurred_on: date, channel: Channel) -> Self:
        """Return a new change; others are read from events.

        Raises NotPermitted unless the permission is for the day of the contact.
        """
        if proven(permission).on != occurred_on:
            raise NotPermitted("the permission is for another day than the contact")
        return cls.model_validate({"by": by, "occurred_on": occurred_on, "channel": channel}, context=permission)

    @model_validator(mode="after")
    def _read_or_permitted(self, info: ValidationInfo) -> Self:
        """Let through what an event says, and what :meth:`under` makes; nothing else of Python's making."""
        if info.mode == "python" and not self._passed:
            proven(info.context)
        self._passed = True
        return self


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
    """A consent was given or withdrawn: to the coach (``event_id`` null), or to intake, in that event."""

    kind: Literal[ChangeKind.CONSENT_CHANGED] = ChangeKind.CONSENT_CHANGED
    consent: ConsentKind
    given: bool
    channel: Channel | None
    event_id: Uuid | None


class NoteRecorded(Change):
    """A note was written; its text stays in coaching's database."""

    kind: Literal[ChangeKind.NOTE_RECORDED] = ChangeKind.NOTE_RECORDED
    note_digest: Digest


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
