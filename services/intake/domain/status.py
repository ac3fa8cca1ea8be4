"""How a referral stands, as its referrer is told: merged from four topics that arrive in any order.

Facts are appended and never changed; the view is a function of the *set* of facts, so it does not matter
which topic was faster. It holds no clinical content, and an organisation that is neither NHS nor a
provider learns only that a referral was received, taken up and ended; an employer not even that without consent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.contracts import types
from services.contracts.codes import EligibilityDecision, EligibilityOutcome, TriageOutcome
from services.contracts.outcome import OutcomeRecorded, ReferralOutcome
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import ChangeKind, OutcomeKind, PlanState
from services.contracts.referral import (
    Correction,
    ReferralCorrected,
    ReferralCreated,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
    ReferralWithdrawn,
)
from services.contracts.triage import TriageAcknowledged, TriageCompleted
from services.intake.domain.policy import london_day


class Status(StrEnum):
    """What a referrer may be told, in the order in which it usually happens.

    ``CLEARED`` says that nothing is left to decide on eligibility; it is shown to nobody.
    """

    RECEIVED = "received"
    CLEARED = "cleared"
    ELIGIBILITY_REVIEW = "eligibility_review"
    ON_HOLD = "on_hold"
    NOT_ELIGIBLE = "not_eligible"
    TRIAGED = "triaged"
    ACKNOWLEDGED = "acknowledged"
    PLAN_AGREED = "plan_agreed"
    ACTIVE = "active"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


_RANK = {status: rank for rank, status in enumerate(Status)}
REDUCED = frozenset({Status.RECEIVED, Status.ACKNOWLEDGED, Status.CLOSED, Status.WITHDRAWN})
FULL_VIEW_KINDS = frozenset({"nhs", "provider"})
ENDED = frozenset({Status.CLOSED, Status.WITHDRAWN, Status.NOT_ELIGIBLE})


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a topic said of a referral, at its sequence in that topic."""

    topic: str
    sequence: int
    status: Status
    on: date


@dataclass(frozen=True, slots=True)
class View:
    """The present status with its day, and the last day of each status that was reached."""

    status: Status
    on: date
    history: tuple[tuple[Status, date], ...]


_OF_TRIAGE = {
    TriageOutcome.RECOMMENDED: Status.TRIAGED,
    TriageOutcome.HELD: Status.ON_HOLD,
    TriageOutcome.NOT_ELIGIBLE: Status.NOT_ELIGIBLE,
}
_OF_DECISION = {
    EligibilityDecision.ELIGIBLE: Status.CLEARED,
    EligibilityDecision.NOT_ELIGIBLE: Status.NOT_ELIGIBLE,
}
_OF_PLAN = {
    PlanState.AGREED: Status.PLAN_AGREED,
    PlanState.ACTIVE: Status.ACTIVE,
    PlanState.PAUSED: Status.ACTIVE,
    PlanState.IN_REVIEW: Status.ACTIVE,
    PlanState.CLOSED: Status.CLOSED,
    PlanState.WITHDRAWN: Status.WITHDRAWN,
}


def facts_of(sequence: int, data: object) -> list[Fact]:
    """Return what an event of triage, coaching or outcomes says of its referral."""
    match data:
        case TriageCompleted():
            return [Fact(types.TOPIC_TRIAGE, sequence, _OF_TRIAGE[data.outcome], data.occurred_on)]
        case TriageAcknowledged():
            return [Fact(types.TOPIC_TRIAGE, sequence, Status.TRIAGED, data.occurred_on)]
        case PlanUpdated():
            found = [Status.ACKNOWLEDGED] if data.change.kind == ChangeKind.ACKNOWLEDGED else []
            if data.state in _OF_PLAN:
                found.append(_OF_PLAN[data.state])
            return [Fact(types.TOPIC_PLAN, sequence, status, data.occurred_on) for status in found]
        case OutcomeRecorded(root=ReferralOutcome(kind=OutcomeKind.EARNED) as earned):
            return [Fact(types.TOPIC_OUTCOME, sequence, Status.ACTIVE, earned.effective_on)]
    return []


