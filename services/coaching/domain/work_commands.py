"""What a coach may ask of a plan about work: adjustments, employers, fit notes, reviews, work status, evidence."""

from typing import Annotated, Literal

from pydantic import Field

from services.coaching.domain.command_fields import (
    CommandBody,
    Day,
    EvidenceFields,
    FitNoteFields,
    Flag,
    NextOn,
    OptionalNote,
    PayBand,
    ScoreFields,
    WeeklyHours,
    WorkFields,
)
from services.contracts.base import Code
from services.contracts.codes import Channel
from services.contracts.employer_codes import SizeBand
from services.contracts.instruments import Tool
from services.contracts.plan_codes import Adjustment, AdjustmentState, ChangeKind, EmployerRole
from services.contracts.plan_item import EmployerNumber
from services.contracts.plan_work_change import MAX_ADJUSTMENTS


class ChangeAdjustment(CommandBody):
    """Say how a workplace adjustment stands."""

    kind: Literal[ChangeKind.ADJUSTMENT_CHANGED]
    adjustment: Adjustment
    state: AdjustmentState
    review_on: Annotated[Day | None, Field(description="The day on which to ask whether it helps.")] = None


class ContactEmployer(CommandBody):
    """Record a conversation with an employer, of any size, or with a self-employed person's business.

    Only where the consent to share with the employer stood on that day.
    """

    kind: Literal[ChangeKind.EMPLOYER_CONTACTED]
    channel: Channel
    employer: Annotated[EmployerNumber, Field(description="Which of the person's employers: you number them.")]
    size: Annotated[SizeBand | None, Field(description="How many people it employs; null: not known.")] = None
    role: Annotated[EmployerRole, Field(description="With whom you spoke.")]
    agreed: Annotated[tuple[Adjustment, ...], Field(max_length=MAX_ADJUSTMENTS, description="What was agreed on.")] = ()
    next_on: NextOn = None
    note: OptionalNote = None


class RecordFitNote(CommandBody):
    """Record a fit note that you saw, as it stands there. Its content leaves sealed."""

    kind: Literal[ChangeKind.FIT_NOTE_RECORDED]
    fit_note: FitNoteFields


class CompleteReview(CommandBody):
    """Record a review, with scores or a judgement. Scores rest sealed in coaching's database."""

    kind: Literal[ChangeKind.REVIEW_COMPLETED]
    reliable_improvement: Annotated[
        Flag | None, Field(description="Your judgement where you give no scores; null: not measured.")
    ] = None
    scores: Annotated[
        tuple[ScoreFields, ...],
        Field(max_length=len(Tool), description="Coaching tells the reliable change from them; no event holds them."),
    ] = ()
    next_review_on: Annotated[Day | None, Field(description="Null: by the programme's review rhythm.")] = None


class ChangeWorkStatus(CommandBody):
    """Record what the person says about their work."""

    kind: Literal[ChangeKind.WORK_STATUS_CHANGED]
    work: WorkFields
    weekly_hours: WeeklyHours = None
    pay_band: PayBand = None


class ConfirmWorkStatus(CommandBody):
    """Confirm a work status, with its evidence or ahead of it: an outcome may follow."""

    kind: Literal[ChangeKind.WORK_STATUS_CONFIRMED]
    work: WorkFields
    since: Annotated[Day | None, Field(description="The first day of this status; null: not known.")] = None
    weekly_hours: WeeklyHours = None
    pay_band: PayBand = None
    break_days: Annotated[
        int | None, Field(ge=0, le=3650, description="Days without work from `since` on; null: none.")
    ] = None
    earned_pence: Annotated[
        int | None, Field(ge=0, le=10**10, description="All that was earned since the first session, as shown.")
    ] = None
    self_employed_days: Annotated[
        int | None, Field(ge=0, le=3650, description="All days in self-employment since the first session, as shown.")
    ] = None
    evidence: Annotated[tuple[EvidenceFields, ...], Field(max_length=10)] = ()


class RecordEvidence(CommandBody):
    """Record evidence that was obtained."""

    kind: Literal[ChangeKind.EVIDENCE_RECORDED]
    evidence: EvidenceFields
    milestone: Annotated[Code | None, Field(description="The milestone that it is for; null: not yet known.")] = None
