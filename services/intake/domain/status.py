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
from services.contracts.codes import TriageOutcome
from services.contracts.outcome import OutcomeRecorded, ReferralOutcome
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import ChangeKind, OutcomeKind, PlanState
from services.contracts.triage import TriageAcknowledged, TriageCompleted


class Status(StrEnum):
    """What a referrer may be told, in the order in which it usually happens."""

    RECEIVED = "received"
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


def view(facts: Iterable[Fact], *, reduced: bool = False) -> View | None:
    """Return how a referral stands, None when nothing is known of it."""
    known = sorted(set(facts), key=lambda fact: (fact.topic, fact.sequence, _RANK[fact.status]))
    days: dict[Status, date] = {}
    for fact in known:
        if not reduced or fact.status in REDUCED:
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
    if Status.WITHDRAWN in {_last(known, types.TOPIC_REFERRAL), plan}:
        return Status.WITHDRAWN
    if plan is Status.CLOSED:
        return Status.CLOSED
    if Status.ELIGIBILITY_REVIEW in reached and triage in {None, Status.ON_HOLD}:
        return Status.ELIGIBILITY_REVIEW
    if triage in {Status.ON_HOLD, Status.NOT_ELIGIBLE}:
        return triage
    if plan is None and Status.ACTIVE in reached:
        return Status.ACTIVE
    steps = [plan, triage, *sorted(reached & {Status.RECEIVED, Status.ACKNOWLEDGED})]
    return max((step for step in steps if step is not None), key=_RANK.__getitem__, default=known[-1].status)


def _last(known: Sequence[Fact], topic: str) -> Status | None:
    found = [fact for fact in known if fact.topic == topic and fact.status is not Status.ACKNOWLEDGED]
    return found[-1].status if found else None
