"""What a change of a plan earns: one rule for each kind of change that can earn or take back.

First come, first served: facts are judged in the order of the plan's versions, by their own dates, against
what is already earned. Nothing earned is moved by a later fact; only a correction takes it back. An event
that earns nothing yields nothing: it never raises for a reason of the domain.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import (
    Corrected,
    EvidenceRecorded,
    ReviewCompleted,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_support_change import SessionRecorded, StepFinished
from services.kernel.decision import Command, Draft, Reason, Received, Refused
from services.outcomes.domain.entries import reverse
from services.outcomes.domain.results import evidence_recorded, review_completed, work_changed
from services.outcomes.domain.state import NOTHING, Earnings, Entry
from services.outcomes.domain.support import session_recorded, step_finished
from services.outcomes.domain.terms import RateBook


def decide(state: Earnings | None, cause: Received | Command, *, policy: RateBook, now: datetime) -> list[Draft]:
    """Return the entries that follow from a plan's change. Raises PolicyMissing where no card prices its day.

    Of a plan that is additional to another of the same person nothing is earned: the other one is paid for those days.
    What it earned before it became so can still be taken back.
    ``now`` decides nothing: every date is the fact's own. Raises Refused for a command: it takes none.
    """
    if isinstance(cause, Command):
        raise Refused(Reason("unknown_command", f"outcomes takes no command {cause.type!r}"), status=422)
    update: PlanUpdated = cause.data
    rule = _RULES.get(type(update.change))
    if rule is None or update.contract is None or update.provider is None:
        return []
    if update.plan.additional and rule is not corrected:
        return []
    return rule(state or NOTHING, update, policy)


def corrected(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Take back what a wrong fact had earned, or what rests on its evidence alone.

    The right one arrives as a fact of its own.
    """
    change = update.change
    assert isinstance(change, Corrected)  # noqa: S101  decide calls it for this type
    reason = change.reason.value if change.reason else "corrected"
    return [
        reverse(update, entry, book.terms(update.programme.id, entry.contract, entry.on), reason)
        for entry in (*state.earned, *state.claimable)
        if _falls(entry, change, update)
    ]


def _falls(entry: Entry, change: Corrected, update: PlanUpdated) -> bool:
    """Tell whether an entry rests on what was taken back: on that fact, or on evidence that nobody shows any more."""
    if change.refers_to is None:
        return False
    gone = [shown for shown in change.evidence if shown not in update.plan.latest.evidence]
    return change.refers_to in entry.plan_versions or (bool(entry.shown) and all(e in gone for e in entry.shown))


Rule = Callable[[Earnings, PlanUpdated, RateBook], list[Draft]]

_RULES: Mapping[type[Any], Rule] = {
    SessionRecorded: session_recorded,
    StepFinished: step_finished,
    ReviewCompleted: review_completed,
    WorkStatusChanged: work_changed,
    WorkStatusConfirmed: work_changed,
    EvidenceRecorded: evidence_recorded,
    Corrected: corrected,
}