def own_facts(sequence: int, data: object) -> list[Fact]:
    """Return what an event of intake's own says of its referral."""

    def fact(status: Status, on: date) -> Fact:
        return Fact(types.TOPIC_REFERRAL, sequence, status, on)

    match data:
        case ReferralCreated():
            day = london_day(data.received_at)
            review = data.eligibility.outcome is EligibilityOutcome.REVIEW
            return [fact(Status.RECEIVED, day), *([fact(Status.ELIGIBILITY_REVIEW, day)] if review else [])]
        case ReferralEligibilityDecided():
            return [fact(_OF_DECISION[data.change.outcome], data.occurred_on)]
        case ReferralEligibilityContested():
            return [fact(Status.ELIGIBILITY_REVIEW, data.occurred_on)]
        case ReferralCorrected(change=Correction() as said):
            stands = Status.CLEARED
            if said.eligibility_decided is not None:
                stands = _OF_DECISION[said.eligibility_decided]
            elif said.eligibility.outcome is EligibilityOutcome.REVIEW:
                stands = Status.ELIGIBILITY_REVIEW
            return [fact(stands, data.occurred_on)]
        case ReferralWithdrawn():
            return [fact(Status.WITHDRAWN, data.occurred_on)]
    return []


def view(facts: Iterable[Fact], *, reduced: bool = False) -> View | None:
    """Return how a referral stands, None when nothing is known of it."""
    known = sorted(set(facts), key=lambda fact: (fact.topic, fact.sequence, _RANK[fact.status]))
    days: dict[Status, date] = {}
    for fact in known:
        if fact.status is not Status.CLEARED and (not reduced or fact.status in REDUCED):
            days[fact.status] = max(fact.on, days.get(fact.status, fact.on))
    if not days:
        return None
    status = _present(known)
    if status not in days:
        status = Status.ACKNOWLEDGED if Status.ACKNOWLEDGED in days else min(days, key=_RANK.__getitem__)
    history = tuple(sorted(days.items(), key=lambda step: (step[1], _RANK[step[0]])))
    return View(status, days[status], history)


def received(facts: Iterable[Fact]) -> View | None:
    """Return only that a referral was received: all that an employer is told without permission."""
    return view(fact for fact in facts if fact.status is Status.RECEIVED)


def _present(known: Sequence[Fact]) -> Status:
    """Return where a referral stands: its end first, then what stops it, then how far it has come."""
    reached = {fact.status for fact in known}
    plan = _last(known, types.TOPIC_PLAN)
    triage = _last(known, types.TOPIC_TRIAGE)
    if Status.WITHDRAWN in reached and Status.WITHDRAWN in {_last(known, types.TOPIC_REFERRAL), plan}:
        return Status.WITHDRAWN
    eligibility = _of_eligibility(known)
    stopped = _stopped(eligibility, triage, plan)
    if stopped is not None:
        return stopped
    if triage is Status.NOT_ELIGIBLE:  # it has not heard yet that this was decided anew
        triage = None
    if plan is None and Status.ACTIVE in reached:
        return Status.ACTIVE
    steps = [plan, triage, *sorted(reached & {Status.RECEIVED, Status.ACKNOWLEDGED})]
    return max((step for step in steps if step is not None), key=_RANK.__getitem__, default=known[-1].status)


def _stopped(eligibility: Status | None, triage: Status | None, plan: Status | None) -> Status | None:
    """Return what keeps a referral from going on: a decision that is awaited, the plan's end, a hold, a decision."""
    if eligibility is Status.ELIGIBILITY_REVIEW and plan in {None, Status.CLOSED}:
        return eligibility
    if plan is Status.CLOSED or triage is Status.ON_HOLD:
        return plan if plan is Status.CLOSED else triage
    refused = Status.NOT_ELIGIBLE in {eligibility, triage if eligibility is None else None}
    return Status.NOT_ELIGIBLE if refused else None


def _of_eligibility(known: Sequence[Fact]) -> Status | None:
    """Return what intake itself said last of eligibility."""
    spoken = {Status.ELIGIBILITY_REVIEW, Status.CLEARED, Status.NOT_ELIGIBLE}
    found = [fact.status for fact in known if fact.topic == types.TOPIC_REFERRAL and fact.status in spoken]
    return found[-1] if found else None


def _last(known: Sequence[Fact], topic: str) -> Status | None:
    found = [fact for fact in known if fact.topic == topic and fact.status is not Status.ACKNOWLEDGED]
    return found[-1].status if found else None
