"""Changes at work and towards it: adjustments, employers, fit notes, reviews, work status, evidence."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal, Never, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from services.contracts.base import Actor, Code, Work
from services.contracts.codes import Channel, EarningsBand
from services.contracts.consent import AlwaysValidated, EmployerPermission, NotPermitted, proven
from services.contracts.employer_codes import SizeBand
from services.contracts.outcome import Evidence
from services.contracts.plan_codes import Adjustment, AdjustmentState, ChangeKind, EmployerRole
from services.contracts.plan_item import Change, EmployerNumber, SealedFitNote, WeeklyHours
from services.kernel.money import Pence
from services.kernel.sealing.content import Digest

MAX_ADJUSTMENTS: Final = len(Adjustment)
"""A plan knows each adjustment once."""


class AdjustmentChanged(Change):
    """A workplace adjustment moved; ``review_on``: the day on which to ask whether it still helps."""

    kind: Literal[ChangeKind.ADJUSTMENT_CHANGED] = ChangeKind.ADJUSTMENT_CHANGED
    adjustment: Adjustment
    state: AdjustmentState
    review_on: date | None


class EmployerContacted(AlwaysValidated, Change):
    """The employer was spoken to, which the third consent allows.

    ``employer`` is a number within the plan: a person may have several. ``agreed`` are the adjustments that were agreed
    on, ``next_on`` the day of the next conversation.
    """

    kind: Literal[ChangeKind.EMPLOYER_CONTACTED] = ChangeKind.EMPLOYER_CONTACTED
    channel: Channel
    employer: EmployerNumber
    size: SizeBand | None
    role: EmployerRole
    agreed: Annotated[tuple[Adjustment, ...], Field(max_length=MAX_ADJUSTMENTS)]
    next_on: date | None
    note_digest: Digest | None
    _passed: bool = PrivateAttr(default=False)

    if TYPE_CHECKING:

        def __init__(self, nobody: Never) -> None: ...

    @classmethod
    def under(
        cls,
        permission: EmployerPermission,
        *,
        by: Actor | None,
        occurred_on: date,
        channel: Channel,
        employer: EmployerNumber,
        role: EmployerRole,
        size: SizeBand | None = None,
        agreed: tuple[Adjustment, ...] = (),
        next_on: date | None = None,
        note_digest: Digest | None = None,
    ) -> Self:
        """Return a new change; others are read from events.

        Raises NotPermitted unless the permission is for the day of the contact.
        """
        if proven(permission).on != occurred_on:
            raise NotPermitted("the permission is for another day than the contact")
        said = {"by": by, "occurred_on": occurred_on, "channel": channel, "employer": employer, "role": role}
        also = {"size": size, "agreed": agreed, "next_on": next_on, "note_digest": note_digest}
        return cls.model_validate({**said, **also}, context=permission)

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
    pay_band: EarningsBand | None = None


class WorkStatusConfirmed(Change):
    """The work status is confirmed with evidence: an outcome may follow. ``since`` = first day of it.

    ``break_days``: days without work from ``since`` on (null: none). ``earned_pence`` and ``self_employed_days``:
    what the evidence shows in all since the person became a participant, where it was asked.
    """

    kind: Literal[ChangeKind.WORK_STATUS_CONFIRMED] = ChangeKind.WORK_STATUS_CONFIRMED
    work: Work
    since: date | None
    weekly_hours: WeeklyHours | None
    pay_band: EarningsBand | None = None
    break_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    earned_pence: Annotated[Pence, Field(ge=0)] | None = None
    self_employed_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)]


class EvidenceRecorded(Change):
    """Evidence was obtained, for the milestone that ``milestone`` names (null: not yet known)."""

    kind: Literal[ChangeKind.EVIDENCE_RECORDED] = ChangeKind.EVIDENCE_RECORDED
    evidence: Evidence
    milestone: Code | None
