"""Taking part and being supported: the participant, the engagements, and what of a plan is a milestone by itself."""

from collections.abc import Callable
from datetime import date

from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import Closed, PlanAgreed
from services.contracts.plan_codes import ClosureCode, EvidenceKind, SessionAttendance
from services.contracts.plan_support_change import SessionRecorded
from services.outcomes.domain.entries import own_record, reach
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.terms import ENGAGEMENT, PARTICIPANT, RateBook, Term
from services.outcomes.domain.verdict import Verdict

Condition = Callable[[Term], str | None]
"""What of a term is not met, as a code; None: all is."""


def consented(update: PlanUpdated, day: date) -> bool:
    """Tell whether the person had consented to take part on ``day``; the day of the consent counts.

    False before the referral. The plan holds only the latest word: where that is unknown, or withdrawn
    after ``day``, consent stood from the referral on, because intake takes no referral without it.
    """
    if day < update.referred_on:
        return False
    said = update.plan.consents.take_part if update.plan.consents else None
    if said is None:
        return True
    if said.given:
        return said.stood_from is None or said.stood_from <= day
    return said.on is not None and day < said.on


def barred(state: Earnings, update: PlanUpdated, *, late: bool = False) -> str | None:
    """Return why nothing but the participant can follow on the fact's day; None: something may.

    Only a participant's facts count, from their own day on, under consent. ``late``: also before that day.
    """
    on = update.change.occurred_on
    start = state.first(PARTICIPANT)
    if start is None:
        return "no_participant"
    if on < start.on and not late:
        return "before_participant"
    return None if consented(update, on) else "no_consent"


def met(
    state: Earnings,
    update: PlanUpdated,
    book: RateBook,
    fact: str,
    record: EvidenceKind,
    reason: str,
    unmet: Condition = lambda _: None,
) -> list[Verdict]:
    """Return what each of the card's milestones for a fact of today comes to, its own record being the evidence."""
    on = update.change.occurred_on
    terms = book.terms(update.programme.id, update.contract or "", on)
    found = []
    for term in terms.by_fact.get(fact, ()):
        why = unmet(term) or outside(state, term, on)
        if why is not None:
            found.append(Verdict(why, term.milestone, card=terms.card))
        else:
            found.append(reach(state, update, terms, term, on, (own_record(update, record),), reason))
    return found or [Verdict("not_priced", fact, card=terms.card)]


def outside(state: Earnings, term: Term, on: date) -> str | None:
    """Return whether a milestone reached on a day lies within a term's gap, or after its window."""
    start = state.first(PARTICIPANT)
    if term.within_days is not None and start is not None and (on - start.on).days > term.within_days:
        return "after_window"
    if any(abs((on - paid.on).days) < term.gap_days for paid in state.of(term.milestone)):
        return "within_gap"
    return None


def session_recorded(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a session earns: the participant if it is the first that counts, else an engagement."""
    assert isinstance(update.change, SessionRecorded)  # noqa: S101  decide calls it for this type
    if update.change.attendance is not SessionAttendance.ATTENDED:
        return [Verdict("not_attended")]
    if state.first(PARTICIPANT) is None:
        return _participant(state, update, book)
    record = EvidenceKind.ATTENDANCE_RECORD
    found = engaged(state, update, book, record, "attended_session")
    attended = update.plan.counters.sessions_attended
    if barred(state, update) is None:
        numbered = met(
            state, update, book, "nth_session", record, "session_reached",
            lambda term: "not_yet_nth" if attended < term.nth else None,
        )  # fmt: skip
        found += [verdict for verdict in numbered if verdict.code != "not_priced"]
    return found


def _participant(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    on = update.change.occurred_on
    if not consented(update, on):
        return [Verdict("no_consent", PARTICIPANT)]
    terms = book.terms(update.programme.id, update.contract or "", on)
    if not terms.taken_up(update.referred_on, update.plan.acknowledged_on):
        return [Verdict("not_taken_up", PARTICIPANT, card=terms.card)]
    return met(state, update, book, PARTICIPANT, EvidenceKind.ATTENDANCE_RECORD, "first_attended_session")


def step_finished(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a finished step earns: an engagement, or what the card pays for a step by itself."""
    return _either(state, update, book, "step_finished", EvidenceKind.STEP_RECORD, "finished_step")


def plan_agreed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what an agreed plan earns."""
    assert isinstance(update.change, PlanAgreed)  # noqa: S101  decide calls it for this type
    why = barred(state, update)
    if why is not None:
        return [Verdict(why, "plan_agreed")]
    return met(state, update, book, "plan_agreed", EvidenceKind.PLAN_RECORD, "plan_agreed")


def plan_closed(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what the end of support earns, where it was by agreement."""
    assert isinstance(update.change, Closed)  # noqa: S101  decide calls it for this type
    if update.change.closure is not ClosureCode.COMPLETED_BY_AGREEMENT:
        return [Verdict("not_by_agreement", "closed_by_agreement")]
    why = barred(state, update)
    if why is not None:
        return [Verdict(why, "closed_by_agreement")]
    return met(state, update, book, "closed_by_agreement", EvidenceKind.PLAN_RECORD, "closed_by_agreement")


def review_held(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Verdict]:
    """Return what a review earns by having taken place."""
    return _either(state, update, book, "review_completed", EvidenceKind.REVIEW_RECORD, "completed_review")


def _either(
    state: Earnings, update: PlanUpdated, book: RateBook, fact: str, record: EvidenceKind, reason: str
) -> list[Verdict]:
    found = engaged(state, update, book, record, reason)
    if barred(state, update) is not None:
        return found
    by_itself = [v for v in met(state, update, book, fact, record, reason) if v.code != "not_priced"]
    return [v for v in found if v.code != "not_priced" or not by_itself] + by_itself


def engaged(state: Earnings, update: PlanUpdated, book: RateBook, record: EvidenceKind, reason: str) -> list[Verdict]:
    """Return the engagement that a fact earns, if any.

    A session recorded late, before the participant's own day, counts: had it come in order it would have
    been the first, and that one an engagement. A step or review before that day was no participant's.
    """
    start = state.first(PARTICIPANT)
    if start is not None and update.change.occurred_on == start.on:
        return [Verdict("day_of_participant", ENGAGEMENT)]
    why = barred(state, update, late=record is EvidenceKind.ATTENDANCE_RECORD)
    if why is not None:
        return [Verdict(why, ENGAGEMENT)]
    return met(state, update, book, ENGAGEMENT, record, reason)
