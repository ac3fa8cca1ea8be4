"""What happened to a plan: one model for each kind, the whole command in codes.

A replay can issue the command again from it. Free text is present only as ``note_digest``, an HMAC under
the person's key. ``by`` is null where no person acted (an event from triage led to it).
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Ordinal, Slug, Uuid
from services.contracts.codes import (
    Channel,
    ConsentKind,
    WithdrawalReason,
)
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import (
    ChangeKind,
    ClosureCode,
    CorrectionReason,
    PauseReason,
    ReopenReason,
)
from services.contracts.plan_item import (
    Change,
    FitNote,
    Goal,
    SealedBarrier,
    SealedFitNote,
    StepSpec,
    WeeklyHours,
)
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
from services.contracts.plan_work_change import (
    AdjustmentChanged,
    EmployerContacted,
    EvidenceRecorded,
    FitNoteRecorded,
    ReviewCompleted,
    WorkStatusChanged,
    WorkStatusConfirmed,
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
    "SealedBarrier",
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
    """Another programme takes the person over: the plan closes, and intake makes a linked referral there.

    ``channel``: how the person said that they want to take part in it. ``locality`` and ``provider`` are those of the
    other programme (null: it has none; by its list).
    """

    kind: Literal[ChangeKind.HANDED_OVER] = ChangeKind.HANDED_OVER
    programme: Slug
    locality: Slug | None
    provider: Slug | None
    channel: Channel


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
    """An earlier entry was wrong.

    A coach took it back: ``refers_to`` is its plan version, ``took_back`` its kind, ``evidence`` what it had shown; the
    right one follows as a fact of its own. Or (null) intake has set right ``fields`` of the referral, in the event
    ``event_id``.
    """

    kind: Literal[ChangeKind.CORRECTED] = ChangeKind.CORRECTED
    refers_to: Ordinal | None
    took_back: ChangeKind | None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)]
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
