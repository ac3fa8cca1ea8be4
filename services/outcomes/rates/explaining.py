"""One participant's history line by line: each fact of the plan, what it earned, or why it earned nothing.

The judgement is that of ``decide``, made again on the same state; amounts are those of the log.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel

from services.contracts.base import PolicyVersion
from services.contracts.outcome import Evidence, OutcomeRecorded, ReferralOutcome
from services.contracts.plan_codes import OutcomeKind
from services.kernel.decision import Event, PolicyMissing, Received
from services.outcomes.domain.decide import judge
from services.outcomes.domain.state import Earnings, evolve
from services.outcomes.domain.terms import RateBook
from services.outcomes.domain.verdict import SENTENCES, Verdict

NO_CARD: Final = "no_card_yet"
NOT_READ: Final = "not_read_yet"
_OURS: Final = {
    NO_CARD: "No rate card prices that day: the consumer stands still until a programme file covers it.",
    NOT_READ: "Outcomes has not read this change yet.",
}


class Caused(BaseModel):
    """A plan's change as the log holds it, and when it was recorded."""

    model_config = {"arbitrary_types_allowed": True}

    cause: Received
    recorded_at: datetime


class Posted(BaseModel):
    """One of outcomes' own events, what caused it, and when it was recorded."""

    model_config = {"arbitrary_types_allowed": True}

    event: Event
    cause_id: str
    recorded_at: datetime


class Line(BaseModel):
    """One thing said of one fact. ``plan_version`` None: finance commanded it."""

    plan_version: int | None
    fact: str
    occurred_on: date
    milestone: str | None
    occurrence: int | None = None
    code: str
    reason: str
    card: PolicyVersion | None
    kind: OutcomeKind | None = None
    effective_on: date | None = None
    evidence: tuple[Evidence, ...] = ()
    amount_pence: int = 0
    running_pence: int = 0
    entry_id: str | None = None


class Explanation(BaseModel):
    """A referral's whole history; ``total_pence`` is what stands after the last line, ``claimable`` what waits."""

    referral_id: str
    lines: tuple[Line, ...]
    total_pence: int
    claimable: tuple[str, ...]


def explain(referral_id: str, causes: Sequence[Caused], posted: Sequence[Posted], book: RateBook) -> Explanation:
    """Return the explanation of one referral; ``causes`` and ``posted`` each in the order of their sequence."""
    state: Earnings | None = None
    lines: list[Line] = []
    left = list(posted)
    known = {caused.cause.id for caused in causes}
    for caused in causes:
        own = [one for one in left if one.cause_id == caused.cause.id]
        before = left.index(own[0]) if own else _commanded_before(left, known, caused.recorded_at)
        for one in left[:before]:
            lines.append(_commanded(one.event))
            state = evolve(state, one.event)
        lines += _judged(state, caused.cause, [one.event for one in own], book)
        for one in own:
            state = evolve(state, one.event)
        left = left[before + len(own) :]
    for one in left:
        lines.append(_commanded(one.event))
        state = evolve(state, one.event)
    total = 0
    for line in lines:
        total += line.amount_pence
        line.running_pence = total
    open_claims = state.claimable if state is not None else ()
    claims = tuple(f"{claim.milestone}/{claim.occurrence}" for claim in open_claims)
    return Explanation(referral_id=referral_id, lines=tuple(lines), total_pence=total, claimable=claims)


def sentence(code: str) -> str:
    """Return what a code means, for a person."""
    return SENTENCES.get(code) or _OURS[code]


def _commanded_before(left: Sequence[Posted], known: set[str], moment: datetime) -> int:
    """Return how many of the next events finance had commanded by then."""
    count = 0
    while count < len(left) and left[count].cause_id not in known and left[count].recorded_at <= moment:
        count += 1
    return count


def _judged(state: Earnings | None, cause: Received, own: Sequence[Event], book: RateBook) -> Iterator[Line]:
    update: Any = cause.data
    said = {"plan_version": update.plan_version, "fact": update.change.kind.value}
    said |= {"occurred_on": update.change.occurred_on}
    try:
        verdicts = judge(state, update, book)
    except PolicyMissing:
        verdicts = [Verdict(NO_CARD)]
    events = iter(own)
    for verdict in verdicts:
        event = next(events, None) if verdict.draft is not None else None
        code = verdict.code if verdict.draft is None or event is not None else NOT_READ
        card = verdict.card
        line = {**said, "milestone": verdict.milestone, "code": code, "reason": sentence(code), "card": card}
        yield Line(**line, **(_entry(event) if event is not None else {}))


def _commanded(event: Event) -> Line:
    outcome = event.data.root
    command = outcome.command
    code = "clawed_back" if outcome.kind is OutcomeKind.CLAWBACK else "re_rated"
    fields = {
        "plan_version": None,
        "fact": command.kind if command is not None else outcome.kind.value,
        "occurred_on": outcome.occurred_on,
        "milestone": outcome.milestone.code,
        "code": code,
        "reason": sentence(code),
        "card": outcome.rate_card,
    }
    return Line(**fields, **_entry(event))


def _entry(event: Event) -> dict[str, Any]:
    assert isinstance(event.data, OutcomeRecorded)  # noqa: S101  a referral's key has no other events
    outcome = event.data.root
    assert isinstance(outcome, ReferralOutcome)  # noqa: S101
    return {
        "occurrence": outcome.milestone.occurrence if outcome.milestone else None,
        "kind": outcome.kind,
        "effective_on": outcome.effective_on,
        "evidence": outcome.evidence,
        "amount_pence": outcome.amount_pence,
        "entry_id": event.id,
    }
