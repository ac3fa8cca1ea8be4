"""Outcomes: a change in work or health, earned with its evidence and claimable until then."""

from services.contracts.base import Work
from services.contracts.codes import Attendance, WorkStatus
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import (
    EvidenceRecorded,
    ReviewCompleted,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_codes import EvidenceKind, PlanState
from services.kernel.decision import Draft
from services.outcomes.domain.entries import own_record, prove, reach
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.support import consented, engaged
from services.outcomes.domain.terms import HEALTH_OUTCOME, PARTICIPANT, WORK_OUTCOME, RateBook

_HAS_WORK = frozenset({WorkStatus.EMPLOYED, WorkStatus.SELF_EMPLOYED})
_NOT_WELL_AT_WORK = frozenset({Attendance.OFF_SICK, Attendance.STRUGGLING})


def is_at_work(work: Work) -> bool:
    """Tell whether a person has work and is neither off sick nor struggling in it [design]."""
    return work.status in _HAS_WORK and work.attendance not in _NOT_WELL_AT_WORK


def work_changed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Return what a change of work earns: into work, or well in it again, since the referral.

    What the person says is claimable until evidence confirms it. Evidence comes with the confirmation, by
    itself later, or was recorded before and obtained on or after the day of the change.
    """
    change = update.change
    assert isinstance(change, WorkStatusChanged | WorkStatusConfirmed)  # noqa: S101  decide calls it for these
    before = update.plan.work_at_referral
    if before is None or is_at_work(before) or not is_at_work(change.work):
        return []
    brought = change.evidence if isinstance(change, WorkStatusConfirmed) else ()
    claim = state.claim(WORK_OUTCOME)
    if claim is not None:
        return prove(update, claim, book.terms(update.programme.id, claim.contract, claim.on), brought)
    if not _counts(state, update):
        return []
    on = change.occurred_on
    kept = (e for e in update.plan.latest.evidence if e.obtained_on >= on and e not in brought)
    reason = "work_confirmed" if isinstance(change, WorkStatusConfirmed) else "work_reported"
    terms = book.terms(update.programme.id, update.contract or "", on)
    return reach(state, update, terms, WORK_OUTCOME, on, (*brought, *kept), reason)


def review_completed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Return what a review earns: an engagement and, where it found a reliable improvement, the outcome.

    After the plan has closed support is over: what a review shows then is an outcome and no engagement.
    """
    change = update.change
    assert isinstance(change, ReviewCompleted)  # noqa: S101  decide calls it for this type
    closed = update.state is PlanState.CLOSED
    drafts = [] if closed else engaged(state, update, book, EvidenceKind.REVIEW_RECORD, "completed_review")
    if not change.reliable_improvement or not _counts(state, update):
        return drafts
    terms = book.terms(update.programme.id, update.contract or "", change.occurred_on)
    evidence = (own_record(update, EvidenceKind.REVIEW_RECORD),)
    return drafts + reach(state, update, terms, HEALTH_OUTCOME, change.occurred_on, evidence, "reliable_improvement")


def evidence_recorded(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Return the claims that new evidence earns.

    Evidence that names a milestone is for that one; evidence that names none is for every open claim that
    it is not older than.
    """
    change = update.change
    assert isinstance(change, EvidenceRecorded)  # noqa: S101  decide calls it for this type
    evidence = change.evidence
    drafts = []
    for claim in state.claimable:
        meant = evidence.obtained_on >= claim.on if change.milestone is None else change.milestone == claim.milestone
        if meant:
            terms = book.terms(update.programme.id, claim.contract, claim.on)
            drafts += prove(update, claim, terms, (evidence,))
    return drafts


def _counts(state: Earnings, update: PlanUpdated) -> bool:
    """Tell whether an outcome may follow: only a participant's, from the day on which they became one."""
    start = state.first(PARTICIPANT)
    on = update.change.occurred_on
    return start is not None and start.on <= on and consented(update, on)
