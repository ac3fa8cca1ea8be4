"""What a change of a plan earns: one rule for each kind of change that can earn or take back.

First come, first served: facts are judged in the order of the plan's versions, by their own dates, against
what is already earned. Nothing earned is moved by a later fact; only a correction, or finance, takes it back. An event
that earns nothing yields nothing: it never raises for a reason of the domain.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import (
    Closed,
    Corrected,
    EvidenceRecorded,
    PlanAgreed,
    ReviewCompleted,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_support_change import SessionRecorded, StepFinished
from services.kernel.decision import Command, Draft, Received
from services.outcomes.domain.commanding import commanded
from services.outcomes.domain.entries import reverse
from services.outcomes.domain.results import evidence_recorded, review_completed
from services.outcomes.domain.state import NOTHING, Earnings, Entry
from services.outcomes.domain.support import plan_agreed, plan_closed, session_recorded, step_finished
from services.outcomes.domain.terms import RateBook
from services.outcomes.domain.verdict import Verdict
from services.outcomes.domain.working import work_changed


def decide(state: Earnings | None, cause: Received | Command, *, policy: RateBook, now: datetime) -> list[Draft]:
    """Return the entries that follow from a plan's change, or from a command of finance.

    Raises PolicyMissing where no card prices a fact's day, Refused for a command that may not be. ``now`` decides
    nothing of a plan's change: every date is the fact's own.
    """
    if isinstance(cause, Command):
        return commanded(state, cause, policy, now)
    return [verdict.draft for verdict in judge(state, cause.data, policy) if verdict.draft is not None]


def judge(state: Earnings | None, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a plan's change comes to, and why where that is nothing. Never empty. Raises PolicyMissing.

    Of a plan that is additional to another of the same person nothing is earned: the other one is paid for those days.
    What it earned before it became so can still be taken back. What rests on entries that stand is theirs: it is taken
    back from, or proven for, whom they name, also when the plan has gone to a provider without a contract.
    """
    rule = _RULES.get(type(update.change))
    if rule is None:
        return [Verdict("pays_for_nothing")]
    if (update.contract is None or update.provider is None) and rule not in {corrected, evidence_recorded}:
        return [Verdict("no_contract")]
    if update.plan.additional and rule is not corrected:
        return [Verdict("additional")]
    return rule(state or NOTHING, update, book)


def corrected(state: Earnings, update: PlanUpdated, _: RateBook) -> list[Verdict]:
    """Take back what a wrong fact had earned, or what rests on its evidence alone.

    The right one arrives as a fact of its own.
    """
    change = update.change
    assert isinstance(change, Corrected)  # noqa: S101  decide calls it for this type
    reason = change.reason.value if change.reason else "corrected"
    found = [
        Verdict("taken_back", entry.milestone, reverse(update, entry, reason), entry.card)
        for entry in (*state.earned, *state.claimable)
        if _falls(entry, change, update)
    ]
    return found or [Verdict("nothing_to_take_back")]


def _falls(entry: Entry, change: Corrected, update: PlanUpdated) -> bool:
    """Tell whether an entry rests on what was taken back: on that fact, or on evidence that nobody shows any more."""
    if change.refers_to is None:
        return False
    gone = [shown for shown in change.evidence if shown not in update.plan.latest.evidence]
    return change.refers_to in entry.plan_versions or (bool(entry.shown) and all(e in gone for e in entry.shown))


Rule = Callable[[Earnings, PlanUpdated, RateBook], list[Verdict]]

_RULES: Mapping[type[Any], Rule] = {
    SessionRecorded: session_recorded,
    StepFinished: step_finished,
    PlanAgreed: plan_agreed,
    Closed: plan_closed,
    ReviewCompleted: review_completed,
    WorkStatusChanged: work_changed,
    WorkStatusConfirmed: work_changed,
    EvidenceRecorded: evidence_recorded,
    Corrected: corrected,
}
