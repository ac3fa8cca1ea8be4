"""Outcomes in health, and what evidence makes of a claim."""

from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import EvidenceRecorded, ReviewCompleted
from services.contracts.plan_codes import EvidenceKind, PlanState
from services.outcomes.domain.entries import prove
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.support import barred, met, review_held
from services.outcomes.domain.terms import HEALTH_OUTCOME, RateBook
from services.outcomes.domain.verdict import Verdict
from services.outcomes.domain.working import SUSTAINED_WORK


def review_completed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a review earns: an engagement and, where it found a reliable improvement, the outcome.

    After the plan has closed support is over: what a review shows then is an outcome and no engagement.
    """
    change = update.change
    assert isinstance(change, ReviewCompleted)  # noqa: S101  decide calls it for this type
    closed = update.state is PlanState.CLOSED
    found = [Verdict("plan_closed")] if closed else review_held(state, update, book)
    if not change.reliable_improvement:
        return found
    why = barred(state, update)
    if why is not None:
        return [*found, Verdict(why, HEALTH_OUTCOME)]
    record = EvidenceKind.REVIEW_RECORD
    return found + met(state, update, book, HEALTH_OUTCOME, record, "reliable_improvement")


def evidence_recorded(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return the claims that new evidence earns.

    Evidence that names a milestone is for that one; evidence that names none is for every open claim that
    it is not older than. What should show that work has lasted is never older than its confirmation.
    """
    change = update.change
    assert isinstance(change, EvidenceRecorded)  # noqa: S101  decide calls it for this type
    evidence = change.evidence
    found = []
    for claim in state.claimable:
        terms = book.terms(update.programme.id, claim.contract, claim.on)
        lasts = terms.by_milestone[claim.milestone].fact == SUSTAINED_WORK
        older = evidence.obtained_on < claim.on
        meant = change.milestone in {None, claim.milestone}
        if meant and not (older and (lasts or change.milestone is None)):
            found.append(prove(state, update, claim, terms, (evidence,)))
    return found or [Verdict("no_claim_meant")]
