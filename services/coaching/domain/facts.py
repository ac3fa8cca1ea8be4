"""What was recorded of a plan and can be taken back: enough of each fact to tell how the plan stands without it.

The snapshot that travels in events holds counters and the latest of each kind. Which session was the one before, or the
first, is remembered here: in coaching's own state, folded from its own events, and in none of them.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from services.coaching.domain.snapshot import can_begin
from services.contracts.base import Ordinal, Record
from services.contracts.outcome import Evidence
from services.contracts.plan import (
    LatestEmployer,
    LatestReview,
    LatestSession,
    LatestWork,
    OpenStep,
    PlanSnapshot,
    PlanUpdated,
)
from services.contracts.plan_change import (
    Acknowledged,
    Assessed,
    Contacted,
    Corrected,
    EmployerContacted,
    EvidenceRecorded,
    FitNoteRecorded,
    PlanAgreed,
    ReviewCompleted,
    SessionRecorded,
    StepFinished,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_codes import ChangeKind

MAX_FACTS: Final = 500
"""How many a plan remembers, the newest; an older one can no longer be taken back."""


class _Fact(Record):
    """``plan_version`` is what a correction names, ``on`` the day of the fact."""

    plan_version: Ordinal
    on: date


class SessionFact(_Fact):
    """A session. ``began``: it made the person a participant; ``could_begin``: it would have, had it been the first."""

    kind: Literal[ChangeKind.SESSION_RECORDED] = ChangeKind.SESSION_RECORDED
    session: LatestSession
    minutes: int
    could_begin: bool
    began: bool


class StepFact(_Fact):
    """A finished step, as it stood before."""

    kind: Literal[ChangeKind.STEP_FINISHED] = ChangeKind.STEP_FINISHED
    step: OpenStep


class AgreementFact(_Fact):
    """The plan's agreement with its first review day. It is not taken back: a review that is leaves its day."""

    kind: Literal[ChangeKind.PLAN_AGREED] = ChangeKind.PLAN_AGREED
    review_on: date | None


class ReviewFact(_Fact):
    """A review; ``review_on``: the day of the next one (null: the plan was closed)."""

    kind: Literal[ChangeKind.REVIEW_COMPLETED] = ChangeKind.REVIEW_COMPLETED
    review: LatestReview
    review_on: date | None


class WorkFact(_Fact):
    """Where the person stood in work, with the evidence that came with it."""

    kind: Literal[ChangeKind.WORK_STATUS_CHANGED, ChangeKind.WORK_STATUS_CONFIRMED]
    work: LatestWork
    evidence: tuple[Evidence, ...]


class EvidenceFact(_Fact):
    """Evidence."""

    kind: Literal[ChangeKind.EVIDENCE_RECORDED] = ChangeKind.EVIDENCE_RECORDED
    evidence: tuple[Evidence, ...]


class EmployerFact(_Fact):
    """A conversation with an employer."""

    kind: Literal[ChangeKind.EMPLOYER_CONTACTED] = ChangeKind.EMPLOYER_CONTACTED
    employer: LatestEmployer


class MomentFact(_Fact):
    """What left only its day, or nothing, in the plan."""

    kind: Literal[ChangeKind.ACKNOWLEDGED, ChangeKind.CONTACTED, ChangeKind.ASSESSED, ChangeKind.FIT_NOTE_RECORDED]


Fact = Annotated[
    SessionFact | StepFact | AgreementFact | ReviewFact | WorkFact | EvidenceFact | EmployerFact | MomentFact,
    Field(discriminator="kind"),
]
Facts = tuple[Fact, ...]

TAKEN_BACK: Final = frozenset(
    {
        ChangeKind.ACKNOWLEDGED,
        ChangeKind.CONTACTED,
        ChangeKind.ASSESSED,
        ChangeKind.SESSION_RECORDED,
        ChangeKind.STEP_FINISHED,
        ChangeKind.REVIEW_COMPLETED,
        ChangeKind.WORK_STATUS_CHANGED,
        ChangeKind.WORK_STATUS_CONFIRMED,
        ChangeKind.EVIDENCE_RECORDED,
        ChangeKind.EMPLOYER_CONTACTED,
        ChangeKind.FIT_NOTE_RECORDED,
    }
)
"""The kinds that can be taken back. Of the others the next word counts: a barrier is open again, a plan reopened."""


def after(facts: Facts, before: PlanSnapshot | None, update: PlanUpdated) -> Facts:
    """Return the facts that stand after an event; ``before`` is the snapshot that it changed (None: it made the plan).

    Everything comes from the event and from what stood before, so that a restore remembers the same.
    """
    change = update.change
    if isinstance(change, Corrected):
        return without(facts, change.refers_to)
    if before is None:
        return facts
    found = _fact(before, update)
    return facts if found is None else (*facts, found)[-MAX_FACTS:]


def _fact(before: PlanSnapshot, update: PlanUpdated) -> Fact | None:  # noqa: PLR0911  one answer a kind
    change, plan = update.change, update.plan
    at: dict[str, Any] = {"plan_version": update.plan_version, "on": change.occurred_on}
    latest: Any = plan.latest  # of the kind that an event records, it holds one
    match change:
        case SessionRecorded(minutes=minutes):
            began = before.started_on is None and plan.started_on is not None
            return SessionFact(
                **at, session=latest.session, minutes=minutes, could_begin=can_begin(before, change), began=began
            )
        case StepFinished(step_id=name):
            return StepFact(**at, step=next(step for step in before.steps if step.step_id == name))
        case ReviewCompleted():
            following = plan.review_on if plan.closed_on is None else None
            return ReviewFact(**at, review=latest.review, review_on=following)
        case EvidenceRecorded(evidence=evidence):
            return EvidenceFact(**at, evidence=(evidence,))
        case PlanAgreed():
            return AgreementFact(**at, review_on=plan.review_on)
        case WorkStatusChanged() | WorkStatusConfirmed():
            shown = change.evidence if isinstance(change, WorkStatusConfirmed) else ()
            return WorkFact(**at, kind=change.kind, work=latest.work, evidence=shown)
        case EmployerContacted():
            return EmployerFact(**at, employer=latest.employer)
        case Acknowledged() | Contacted() | Assessed() | FitNoteRecorded():
            return MomentFact(**at, kind=change.kind)
    return None


def of_version(facts: Facts, version: int) -> Fact | None:
    """Return the fact that a version of the plan recorded and that can be taken back; None: there is none."""
    return next((one for one in facts if one.plan_version == version and one.kind in TAKEN_BACK), None)


def without(facts: Facts, version: int | None) -> Facts:
    """Return the facts without that of a version. Where it had begun the support, the next that could has begun it."""
    left = tuple(one for one in facts if one.plan_version != version)
    if any(isinstance(one, SessionFact) and one.began for one in left) or len(left) == len(facts):
        return left
    first = next((n for n, one in enumerate(left) if isinstance(one, SessionFact) and one.could_begin), None)
    if first is None:
        return left
    return (*left[:first], left[first].model_copy(update={"began": True}), *left[first + 1 :])
