"""What the API shows of a plan's record. What an erased person's key had sealed is null."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.coaching.domain import fit_notes
from services.coaching.domain.command_fields import ScoreFields
from services.coaching.domain.fit_notes import Found
from services.coaching.domain.plan import Plan
from services.coaching.record.store import SCORES_OF_REVIEW, RecordRow
from services.contracts.base import Actor, Ordinal, Work
from services.contracts.codes import Barrier, Channel, Condition, EarningsBand
from services.contracts.employer_codes import SizeBand
from services.contracts.instruments import INSTRUMENTS, Tool
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BarrierArea,
    BarrierState,
    BookingState,
    CancelledBy,
    ChangeKind,
    EmployerRole,
    WorkplaceBarrier,
)
from services.contracts.plan_item import (
    BarrierId,
    EmployerNumber,
    FitNote,
    SealedBarrier,
    SealedFitNote,
    StepId,
    WeeklyHours,
)
from services.kernel.sealing.content import ContentErased, Sealed


class Entry(BaseModel):
    """One entry: by which version of the plan, by whom, of which day. ``taken_back_in``: the version that took it back,
    since it was wrong; null: it stands."""

    plan_version: Ordinal
    recorded_by: Actor
    occurred_on: date
    taken_back_in: Ordinal | None


class WorkEntry(Entry):
    """Where the person stood in work. ``confirmed``: with evidence or ahead of it; else as they said."""

    work: Work
    weekly_hours: WeeklyHours | None = None
    pay_band: EarningsBand | None = None
    since: date | None = None
    confirmed: bool


class FitNoteEntry(Entry):
    """A fit note that was seen; null: the person's data are erased."""

    fit_note: FitNote | None


class BarrierEntry(Entry):
    """How a barrier stood. Which one it is, is said once: when it appeared."""

    barrier_id: BarrierId
    state: BarrierState
    area: BarrierArea
    barrier: Barrier | None
    workplace: WorkplaceBarrier | None
    health: Annotated[Condition | None, Field(description="Null also where the person's data are erased.")]


class BookingEntry(Entry):
    """How a step's booking stood."""

    step_id: StepId
    booking: BookingState
    booked_for: date | None
    cancelled_by: CancelledBy | None


class AdjustmentEntry(Entry):
    """How an adjustment stood."""

    adjustment: Adjustment
    state: AdjustmentState
    review_on: date | None


class EmployerEntry(Entry):
    """A conversation with an employer."""

    channel: Channel
    employer: EmployerNumber
    size: SizeBand | None
    role: EmployerRole
    agreed: tuple[Adjustment, ...]
    next_on: date | None


class ScoreView(BaseModel):
    """Two scores of a questionnaire with the bands they lie in. ``reliable_improvement`` null: none is published."""

    tool: Tool
    earlier: int
    earlier_band: str
    later: int
    later_band: str
    reliable_improvement: bool | None
    reliable_deterioration: bool | None


class ReviewEntry(Entry):
    """A review; ``scores`` null: none were given, or the person's data are erased."""

    reliable_improvement: bool | None
    next_review_on: date | None
    scores: list[ScoreView] | None


class RecordView(BaseModel):
    """What was recorded of a plan over time, in the order of its days."""

    work_at_referral: Work
    work: list[WorkEntry]
    fit_notes: list[FitNoteEntry]
    fit_note_findings: Annotated[
        list[Found], Field(description="Gaps, overlaps and notes of more than 3 months in the first 6.")
    ]
    barriers: list[BarrierEntry]
    bookings: list[BookingEntry]
    adjustments: list[AdjustmentEntry]
    employers: list[EmployerEntry]
    reviews: list[ReviewEntry]


SealedPart = SealedFitNote | SealedBarrier


def sealed_in(row: RecordRow) -> SealedPart | None:
    """Return what a row holds sealed."""
    if row.sealed is None:
        return None
    model = SealedFitNote if row.kind == ChangeKind.FIT_NOTE_RECORDED.value else SealedBarrier
    return model.model_validate(row.sealed)


def token_of(part: SealedPart) -> Sealed[Any]:
    """Return the one sealed field of a part."""
    return part.fit_note if isinstance(part, SealedFitNote) else part.health_barrier


def record_view(
    plan: Plan,
    rows: Sequence[RecordRow],
    sealed: Mapping[int, SealedPart],
    scores: Mapping[int, Sealed[str]],
    taken_back: Mapping[int, int],
) -> RecordView:
    """Return the record; ``sealed`` and ``scores`` by version of the plan, their keys at hand.

    What was ``taken_back`` is shown, with the version that did, and counts for nothing.
    """
    found: dict[str, list[Any]] = {name: [] for name in _ENTRIES.values()}
    for row in sorted(rows, key=lambda one: (one.occurred_on, one.plan_version)):
        kind = ChangeKind(row.kind)
        entry = {
            "plan_version": row.plan_version,
            "recorded_by": row.recorded_by,
            "occurred_on": row.occurred_on,
            "taken_back_in": taken_back.get(row.plan_version),
        }
        also = _also(kind, _content(sealed.get(row.plan_version)), scores.get(row.plan_version))
        found[_ENTRIES[kind]].append({**entry, **row.content, **also})
    stand = (one for one in found["fit_notes"] if one["taken_back_in"] is None)
    notes = [one["fit_note"] for one in stand if one["fit_note"] is not None]
    return RecordView.model_validate(
        {
            **found,
            "work_at_referral": plan.plan.work_at_referral or plan.work,
            "fit_note_findings": fit_notes.findings(notes),
        },
        strict=False,
    )


_ENTRIES = {
    ChangeKind.WORK_STATUS_CHANGED: "work",
    ChangeKind.WORK_STATUS_CONFIRMED: "work",
    ChangeKind.FIT_NOTE_RECORDED: "fit_notes",
    ChangeKind.BARRIER_CHANGED: "barriers",
    ChangeKind.BOOKING_CHANGED: "bookings",
    ChangeKind.ADJUSTMENT_CHANGED: "adjustments",
    ChangeKind.EMPLOYER_CONTACTED: "employers",
    ChangeKind.REVIEW_COMPLETED: "reviews",
}


def _content(part: SealedPart | None) -> Any:
    with contextlib.suppress(ContentErased):
        return None if part is None else token_of(part).content
    return None


def _also(kind: ChangeKind, content: Any, scores: Sealed[str] | None) -> dict[str, Any]:
    match kind:
        case ChangeKind.FIT_NOTE_RECORDED:
            return {"fit_note": content}
        case ChangeKind.BARRIER_CHANGED:
            return {"health": None if content is None else content.condition}
        case ChangeKind.WORK_STATUS_CHANGED | ChangeKind.WORK_STATUS_CONFIRMED:
            return {"confirmed": kind is ChangeKind.WORK_STATUS_CONFIRMED}
        case ChangeKind.REVIEW_COMPLETED:
            return {"scores": _scores(scores)}
    return {}


def _scores(sealed: Sealed[str] | None) -> list[ScoreView] | None:
    with contextlib.suppress(ContentErased):
        if sealed is not None:
            return [_score(one) for one in SCORES_OF_REVIEW.validate_json(sealed.content)]
    return None


def _score(one: ScoreFields) -> ScoreView:
    tool = INSTRUMENTS[one.tool]
    return ScoreView(
        tool=one.tool,
        earlier=one.earlier,
        earlier_band=tool.band(one.earlier),
        later=one.later,
        later_band=tool.band(one.later),
        reliable_improvement=tool.reliable_improvement(one.earlier, one.later),
        reliable_deterioration=tool.reliable_deterioration(one.earlier, one.later),
    )
