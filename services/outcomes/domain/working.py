"""Outcomes in work: into work or well in it again, work that has lasted, and what was earned by it.

What the person says is claimable until evidence confirms it. Work that has lasted, and earnings, need a recorded
confirmation: no timer earns money.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from services.contracts.base import Work
from services.contracts.codes import Attendance, WorkStatus
from services.contracts.outcome import Evidence
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import WorkStatusChanged, WorkStatusConfirmed
from services.outcomes.domain.entries import prove, reach
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.support import barred, outside
from services.outcomes.domain.terms import PARTICIPANT, WORK_OUTCOME, RateBook, Term, Terms
from services.outcomes.domain.verdict import Verdict

SUSTAINED_WORK: Final = "sustained_work"
EARNINGS: Final = "earnings"
_HAS_WORK = frozenset({WorkStatus.EMPLOYED, WorkStatus.SELF_EMPLOYED})
_NOT_WELL_AT_WORK = frozenset({Attendance.OFF_SICK, Attendance.STRUGGLING})


def is_at_work(work: Work) -> bool:
    """Tell whether a person has work and is neither off sick nor struggling in it [design]."""
    return work.status in _HAS_WORK and work.attendance not in _NOT_WELL_AT_WORK


def work_changed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a change of work earns, or a confirmation of it.

    Evidence comes with the confirmation, by itself later, or was recorded before and obtained on or after the day of
    what it shows. A confirmation first proves the claims that are open, then reaches what else the card names.
    """
    change = update.change
    assert isinstance(change, WorkStatusChanged | WorkStatusConfirmed)  # noqa: S101  decide calls it for these
    before = update.plan.work_at_referral
    if before is None or is_at_work(before):
        return [Verdict("work_unknown" if before is None else "worked_at_referral")]
    proven = list(_proven(state, update, book))
    claimed = {verdict.milestone for verdict in proven}
    why = barred(state, update)
    if why is not None:
        return proven or [Verdict(why, WORK_OUTCOME)]
    find = book.find if proven else book.terms
    terms = find(update.programme.id, update.contract or "", change.occurred_on)
    if terms is None:
        return [*proven, Verdict("no_card")]
    priced = (term for fact in (WORK_OUTCOME, SUSTAINED_WORK, EARNINGS) for term in terms.by_fact.get(fact, ()))
    found = [_reached(state, update, terms, term) for term in priced if term.milestone not in claimed]
    return proven + found or [Verdict("not_priced", WORK_OUTCOME, card=terms.card)]


def _proven(state: Earnings, update: PlanUpdated, book: RateBook) -> Iterator[Verdict]:
    """Yield what a change of work makes of each open claim that is about work."""
    for claim in state.claimable:
        terms = book.terms(update.programme.id, claim.contract, claim.on)
        term = terms.by_milestone[claim.milestone]
        if term.fact not in {WORK_OUTCOME, SUSTAINED_WORK, EARNINGS}:
            continue
        unmet, _ = _unmet(state, update, term)
        shown = _brought(update)
        if term.fact != WORK_OUTCOME:
            shown = tuple(e for e in shown if e.obtained_on >= (_anniversary(update, term) or claim.on))
        if unmet is not None:
            yield Verdict(unmet, claim.milestone, card=terms.card)
        else:
            yield prove(state, update, claim, terms, shown)


def _reached(state: Earnings, update: PlanUpdated, terms: Terms, term: Term) -> Verdict:
    change = update.change
    unmet, reached = _unmet(state, update, term)
    why = unmet or outside(state, term, reached)
    if why is not None:
        return Verdict(why, term.milestone, card=terms.card)
    brought = _brought(update)
    kept = tuple(e for e in update.plan.latest.evidence if e.obtained_on >= reached and e not in brought)
    if term.fact != WORK_OUTCOME:
        brought = tuple(e for e in brought if e.obtained_on >= reached or term.fact == EARNINGS)
    reason = "work_confirmed" if isinstance(change, WorkStatusConfirmed) else "work_reported"
    return reach(state, update, terms, term, change.occurred_on, (*brought, *kept), reason)


def _unmet(state: Earnings, update: PlanUpdated, term: Term) -> tuple[str | None, date]:
    """Return what of a term is not met, if anything, and the day on which it was reached."""
    change = update.change
    on = change.occurred_on
    if term.fact == WORK_OUTCOME or not isinstance(change, WorkStatusConfirmed):
        assert isinstance(change, WorkStatusChanged | WorkStatusConfirmed)  # noqa: S101  work_changed has looked
        at_work = is_at_work(change.work)
        return (None if at_work else "not_in_work") if term.fact == WORK_OUTCOME else "not_confirmed", on
    if term.fact == EARNINGS:
        return _earned_enough(change, term), on
    return _lasted(state, change, term)


def _earned_enough(change: WorkStatusConfirmed, term: Term) -> str | None:
    pairs = (
        (term.least_earnings_pence, change.earned_pence),
        (term.least_self_employed_days, change.self_employed_days),
    )
    enough = any(least is not None and shown is not None and shown >= least for least, shown in pairs)
    return None if enough else "earned_too_little"


def _lasted(state: Earnings, change: WorkStatusConfirmed, term: Term) -> tuple[str | None, date]:
    """Return what keeps work from having lasted, and its anniversary: so many weeks of work after its first day.

    Breaks put the anniversary off by their days; ``within_weeks`` bounds them. Work that had begun before the person
    became a participant is not the programme's.
    """
    on, start = change.occurred_on, state.first(PARTICIPANT)
    if not is_at_work(change.work) or change.since is None:
        return "since_unknown" if change.since is None else "not_in_work", on
    anniversary = _after(change.since, term, change.break_days)
    breaks_allowed = None if term.within_weeks is None else (term.within_weeks - term.weeks) * 7
    checks = (
        ("before_participant", start is not None and change.since < start.on),
        ("not_sustained_yet", on < anniversary),
        ("break_too_long", breaks_allowed is not None and (change.break_days or 0) > breaks_allowed),
        ("too_few_hours", (change.weekly_hours or 0) < term.least_hours),
    )
    return next((code for code, unmet in checks if unmet), None), anniversary


def _anniversary(update: PlanUpdated, term: Term) -> date | None:
    change = update.change
    if not isinstance(change, WorkStatusConfirmed) or change.since is None or term.fact != SUSTAINED_WORK:
        return None
    return _after(change.since, term, change.break_days)


def _after(since: date, term: Term, break_days: int | None) -> date:
    return since + timedelta(weeks=term.weeks, days=break_days or 0)


def _brought(update: PlanUpdated) -> Sequence[Evidence]:
    change = update.change
    return change.evidence if isinstance(change, WorkStatusConfirmed) else ()
