"""Drafts of ``outcome.recorded``: earn a milestone, claim it, turn a claim into money, take an entry back."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from services.contracts.base import carry
from services.contracts.outcome import Evidence, Milestone, OutcomeRecorded, ReferralOutcome
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Draft
from services.outcomes.domain.state import Earnings, Entry
from services.outcomes.domain.terms import Terms

_Kind = Literal[OutcomeKind.EARNED, OutcomeKind.CLAIMABLE, OutcomeKind.REVERSAL]

EVIDENCE_MISSING = "evidence_missing"
EVIDENCE_OBTAINED = "evidence_obtained"


def own_record(update: PlanUpdated, kind: EvidenceKind) -> Evidence:
    """Return the plan's own record of a fact as evidence: this version of this referral's plan."""
    return Evidence(kind=kind, obtained_on=update.change.occurred_on, reference=f"plan/{update.plan_version}")


def reach(
    state: Earnings,
    update: PlanUpdated,
    terms: Terms,
    milestone: str,
    on: date,
    evidence: Sequence[Evidence],
    reason: str,
) -> list[Draft]:
    """Return the entry of a milestone reached on a day: earned, or claimable while its evidence is missing.

    Nothing where the card does not price the milestone, where it was reached as often as the card pays it,
    or where a claim is already open.
    """
    term = terms.by_milestone.get(milestone)
    if term is None or state.claim(milestone) is not None:
        return []
    taken = {entry.occurrence for entry in state.of(milestone)}
    if len(taken) >= term.at_most:
        return []
    occurrence = next(number for number in range(1, term.at_most + 1) if number not in taken)
    shown = tuple(e for e in evidence if e.kind in term.evidence) if term.evidence else tuple(evidence)
    earned = bool(shown) or not term.evidence
    return [
        _draft(
            update,
            terms,
            OutcomeKind.EARNED if earned else OutcomeKind.CLAIMABLE,
            Milestone(code=milestone, occurrence=occurrence),
            on,
            amount=term.amount_pence if earned else 0,
            evidence=shown,
            reasons=(reason,) if earned else (reason, EVIDENCE_MISSING),
            refers_to=state.reversal(milestone, occurrence),
        )
    ]


def prove(update: PlanUpdated, claim: Entry, terms: Terms, evidence: Sequence[Evidence]) -> list[Draft]:
    """Return the entry that earns an open claim, if a kind of evidence that the card accepts is among these.

    It is effective on the claim's day, under the claim's contract and the card of that day.
    """
    term = terms.by_milestone[claim.milestone]
    shown = tuple(e for e in evidence if e.kind in term.evidence)
    if not shown:
        return []
    return [
        _draft(
            update,
            terms,
            OutcomeKind.EARNED,
            Milestone(code=claim.milestone, occurrence=claim.occurrence),
            claim.on,
            amount=term.amount_pence,
            evidence=shown,
            reasons=(EVIDENCE_OBTAINED,),
            refers_to=claim.event_id,
            paid_to=claim,
        )
    ]


def reverse(update: PlanUpdated, entry: Entry, terms: Terms, reason: str) -> Draft:
    """Return the reversal of an entry: its amount, to the penny, on its own effective day."""
    return _draft(
        update,
        terms,
        OutcomeKind.REVERSAL,
        Milestone(code=entry.milestone, occurrence=entry.occurrence),
        entry.on,
        amount=-entry.amount_pence,
        evidence=(),
        reasons=(reason,),
        refers_to=entry.event_id,
        paid_to=entry,
    )


def _draft(
    update: PlanUpdated,
    terms: Terms,
    kind: _Kind,
    milestone: Milestone,
    on: date,
    *,
    amount: int,
    evidence: tuple[Evidence, ...],
    reasons: tuple[str, ...],
    refers_to: str | None,
    paid_to: Entry | None = None,
) -> Draft:
    common = carry(update)
    if paid_to is not None:
        common = carry(update, provider=paid_to.provider, contract=paid_to.contract)
    outcome = ReferralOutcome(
        **common,
        kind=kind,
        plan_version=update.plan_version,
        milestone=milestone,
        effective_on=on,
        evidence=evidence,
        amount_pence=amount,
        rate_card=terms.card,
        reasons=reasons,
        refers_to=refers_to,
    )
    return Draft(OUTCOME_RECORDED, OutcomeRecorded(outcome), policy=terms.ref)
