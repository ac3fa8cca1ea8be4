"""Drafts of ``outcome.recorded``: earn a milestone, claim it, turn a claim into money, take an entry back."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from services.contracts.base import PolicyVersion, carry
from services.contracts.outcome import Evidence, Milestone, OutcomeRecorded, ReferralOutcome
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Draft, PolicyRef
from services.outcomes.domain.state import Earnings, Entry
from services.outcomes.domain.terms import PARTICIPANT, Term, Terms
from services.outcomes.domain.verdict import Verdict

_Kind = Literal[OutcomeKind.EARNED, OutcomeKind.CLAIMABLE, OutcomeKind.REVERSAL]

EVIDENCE_MISSING = "evidence_missing"
EVIDENCE_OBTAINED = "evidence_obtained"


def own_record(update: PlanUpdated, kind: EvidenceKind) -> Evidence:
    """Return the plan's own record of a fact as evidence: this version of this referral's plan."""
    on, reference = update.change.occurred_on, f"plan/{update.plan_version}"
    return Evidence(kind=kind, obtained_on=on, reference=reference, obtained_by=update.change.by)


def reach(
    state: Earnings, update: PlanUpdated, terms: Terms, term: Term, on: date, evidence: Sequence[Evidence], reason: str
) -> Verdict:
    """Return what a milestone reached on a day comes to: earned, or claimable while its evidence is missing.

    Nothing where it was reached as often as the card pays it, or where a claim is already open.
    """
    milestone = term.milestone
    if state.claim(milestone) is not None:
        return Verdict("claim_open", milestone, card=terms.card)
    taken = {entry.occurrence for entry in state.of(milestone)}
    if len(taken) >= term.at_most:
        return Verdict("ceiling_reached", milestone, card=terms.card)
    occurrence = next(number for number in range(1, term.at_most + 1) if number not in taken)
    shown = tuple(e for e in evidence if e.kind in term.evidence) if term.evidence else tuple(evidence)
    earned = bool(shown) or not term.evidence
    start = state.first(PARTICIPANT)
    pence, why = terms.price_of(term, on, start.on if start else None, update.plan.priority_groups)
    draft = _draft(
        update,
        OutcomeKind.EARNED if earned else OutcomeKind.CLAIMABLE,
        Milestone(code=milestone, occurrence=occurrence),
        on,
        card=terms.card,
        amount=pence if earned else 0,
        evidence=shown,
        reasons=(reason, *why) if earned else (reason, EVIDENCE_MISSING),
        refers_to=state.reversal(milestone, occurrence),
    )
    return Verdict("earned" if earned else "claimable", milestone, draft, terms.card)


def prove(state: Earnings, update: PlanUpdated, claim: Entry, terms: Terms, evidence: Sequence[Evidence]) -> Verdict:
    """Return the entry that earns an open claim, if a kind of evidence that the card accepts is among these.

    It is effective on the claim's day, under the claim's contract and the card of that day.
    """
    term = terms.by_milestone[claim.milestone]
    shown = tuple(e for e in evidence if e.kind in term.evidence)
    if not shown:
        return Verdict("other_evidence" if evidence else "claim_open", claim.milestone, card=terms.card)
    start = state.first(PARTICIPANT)
    pence, why = terms.price_of(term, claim.on, start.on if start else None, claim.groups)
    draft = _draft(
        update,
        OutcomeKind.EARNED,
        Milestone(code=claim.milestone, occurrence=claim.occurrence),
        claim.on,
        card=terms.card,
        amount=pence,
        evidence=shown,
        reasons=(EVIDENCE_OBTAINED, *why),
        refers_to=claim.event_id,
        paid_to=claim,
    )
    return Verdict("proven", claim.milestone, draft, terms.card)


def reverse(update: PlanUpdated, entry: Entry, reason: str) -> Draft:
    """Return the reversal of an entry: what of it stands, to the penny, on its own effective day and card."""
    return _draft(
        update,
        OutcomeKind.REVERSAL,
        Milestone(code=entry.milestone, occurrence=entry.occurrence),
        entry.on,
        card=entry.card,
        amount=-entry.left_pence,
        evidence=(),
        reasons=(reason,),
        refers_to=entry.event_id,
        paid_to=entry,
    )


def recorded(card: PolicyVersion, fields: dict[str, Any]) -> Draft:
    """Return an entry of a referral, whole, under a card."""
    outcome = ReferralOutcome(**fields, rate_card=card)
    return Draft(OUTCOME_RECORDED, OutcomeRecorded(outcome), policy=PolicyRef(card.id, card.version, card.sha256))


def _draft(
    update: PlanUpdated,
    kind: _Kind,
    milestone: Milestone,
    on: date,
    *,
    card: PolicyVersion,
    amount: int,
    evidence: tuple[Evidence, ...],
    reasons: tuple[str, ...],
    refers_to: str | None,
    paid_to: Entry | None = None,
) -> Draft:
    common = carry(update)
    if paid_to is not None:
        common = carry(update, provider=paid_to.provider, contract=paid_to.contract)
    entry = {
        "kind": kind,
        "plan_version": update.plan_version,
        "milestone": milestone,
        "effective_on": on,
        "evidence": evidence,
        "amount_pence": amount,
        "reasons": reasons,
        "refers_to": refers_to,
        "priority_groups": update.plan.priority_groups if paid_to is None else paid_to.groups,
        "command": None,
    }
    return recorded(card, common | entry)
